// The part workers: cluster workers on one passed socket, by serve() and by node:cluster alone.
import { join } from 'node:path';
import { compare, medians } from './comparison.mjs';
import { buildCSide, runForJson } from './programs.mjs';

/** The numbers of workers, each with its number of rounds, and with a target for the time. */
const GROWTH = [
  { count: 1, rounds: 9 },
  { count: 4, rounds: 7, target: { times: 1.12 } },
  { count: 16, rounds: 5 },
  { count: 64, rounds: 3, target: { times: 1.12 } },
];

const MEMORY_TARGET = { times: 1.1 };

function sideOf(program, count) {
  const command = [process.execPath, join(import.meta.dirname, program), count];
  return async () => runForJson(await buildCSide(), ['pass', 1, ...command]);
}

async function measureRows({ count, rounds, target }, most) {
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
      target,
      brief: count === GROWTH.at(-1).count ? ['plain'] : [],
    },
    {
      what: `memory of a worker, of ${count}`,
      unit: 'MB',
      ...medians(results, ({ worker }) => worker),
      target: MEMORY_TARGET,
    },
    {
      what: `memory of the primary, ${workers}`,
      unit: 'MB',
      ...medians(results, ({ primary }) => primary),
    },
  ];
}

export async function workers(most) {
  // One round only checks that all works, for which dozens of processes are not worth the load.
  const steps = most === 1 ? GROWTH.slice(0, 2) : GROWTH;
  const rows = [];
  for (const step of steps) rows.push(...(await measureRows(step, most)));
  return rows;
}
