// Cluster workers on one socket from the service manager: serve() beside node:cluster as it is.
import { join } from 'node:path';
import { compare, medians } from './comparison.mjs';
import { answerOf, cSide } from './programs.mjs';

/** How many workers, and how many rounds of them. */
const GROWTH = [
  [1, 9],
  [4, 7],
  [16, 5],
  [64, 3],
];

function sideOf(program, count) {
  const command = [process.execPath, join(import.meta.dirname, program), count];
  return async () => answerOf(await cSide(), ['pass', 1, ...command]);
}

async function rowsOf([count, rounds], most) {
  const sides = {
    node: sideOf('workers-served.mjs', count),
    plain: sideOf('workers-plain.mjs', count),
  };
  const results = await compare(sides, [], Math.min(rounds, most));
  const workers = count === 1 ? '1 worker' : `${count} workers`;
  return [
    {
      what: `start until all listen, ${workers}`,
      unit: 'ms',
      ...medians(results, ({ ms }) => ms),
      brief: count === GROWTH.at(-1)[0] ? ['plain'] : [],
    },
    {
      what: `memory of a worker, of ${count}`,
      unit: 'MB',
      ...medians(results, ({ worker }) => worker),
    },
    {
      what: `memory of the primary, ${workers}`,
      unit: 'MB',
      ...medians(results, ({ primary }) => primary),
    },
  ];
}

export async function workers(most) {
  // One round shows that all works; then dozens of processes would only disturb what else runs.
  const steps = most === 1 ? GROWTH.slice(0, 2) : GROWTH;
  const rows = [];
  for (const step of steps) rows.push(...(await rowsOf(step, most)));
  return rows;
}
