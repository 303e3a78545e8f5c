import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/support/closing-line.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They take long, or need every prebuilt add-on, or other runtimes, and run by configurations of
    // their own: npm run test:hardening, test:packaging, test:runtimes.
    exclude: ['test/hardening/**', 'test/packaging/**', 'test/runtimes/**'],
    // In a thread process.env is a copy, which libsystemd does not see.
    pool: 'forks',
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'] },
    reporters: ['default', new ClosingLine()],
  },
});
