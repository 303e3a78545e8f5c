// npm run test:quick: what a contributor runs after each change. It takes less than a minute, and needs neither root
// nor a systemd. On Linux with a C compiler it has all tests of most folders; elsewhere those that are JavaScript
// alone, and says what was missing for the others.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { root } from '../support/tools.ts';

/** They need neither the add-on nor a child process. */
const EVERYWHERE = [
  'test/base/{floors,options,plain-bytes,printable}.test.ts',
  'test/descriptor/address-json.test.ts',
  'test/docs/readme.test.ts',
  'test/notification/state.test.ts',
  'test/service/lifecycle-table.test.ts',
];

/** They need the add-on, and most of them the programs of test/tools, which are written in C. */
const ON_LINUX = [
  'test/{base,descriptor,native,conformance,notification,activation,store}/**/*.test.ts',
  'test/testing/{start,problems}.test.ts',
  'test/docs/commands.test.ts',
  'test/service/{environment,hooks,polluted,refuses,reload}.test.ts',
];

/** They wait for what takes long, or start very many processes. */
const SLOW = [
  'test/activation/{cluster,other-processes}*.test.ts',
  'test/native/workers.test.ts',
  'test/notification/{patience,stuck-manager}.test.ts',
];

const [compiler = 'cc'] = (process.env['CC'] ?? 'cc').split(' ');

const missing = [
  process.platform === 'linux' ? undefined : `Linux (this is ${process.platform})`,
  existsSync(join(root, 'build/Release/libsystemd.node'))
    ? undefined
    : 'the add-on (npm run build:native)',
  spawnSync(compiler, ['--version']).error === undefined
    ? undefined
    : `a C compiler (${compiler} was not found: apt-get install g++, or set CC)`,
].filter((what) => what !== undefined);

const isWhole = missing.length === 0;
if (!isWhole) console.error(`Left out: ${ON_LINUX.join(', ')}. Missing: ${missing.join('; ')}.`);

export default defineConfig({
  test: {
    include: isWhole ? [...EVERYWHERE, ...ON_LINUX] : EVERYWHERE,
    exclude: SLOW,
    pool: 'forks',
    maxWorkers: Math.max(4, 2 * availableParallelism()),
    globalSetup: isWhole ? ['test/support/global-setup.ts'] : [],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
