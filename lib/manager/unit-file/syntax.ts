// The lines of a unit file: sections, assignments, continuations and comments, see systemd.syntax(7).

/** One `Key=value` of a unit file. */
export interface Assignment {
  /** Such as `Service`. */
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly file: string;
  /** The line that it begins on, from 1. */
  readonly line: number;
}

/** A line that systemd skips with a warning, or a setting that does nothing here. */
export interface Remark extends Assignment {
  /** Why, as a part of a sentence: `systemd 252 has no such setting`. */
  readonly why: string;
}

interface LogicalLine {
  readonly text: string;
  readonly line: number;
}

/** The blanks that systemd strips. Not `\s`, which has more. */
const BLANKS = ' \t\n\r';

const strip = (text: string): string =>
  text.replace(new RegExp(`^[${BLANKS}]+|[${BLANKS}]+$`, 'g'), '');

/** True for a line whose last backslash is not itself escaped. */
const isContinued = (text: string): boolean => ((/\\+$/.exec(text)?.[0].length ?? 0) & 1) === 1;

/**
 * Joins continued lines. A backslash at the end of a line becomes a blank. Comments in between are skipped, and the
 * continuation goes on after them.
 */
function logicalLines(text: string): LogicalLine[] {
  const lines: LogicalLine[] = [];
  let open: LogicalLine | undefined;
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n\r|\n|\r|\0/)
    .entries()) {
    if (/^[ \t]*[#;]/.test(raw)) continue;
    const joined: LogicalLine = { text: (open?.text ?? '') + raw, line: open?.line ?? index + 1 };
    if (isContinued(joined.text)) {
      open = { ...joined, text: `${joined.text.slice(0, -1)} ` };
    } else {
      lines.push(joined);
      open = undefined;
    }
  }
  if (open !== undefined) lines.push(open);
  return lines;
}

/** What a file says, in its order. */
export interface ParsedFile {
  readonly assignments: readonly Assignment[];
  readonly unknown: readonly Remark[];
}

/** Reads the text of a unit file. `file` is for messages. Sections whose names begin with `X-` belong to others. */
export function parseUnitText(text: string, file: string, sections: readonly string[]): ParsedFile {
  const assignments: Assignment[] = [];
  const unknown: Remark[] = [];
  let section = '';
  for (const { text: line, line: number } of logicalLines(text)) {
    const stripped = strip(line);
    const at = stripped.indexOf('=');
    const place = { section, key: stripped, value: '', file, line: number };
    if (stripped === '') continue;
    if (stripped.startsWith('[')) {
      section = stripped.slice(1, -1);
      const isKnown =
        stripped.endsWith(']') && (sections.includes(section) || section.startsWith('X-'));
      if (!isKnown) unknown.push({ ...place, section, why: 'systemd has no such section' });
    } else if (section === '') {
      unknown.push({ ...place, why: 'it comes before the first section' });
    } else if (!sections.includes(section)) {
      // All of the section is somebody else's, or was reported with its header.
    } else if (at <= 0) {
      unknown.push({ ...place, why: at === 0 ? 'the name before = is missing' : 'a = is missing' });
    } else {
      const key = strip(stripped.slice(0, at));
      assignments.push({ ...place, key, value: strip(stripped.slice(at + 1)) });
    }
  }
  return { assignments, unknown };
}
