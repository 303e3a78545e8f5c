// The installed package: it loads its prebuilt add-on, and only when needed.
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { prebuiltFile, processors } from '../../scripts/processors.mjs';
import { evaluate } from './machine.ts';

const cwd = inject('app');
const mine = processors.find(({ arch }) => arch === process.arch)!;
const prebuilt = join(cwd, 'node_modules/libsystemd', prebuiltFile(mine));

test.each([
  [
    'import',
    'module',
    `import { inspect } from 'libsystemd'; import * as sd from 'libsystemd/sd';`,
  ],
  [
    'require',
    'commonjs',
    `const { inspect } = require('libsystemd'), sd = require('libsystemd/sd');`,
  ],
] as const)('%s loads the prebuilt add-on, and libsystemd', async (_, type, load) => {
  const source = `${load} result([inspect(0).fd, sd.sd_is_fifo(0), mapped()]);`;
  const [fd, isFifo, addons] = (await evaluate(source, { cwd, type })) as unknown[];
  expect([fd, typeof isFifo, addons]).toStrictEqual([0, 'boolean', [prebuilt]]);
});

test('a program with nothing to do loads no add-on', async () => {
  const source = `import { notify } from 'libsystemd'; result([notify.ready(), mapped()]);`;
  expect(await evaluate(source, { cwd })).toStrictEqual([false, []]);
});
