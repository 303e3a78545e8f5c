// Environment= and EnvironmentFile=, see systemd.exec(5).
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readText } from './text-file.ts';
import { InvalidValue } from './values.ts';

export type Variable = readonly [name: string, value: string];

const NAME = /^[A-Za-z_]\w*$/;

/** Reads a word of Environment=, such as `A=1`. @throws InvalidValue */
export function parseVariable(assignment: string): Variable {
  const at = assignment.indexOf('=');
  const name = assignment.slice(0, at);
  if (at <= 0 || !NAME.test(name)) {
    throw new InvalidValue(`NAME=value is expected, and '${assignment}' is none`);
  }
  return [name, assignment.slice(at + 1)];
}

/**
 * The pieces of a value, from its `=` on. Quotes count only where a piece begins; blanks around pieces are no part of
 * them. A piece without quotes goes on to the end of the line, with its quotes.
 */
const PIECE =
  /[ \t]*(?:"((?:\\[\s\S]|[^"\\])*)(?:"|$)|'([^']*)(?:'|$)|((?:\\[\s\S]|[^\n\r\\"' \t])(?:\\[\s\S]|[^\n\r\\])*))/y;

/** The blanks at the end of a piece without quotes, or before them an escape, whose blank stays. */
const BLANKS_AT_END = /(\\[\s\S])|[ \t]+$/g;

/** In double quotes a backslash escapes only these. Elsewhere it escapes any character. */
const IN_DOUBLE_QUOTES = /\\(["\\`$\n\r])/g;
const OUTSIDE = /\\([\s\S])/g;

const withoutEscapes = (text: string, escapes: RegExp): string =>
  text.replace(escapes, (_all, character) => (/[\n\r]/.test(character) ? '' : character));

/** Reads the value that begins at `from`. Returns where its line ends. */
function readValue(text: string, from: number): readonly [value: string, end: number] {
  let value = '';
  let end = from;
  for (;;) {
    PIECE.lastIndex = end;
    const match = PIECE.exec(text);
    if (match === null) return [value, end];
    const [, double, single, plain] = match;
    end = PIECE.lastIndex;
    if (double !== undefined) value += withoutEscapes(double, IN_DOUBLE_QUOTES);
    else value += single ?? withoutEscapes((plain as string).replace(BLANKS_AT_END, '$1'), OUTSIDE);
  }
}

/** The rest of a line. To systemd a carriage return ends one too. */
const LINE = /^[^\n\r]*/;

/** Reads the text of an environment file. Lines that are no assignment are skipped, as systemd does. */
function parseEnvironmentText(text: string): Variable[] {
  const variables: Variable[] = [];
  for (let at = 0; at < text.length; ) {
    const [line] = LINE.exec(text.slice(at)) as RegExpExecArray;
    const [, name] = /^[ \t]*([^#;=\s][^=]*?)[ \t]*=/.exec(line) ?? [];
    if (name === undefined) {
      at += line.length + 1;
      continue;
    }
    const [value, end] = readValue(text, at + line.indexOf('=') + 1);
    if (NAME.test(name)) variables.push([name, value]);
    at = end + (LINE.exec(text.slice(end)) as RegExpExecArray)[0].length + 1;
  }
  return variables;
}

/** The files that a path with `*` and `?` in its last part matches; a path without them is itself. */
function filesOf(path: string): string[] {
  const pattern = basename(path);
  if (!/[*?]/.test(pattern)) return [path];
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  const matches = new RegExp(`^${expression}$`);
  const names = readdirSync(dirname(path)).filter(
    (name) => matches.test(name) && !name.startsWith('.'),
  );
  if (names.length === 0) throw new InvalidValue(`no file is named ${path}`);
  return names.toSorted().map((name) => join(dirname(path), name));
}

/**
 * Reads the file of EnvironmentFile=. With `-` before the path it may be missing.
 *
 * @throws InvalidValue when it can't be read. The manager would not start the service.
 */
export function readEnvironmentFile(value: string): Variable[] {
  const isOptional = value.startsWith('-');
  const path = isOptional ? value.slice(1) : value;
  if (!path.startsWith('/')) throw new InvalidValue('an absolute path is expected');
  try {
    return filesOf(path).flatMap((file) => parseEnvironmentText(readText(file)));
  } catch (error) {
    if (isOptional) return [];
    throw new InvalidValue(`the file can't be read (${(error as Error).message})`);
  }
}
