// The table of docs/runtimes.md.
import type { Row } from './rows.ts';
import type { Runtime } from './runtimes.ts';
import { YES } from './scenarios.ts';

const SIGNS = '¹²³⁴⁵⁶⁷⁸⁹';

/** The cell of a row that is for another kind of runtime. */
const NONE = '–';

const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

/** All notes, each once, in the order of the rows. */
function notesOf(rows: readonly Row[]): readonly string[] {
  const exceptions = rows.flatMap(({ except = {} }) => Object.values(except));
  return [...new Set(exceptions.map(({ note }) => note))];
}

function formatName({ name, version }: Runtime): string {
  const [program, ...others] = name.split(/(?: \d+)?(?=,|$)/);
  return `${program} ${version}${others.join('')}`;
}

/** Formats the table with its notes in Markdown. */
export function formatTable(
  rows: readonly Row[],
  runtimes: readonly Runtime[],
  outcomeOf: (row: Row, runtime: Runtime) => string | undefined,
): string {
  const notes = notesOf(rows);
  const cell = (row: Row, runtime: Runtime) => {
    const outcome = outcomeOf(row, runtime) ?? NONE;
    if (outcome === YES || outcome === NONE) return outcome;
    const note = row.except?.[runtime.kind]?.note;
    const sign = note === undefined ? '' : ` ${SIGNS[notes.indexOf(note)]}`;
    return `${/^[A-Z_]+$/.test(outcome) ? `\`${outcome}\`` : outcome}${sign}`;
  };
  return [
    line(['', ...runtimes.map(formatName)]),
    line(['', ...runtimes].map(() => '---')),
    ...rows.map((row) => line([row.what, ...runtimes.map((runtime) => cell(row, runtime))])),
    '',
    ...notes.flatMap((note, i) => [`${SIGNS[i]} ${note}`, '']),
  ].join('\n');
}

/** Replaces the table of a page. */
export function replaceTable(page: string, table: string): string {
  return page.replace(/(?<=<!-- result -->\n)[\s\S]*(?=<!-- end -->)/, () => table);
}
