// A million calls of random functions with random arguments. No call may crash, hang, leak or close a descriptor, or
// throw an error that docs/errors.md does not list.
//
// LIBSYSTEMD_CALLS=N sets the number of calls. LIBSYSTEMD_SEED=N repeats a run. LIBSYSTEMD_BATCH=N repeats one batch of
// that run, and prints each call before it is made.
import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { withoutLibrary } from '../support/without-library.ts';
import { makeCalls } from './calls/run.ts';
import { seed } from './seed.ts';

const size = 1000;
const { LIBSYSTEMD_CALLS = '1000000', LIBSYSTEMD_BATCH } = process.env;
const trace = LIBSYSTEMD_BATCH !== undefined;
const batches = trace
  ? [Number(LIBSYSTEMD_BATCH)]
  : Array.from({ length: Math.ceil(Number(LIBSYSTEMD_CALLS) / size) }, (_, i) => i);

const programs = Math.min(availableParallelism(), batches.length);
const shares = Array.from({ length: programs }, (_, i) =>
  batches.filter((_batch, at) => at % programs === i),
);

const { LD_LIBRARY_PATH } = process.env;
const withLibrary = LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH };

test.each([
  ['with libsystemd', withLibrary, shares],
  // The functions of libsystemd/sd are a part of all, so a tenth of the calls is enough.
  [
    'without libsystemd',
    withoutLibrary(),
    shares.map((share) => share.slice(0, 1 + share.length / 10)),
  ],
] as const)(
  `random calls %s, with LIBSYSTEMD_SEED=${seed}`,
  { timeout: 0 },
  async (_what, env, some) => {
    const calls = some.map((share) => makeCalls({ seed, batches: share, size, trace, env }));
    for (const output of await Promise.all(calls)) expect(output).toMatch(/^\d+ functions$/m);
  },
);
