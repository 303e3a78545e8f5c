// A table for people: columns of text, cut to the width of a terminal.

/** A column: its title, and how its cells stand. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** True: the cells may be cut when the table is too wide. */
  readonly cut?: boolean;
}

const GAP = '  ';
/** A column is not cut below this: an address such as 127.0.0.1:65535 stays whole. */
const LEAST = 15;

/** The text in at most `width` characters, with an ellipsis in the middle, because paths differ at their ends. */
function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = Math.ceil((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

/**
 * Takes characters from the widest of the columns that may be cut until the table fits, or each is down to the least.
 */
function shrink(columns: readonly Column[], widths: number[], width: number): void {
  let excess = widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length) - width;
  while (excess > 0) {
    const allowed = widths.filter((one, i) => columns[i]?.cut && one > LEAST);
    if (allowed.length === 0) return;
    const widest = widths.findIndex((one, i) => columns[i]?.cut && one === Math.max(...allowed));
    widths[widest] = (widths[widest] as number) - 1;
    excess--;
  }
}

/**
 * The lines of a table, the titles first. A column without text in any row is left out.
 *
 * @param width - of the terminal; Infinity cuts nothing
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const used = columns.map((_, i) => i).filter((i) => rows.some((row) => row[i]));
  const kept = used.map((i) => columns[i] as Column);
  const cells = [
    kept.map(({ title }) => title),
    ...rows.map((row) => used.map((i) => row[i] ?? '')),
  ];
  const widths = kept.map((_, i) => Math.max(...cells.map((row) => (row[i] as string).length)));
  shrink(kept, widths, width);
  return cells.map((row) =>
    row
      .map((text, i) => {
        const room = widths[i] as number;
        const short = cut(text, room);
        return kept[i]?.align === 'right' ? short.padStart(room) : short.padEnd(room);
      })
      .join(GAP)
      .trimEnd(),
  );
}
