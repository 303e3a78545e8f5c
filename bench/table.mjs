// Measured rows as tables in Markdown, aligned so that a terminal shows them well.
//
// A row is { what, unit, node } and perhaps, measured in the same rounds, { c } with { inC } when that
// is another call, { plain }, which is Node without a package, with { inPlain } when that does something
// else, or { others }: a list of { title, value } or { title, reason }. A { target } is so many { times } the first of these, or { most } of the unit.
// { brief } names those of them that belong in the short table: c, plain, or a package.

const OURS = 'this package';

/** Three significant digits, and no more than three after the point. */
function number(value) {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 3));
}

const quantity = (value, unit) => (value === undefined ? '' : `${number(value)} ${unit}`);

/** Two digits after the point, or where that is nothing, one that counts. Of differences near 0, none. */
function ratio(ours, theirs) {
  if (theirs === undefined || theirs <= 0 || ours <= 0) return '';
  const quotient = ours / theirs;
  return quotient >= 0.01 ? quotient.toFixed(2) : quotient.toPrecision(1);
}

/** The lines of a table; of its columns `numbers` are aligned to the right. */
function layOut(head, body, numbers) {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...body].map((line) => line[i].length)));
  const isNumber = (i) => numbers.includes(i);
  const pad = (cell, i) => (isNumber(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]));
  const rule = widths.map((width, i) => '-'.repeat(width - 1) + (isNumber(i) ? ':' : '-'));
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head.map(pad)), line(rule), ...body.map((row) => line(row.map(pad)))].join('\n');
}

function verdict({ node, target, unit }, theirs, name) {
  if (target === undefined) return ['', ''];
  const { times, most } = target;
  const isMet = times === undefined ? node <= most : node / theirs <= times;
  const text = times === undefined ? `≤ ${most} ${unit}` : `≤ ${times} × ${name}`;
  return [text, isMet ? 'ok' : '**over**'];
}

const whatBesideC = ({ what, inC }) => (inC === undefined ? what : `${what}; C: ${inC}`);

const whatBesidePlain = ({ what, inPlain }) =>
  inPlain === undefined ? what : `${what}; alone: ${inPlain}`;

/** Beside one of `c` and `plain`. */
function besideOne(rows, key, name, whatBeside) {
  const head = ['', name, OURS, 'ratio', 'target', ''];
  const body = rows.map((row) => [
    whatBeside(row),
    quantity(row[key], row.unit),
    quantity(row.node, row.unit),
    ratio(row.node, row[key]),
    ...verdict(row, row[key], name),
  ]);
  return layOut(head, body, [1, 2, 3]);
}

/** All pairs of this package and another side. */
function pairsOf(row) {
  const { what, unit, node, c, plain, others = [], brief = [] } = row;
  const pair = (key, side) => ({ what, unit, node, isBrief: brief.includes(key), ...side });
  const pairs = others.map(({ title, value, reason }) => {
    const [name] = title.split(' ');
    return pair(name, { kind: 'package', title, theirs: value, reason });
  });
  if (plain !== undefined) {
    pairs.unshift(
      pair('plain', {
        kind: 'Node',
        title: 'Node alone',
        theirs: plain,
        what: whatBesidePlain(row),
      }),
    );
  }
  if (c !== undefined) {
    pairs.unshift(pair('c', { kind: 'C', title: 'C', theirs: c, what: whatBesideC(row) }));
  }
  return pairs;
}

function pairLine({ what, title, theirs, node, unit, reason }) {
  return [what, title, reason ?? quantity(theirs, unit), quantity(node, unit), ratio(node, theirs)];
}

function pairTable(pairs) {
  return layOut(['', 'beside', 'takes', OURS, 'ratio'], pairs.map(pairLine), [2, 3, 4]);
}

/** Everything. What is beside nothing is in the table with C; what several packages do is said once. */
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
    ...(besideC.length === 0 ? [] : [besideOne(besideC, 'c', 'C', whatBesideC)]),
    ...(besideNode.length === 0
      ? []
      : [besideOne(besideNode, 'plain', 'Node alone', whatBesidePlain)]),
    ...(grouped.length === 0 ? [] : [pairTable(grouped)]),
  ].join('\n\n');
}

/** Of these pairs of one kind, the one in which this package does worst. */
function worstOf(pairs, kind) {
  const able = pairs.filter((pair) => pair.kind === kind && pair.theirs > 0);
  const quotient = ({ node, theirs }) => node / theirs;
  return able.toSorted((one, other) => quotient(other) - quotient(one))[0];
}

const isRoom = ({ unit }) => unit.endsWith('B');

/**
 * The pairs that rows name, and of each kind the worst in time and the worst in room, whether or not a
 * row names them.
 */
export function briefTable(rows) {
  const pairs = rows.flatMap(pairsOf);
  const [room, time] = [pairs.filter(isRoom), pairs.filter((pair) => !isRoom(pair))];
  const worst = ['C', 'Node', 'package'].flatMap((kind) => [
    worstOf(time, kind),
    worstOf(room, kind),
  ]);
  return pairTable(pairs.filter((pair) => pair.isBrief || worst.includes(pair)));
}
