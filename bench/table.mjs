// Tables in Markdown made of measured rows, aligned so that they are also readable in a terminal.
//
// A row has:
//
//   what, unit      what was measured, in which unit
//   node            the figure of this package
//   c, inC          the figure of C, and the name of the call in C if it is another one
//   plain, inPlain  the figure of Node alone, and what it does if it does something else
//   others          the other packages: { title, value } or { title, reason }, and perhaps a `note`
//   target          { times }, a factor of c or plain; or { most }, in the unit
//   targetOfOthers  a factor of the best figure of the other packages. Packages with a note don't count, because they
//                   do less.
//   brief           which figures the short table has: 'c', 'plain', or names of packages
//   plot            which chart of plot.mjs has the figures, and under which labels

const OURS = 'this package';

/** Formats a number with three significant digits, and at most three after the point. */
function formatNumber(value) {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 3));
}

/** Formats a figure with its unit. `of 300` is the unit of a count, which is a whole number. */
export function formatQuantity(value, unit) {
  if (value === undefined) return '';
  return `${unit.startsWith('of ') ? value : formatNumber(value)} ${unit}`;
}

/**
 * Formats a ratio with two digits after the point, or with one significant digit if that would be 0.00. Empty for
 * figures from 0 down, which are differences of nearly equal values.
 */
function formatRatio(ours, theirs) {
  if (theirs === undefined || theirs <= 0 || ours <= 0) return '';
  const quotient = ours / theirs;
  return quotient >= 0.01 ? quotient.toFixed(2) : quotient.toPrecision(1);
}

/** Formats a table, with the columns `numbers` aligned to the right. */
function layOut(head, body, numbers) {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...body].map((line) => line[i].length)));
  const isNumber = (i) => numbers.includes(i);
  const pad = (cell, i) => (isNumber(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]));
  const rule = widths.map((width, i) => '-'.repeat(width - 1) + (isNumber(i) ? ':' : '-'));
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head.map(pad)), line(rule), ...body.map((row) => line(row.map(pad)))].join('\n');
}

/** Returns the target as text, and whether the figure meets it. */
function verdictOf({ node, target, unit }, theirs, name) {
  if (target === undefined) return ['', ''];
  const { times, most } = target;
  const isMet = times === undefined ? node <= most : node / theirs <= times;
  const text = times === undefined ? `≤ ${most} ${unit}` : `≤ ${times} × ${name}`;
  return [text, isMet ? 'ok' : '**over**'];
}

const labelBesideC = ({ what, inC }) => (inC === undefined ? what : `${what}; C: ${inC}`);

const labelBesidePlain = ({ what, inPlain }) =>
  inPlain === undefined ? what : `${what}; alone: ${inPlain}`;

/** The table that compares this package with `c` or `plain`. */
function comparisonTable(rows, key, name, labelOf) {
  const head = ['', name, OURS, 'ratio', 'target', ''];
  const body = rows.map((row) => [
    labelOf(row),
    formatQuantity(row[key], row.unit),
    formatQuantity(row.node, row.unit),
    formatRatio(row.node, row[key]),
    ...verdictOf(row, row[key], name),
  ]);
  return layOut(head, body, [1, 2, 3]);
}

/** Finds the best of the other packages that do as much as this one. */
const bestOf = (others) =>
  others
    .filter(({ value, note }) => value > 0 && note === undefined)
    .toSorted((one, other) => one.value - other.value)[0];

/** The pairs of this package and each other side of a row. */
function pairsOf(row) {
  const { what, unit, node, c, plain, others = [], targetOfOthers, brief = [] } = row;
  const pair = (key, side) => ({ what, unit, node, isBrief: brief.includes(key), ...side });
  const best = targetOfOthers === undefined ? undefined : bestOf(others);
  const pairs = others.map((other) => {
    const { title, note, value, reason } = other;
    const [name] = title.split(' ');
    return pair(name, {
      kind: 'package',
      title: note === undefined ? title : `${title}, ${note}`,
      theirs: value,
      reason,
      target: other === best ? { times: targetOfOthers, name } : undefined,
    });
  });
  if (plain !== undefined) {
    pairs.unshift(
      pair('plain', {
        kind: 'Node',
        title: 'Node alone',
        theirs: plain,
        what: labelBesidePlain(row),
      }),
    );
  }
  if (c !== undefined) {
    pairs.unshift(pair('c', { kind: 'C', title: 'C', theirs: c, what: labelBesideC(row) }));
  }
  return pairs;
}

function pairLine({ what, title, theirs, node, unit, reason }) {
  return [
    what,
    title,
    reason ?? formatQuantity(theirs, unit),
    formatQuantity(node, unit),
    formatRatio(node, theirs),
  ];
}

const PAIR_HEAD = ['', 'beside', 'takes', OURS, 'ratio'];

function pairTable(pairs) {
  return layOut(PAIR_HEAD, pairs.map(pairLine), [2, 3, 4]);
}

function pairTableWithTargets(pairs) {
  const lines = pairs.map((pair) => [
    ...pairLine(pair),
    ...verdictOf(pair, pair.theirs, pair.target?.name),
  ]);
  return layOut([...PAIR_HEAD, 'target', ''], lines, [2, 3, 4]);
}

/**
 * All tables: beside C, beside Node alone, and beside other packages. Rows without another side are in the first table.
 * A row with several packages has its label only once.
 */
export function tables(rows) {
  const besidePackages = rows.flatMap(pairsOf).filter(({ kind }) => kind === 'package');
  const grouped = besidePackages.map((pair, i) =>
    pair.what === besidePackages[i - 1]?.what ? { ...pair, what: '' } : pair,
  );
  const besideNode = rows.filter(({ plain }) => plain !== undefined);
  const besideC = rows.filter(
    ({ c, plain, target, others = [] }) =>
      plain === undefined && (c !== undefined || target !== undefined || others.length === 0),
  );
  return [
    ...(besideC.length === 0 ? [] : [comparisonTable(besideC, 'c', 'C', labelBesideC)]),
    ...(besideNode.length === 0
      ? []
      : [comparisonTable(besideNode, 'plain', 'Node alone', labelBesidePlain)]),
    ...(grouped.length === 0 ? [] : [pairTableWithTargets(grouped)]),
  ].join('\n\n');
}

/** Finds the pair of this kind in which this package does worst. */
function worstOf(pairs, kind) {
  const able = pairs.filter((pair) => pair.kind === kind && pair.theirs > 0);
  const quotient = ({ node, theirs }) => node / theirs;
  return able.toSorted((one, other) => quotient(other) - quotient(one))[0];
}

const isSize = ({ unit }) => unit.endsWith('B');

/**
 * The short table: the pairs that the rows name in `brief`, and of each kind the worst pair in time and the worst in
 * size.
 */
export function briefTable(rows) {
  const pairs = rows.flatMap(pairsOf);
  const [sizes, times] = [pairs.filter(isSize), pairs.filter((pair) => !isSize(pair))];
  const worst = ['C', 'Node', 'package'].flatMap((kind) => [
    worstOf(times, kind),
    worstOf(sizes, kind),
  ]);
  return pairTable(pairs.filter((pair) => pair.isBrief || worst.includes(pair)));
}
