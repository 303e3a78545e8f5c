// npm run test:runtimes: tests of the package in several runtimes. They are not a part of `npm test`, because they
// download 250 MB.
import { defineConfig } from 'vitest/config';
import { ClosingLine } from '../support/closing-line.ts';
import { SECOND_TRY } from '../support/second-try.ts';

export default defineConfig({
  test: {
    include: ['test/runtimes/*.test.ts'],
    globalSetup: ['test/runtimes/global-setup.ts'],
    testTimeout: 60_000,
    // Several at once, because the tests mostly wait. Few, because each wait has a timeout.
    maxWorkers: 2,
    maxConcurrency: 3,
    retry: SECOND_TRY,
    reporters: ['default', new ClosingLine()],
  },
});
