// npm run test:programs: programs by other people, served by libsystemd under a real systemd. They are not a part of
// `npm test`, because they download 300 MB of packages.
import { defineConfig } from 'vitest/config';
import { ClosingLine } from '../support/closing-line.ts';
import { SECOND_TRY } from '../support/second-try.ts';

export default defineConfig({
  test: {
    include: ['test/programs/*.test.ts'],
    globalSetup: ['test/programs/global-setup.ts'],
    // More than the cores of a small machine, because a service that stops mostly waits.
    maxWorkers: 4,
    testTimeout: 240_000,
    hookTimeout: 480_000, // some programs are built first
    retry: SECOND_TRY,
    reporters: ['default', new ClosingLine()],
  },
});
