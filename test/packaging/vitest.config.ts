// npm run test:packaging: what users get, which is the tarball and not the repository. Not a part of
// `npm test`, because it needs the prebuilt add-ons (npm run prebuilds) of every processor.
import { defineConfig } from 'vitest/config';
import { ClosingLine } from '../support/closing-line.ts';

export default defineConfig({
  test: {
    include: ['test/packaging/*.test.ts'],
    globalSetup: ['test/packaging/global-setup.ts'],
    // Each of the package managers would keep more than one core busy.
    maxConcurrency: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', new ClosingLine()],
  },
});
