// The table of docs/runtimes.md.
import { type Row, YES } from './rows.ts';
import type { Runtime } from './runtimes.ts';

const SIGNS = '¹²³⁴⁵⁶⁷⁸⁹';

/** Of what is not there: the row is for another kind of runtime. */
const NONE = '–';

const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

/** The notes, each once, in the order of the rows. */
function notesOf(rows: readonly Row[]): readonly string[] {
  const exceptions = rows.flatMap(({ except = {} }) => Object.values(except));
  return [...new Set(exceptions.map(({ note }) => note))];
}

function head({ name, version }: Runtime): string {
  const [program, ...others] = name.split(/ \d+/);
  return `${program} ${version}${others.join('')}`;
}

export function markdown(
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
    line(['', ...runtimes.map(head)]),
    line(['', ...runtimes].map(() => '---')),
    ...rows.map((row) => line([row.what, ...runtimes.map((runtime) => cell(row, runtime))])),
    '',
    ...notes.flatMap((note, i) => [`${SIGNS[i]} ${note}`, '']),
  ].join('\n');
}

/** The page with this table in the place of the one that it has. */
export function withTable(page: string, table: string): string {
  return page.replace(/(?<=<!-- result -->\n)[\s\S]*(?=<!-- end -->)/, () => table);
}
