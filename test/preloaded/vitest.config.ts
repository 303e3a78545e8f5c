// npm run test:preloaded: programs of npm that listen by their own command, served by libsystemd/auto. They are not a
// part of `npm test`, because they are fetched from npm.
import { defineConfig } from 'vitest/config';
import { ClosingLine } from '../support/closing-line.ts';
import { SECOND_TRY } from '../support/second-try.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/preloaded/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 3, // more than the cores of a small machine, because a service that stops mostly waits
    testTimeout: 240_000,
    hookTimeout: 480_000, // some programs are built first
    retry: SECOND_TRY,
    reporters: ['default', new ClosingLine()],
  },
});
