// The tables of the benchmark, made of given rows: which figures miss their targets.
import { expect, test } from 'vitest';
import { type Row, tables } from '../../bench/table.mjs';

/** The cells of a table that have the text `part` in their line. */
function lineWith(part: string, rows: readonly Row[]): string[] {
  const line = tables(rows)
    .split('\n')
    .find((text) => text.includes(part));
  return (line ?? '')
    .slice(2, -2)
    .split(' | ')
    .map((cell) => cell.trim());
}

test.each<[string, Partial<Row>, string[]]>([
  ['at most a figure', { target: { most: 2 } }, ['≤ 2 ms', 'ok']],
  ['at most a smaller figure', { target: { most: 1.9 } }, ['≤ 1.9 ms', '**over**']],
  ['a factor of C', { c: 1, target: { times: 2 } }, ['≤ 2 × C', 'ok']],
  ['a smaller factor of C', { c: 1, target: { times: 1.9 } }, ['≤ 1.9 × C', '**over**']],
  ['a factor of Node alone', { plain: 2, target: { times: 1 } }, ['≤ 1 × Node alone', 'ok']],
  [
    'a smaller factor of Node',
    { plain: 2, target: { times: 0.9 } },
    ['≤ 0.9 × Node alone', '**over**'],
  ],
])('a target may be %s', (_name, more, verdict) => {
  expect(lineWith('2.00 ms', [{ what: 'it', unit: 'ms', node: 2, ...more }]).slice(-2)).toEqual(
    verdict,
  );
});

const others = [
  { title: 'fast 1.0.0', value: 1, note: 'does less' },
  { title: 'broken 1.0.0', reason: 'does not load' },
  { title: 'slow 1.0.0', value: 5 },
  { title: 'good 1.0.0', value: 4 },
];

test.each([
  [0.5, 'ok'],
  [0.4, '**over**'],
])('the target beside others, %f, is beside the best one that does as much', (factor, verdict) => {
  const rows = [{ what: 'it', unit: 'ms', node: 2, others, targetOfOthers: factor }];
  expect(lineWith('good', rows).slice(-2)).toEqual([`≤ ${factor} × good`, verdict]);
  for (const name of ['fast', 'broken', 'slow'])
    expect(lineWith(name, rows).slice(-2)).toEqual(['', '']);
  expect(lineWith('fast', rows)).toContain('fast 1.0.0, does less');
});
