// npm run test:runtimes: the package in other runtimes than the one that runs the tests. Not a part of
// `npm test`, because they are fetched: 250 MB.
import { defineConfig } from 'vitest/config';
import { ClosingLine } from '../support/closing-line.ts';

export default defineConfig({
  test: {
    include: ['test/runtimes/*.test.ts'],
    globalSetup: ['test/runtimes/global-setup.ts'],
    testTimeout: 60_000,
    // They mostly wait; and a program has to say something within 10 seconds.
    maxConcurrency: 3,
    reporters: ['default', new ClosingLine()],
  },
});
