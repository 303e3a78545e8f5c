// A million calls of any function with any arguments: none may crash, hang, leak or close a
// descriptor, or fail in a way that docs/errors.md does not promise.
//
// LIBSYSTEMD_CALLS=N makes another number of them. LIBSYSTEMD_SEED=N repeats a run, and with
// LIBSYSTEMD_BATCH=N one batch of it, where each call is told before it is made.
import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
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

test(`${batches.length * size} calls, with LIBSYSTEMD_SEED=${seed}`, { timeout: 0 }, async () => {
  const calls = shares.map((share) => makeCalls({ seed, batches: share, size, trace }));
  for (const said of await Promise.all(calls)) expect(said).toMatch(/^\d+ functions$/m);
});
