// Standard output and standard error as streams of the journal: which they are, and the priority of a line.
import { fs } from '../base/lazy-builtins.ts';
import { invalidType, invalidValue } from '../base/validate.ts';
import { MOST_BYTES_OF_UNIT } from './entry-bytes.ts';
import { type Priority, priorityNumber } from './priority.ts';

/**
 * Bytes after which journald breaks a line (LineMax= of journald.conf(5)). The rest becomes an entry without the priority.
 */
const LONGEST_LINE = 48 * 1024;

/** What ends a line of a stream. */
const LINE_BREAK = /\n|\0/;

/** True when the fd is the stream that JOURNAL_STREAM names: systemd.exec(5). A child process may have the variable, and another fd. */
export function isStream(fd: 1 | 2): boolean {
  if (fd !== 1 && fd !== 2) throw invalidValue('fd', '1 or 2', fd);
  const { JOURNAL_STREAM: stream } = process.env;
  if (stream === undefined || stream === '') return false;
  try {
    const { dev, ino } = fs().fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false; // closed
  }
}

/** A line in pieces that journald does not break. A piece never ends within a character. */
function pieces(line: string, most: number): string[] {
  if (line.length * MOST_BYTES_OF_UNIT <= most) return [line];
  const all: string[] = [];
  let start = 0;
  let bytes = 0;
  let at = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (bytes + size > most) {
      all.push(line.slice(start, at));
      start = at;
      bytes = 0;
    }
    bytes += size;
    at += character.length;
  }
  return [...all, line.slice(start)];
}

/**
 * Puts a priority before each line of a text for standard output or standard error: `<3>` for `err`. journald takes it off
 * (SyslogLevelPrefix= of systemd.exec(5), which is on by default). Each line is an entry of its own; `journal.send()`
 * makes one entry of them.
 *
 * - A line break at the end of the text stays, and gets no line after it.
 * - A null byte ends a line too, because it does so for journald.
 * - A line of more than 48 KiB is broken, because journald would break it, and give the rest no priority.
 *
 * @param priority - its name, such as `'err'`, or its number
 * @param text - any number of lines
 * @returns the text with prefixes; '' for ''
 * @throws TypeError ERR_INVALID_ARG_VALUE when `priority` is none; ERR_INVALID_ARG_TYPE when `text` is no string
 * @see sd-daemon(3), SD_ERR; systemd.exec(5), SyslogLevelPrefix=
 */
export function levelPrefix(priority: Priority, text: string): string {
  const prefix = `<${priorityNumber(priority, 'priority')}>`;
  if (typeof text !== 'string') throw invalidType('text', 'of type string', text);
  const lines = text.split(LINE_BREAK);
  const end = lines.at(-1) === '' ? '\n' : '';
  if (end !== '') lines.pop();
  const broken = lines.flatMap((line) => pieces(line, LONGEST_LINE - prefix.length));
  const prefixed = broken.map((line) => prefix + line).join('\n');
  return text === '' ? '' : prefixed + end;
}
