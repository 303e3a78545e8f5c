// npm run test:hardening: tests that take too long for `npm test`.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from '../support/closing-line.ts';
import { SECOND_TRY } from '../support/second-try.ts';

export default defineConfig({
  test: {
    include: ['test/hardening/*.test.ts'],
    pool: 'forks',
    // Each file mostly computes, in one process, and the random calls in as many as there are processors.
    maxWorkers: availableParallelism(),
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: SECOND_TRY,
    reporters: ['default', new ClosingLine()],
  },
});
