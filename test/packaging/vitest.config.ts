// npm run test:packaging: tests of the tarball that users get. They are not a part of `npm test`, because they need the
// prebuilt add-ons of all processors (npm run prebuilds).
import { defineConfig } from 'vitest/config';
import { ClosingLine } from '../support/closing-line.ts';
import { SECOND_TRY } from '../support/second-try.ts';

export default defineConfig({
  test: {
    include: ['test/packaging/*.test.ts'],
    globalSetup: ['test/packaging/global-setup.ts'],
    // Few, because each package manager keeps more than one core busy.
    maxWorkers: 2,
    maxConcurrency: 2,
    // Twice what a busy machine needs, because .ci/run runs these tests at the lowest priority beside others.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    retry: SECOND_TRY,
    reporters: ['default', new ClosingLine()],
  },
});
