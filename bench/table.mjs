// Measured rows as a table in Markdown, aligned so that a terminal shows it well.

/** Three significant digits. */
function format(value, unit) {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return `${value.toFixed(Math.min(digits, 3))} ${unit}`;
}

function verdict({ c, node, target, unit }) {
  if (target === undefined) return ['', ''];
  const { times, most } = target;
  const isMet = times === undefined ? node <= most : node / c <= times;
  return [times === undefined ? `≤ ${most} ${unit}` : `≤ ${times} × C`, isMet ? 'ok' : '**over**'];
}

function cells(row) {
  const { what, c, node, unit } = row;
  return [
    what,
    c === undefined ? '' : format(c, unit),
    format(node, unit),
    c === undefined ? '' : (node / c).toFixed(2),
    ...verdict(row),
  ];
}

/** Rows are { what, unit, node, c?, target? }, a target { times } as much as C or { most }. */
export function table(rows) {
  const head = ['', 'C', 'Node', 'Node / C', 'target', ''];
  const body = rows.map(cells);
  const widths = head.map((_, i) => Math.max(3, ...[head, ...body].map((line) => line[i].length)));
  const isNumber = (i) => i > 0 && i < 4;
  const pad = (cell, i) => (isNumber(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]));
  const rule = widths.map((width, i) => '-'.repeat(width - 1) + (isNumber(i) ? ':' : '-'));
  const line = (parts) => `| ${parts.join(' | ')} |`;
  return [line(head.map(pad)), line(rule), ...body.map((row) => line(row.map(pad)))].join('\n');
}
