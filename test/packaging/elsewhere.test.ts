// The package on other systems. **A simulation**: Node, the kernel and the C library are this machine's. Only the
// answers to the add-on's loader are as on the other system.
import { describe, expect, inject, test } from 'vitest';
import { NOTHING_DONE, NOTHING_TO_DO } from '../support/nothing-to-do.ts';
import { buildCommand, pretend } from './elsewhere.ts';
import { evaluate } from './machine.ts';

const cwd = inject('app');

describe.each([
  [
    'macOS',
    pretend({ platform: 'darwin', arch: 'arm64' }),
    /^systemd is for Linux; this is darwin-arm64$/,
  ],
  [
    'Windows',
    pretend({ platform: 'win32', arch: 'x64' }),
    /^systemd is for Linux; this is win32-x64$/,
  ],
  ['an unsupported processor', pretend({ arch: 'loong64' }), buildCommand],
])('on %s', (_system, pretending, message) => {
  const run = (source: string) =>
    evaluate(`import * as libsystemd from 'libsystemd'; ${source}`, {
      cwd,
      node: [process.execPath, '--import', pretending],
    });

  test('the package can be imported, and has nothing to do', async () => {
    const result = await run(`${NOTHING_TO_DO} result([values, mapped()]);`);
    expect(result).toStrictEqual([NOTHING_DONE, []]);
  });

  test('a function that needs the add-on throws an error that says why there is none', async () => {
    const source = `
      try { libsystemd.inspect(0); }
      catch ({ code, message, cause }) { result([code, message, mapped(), cause?.message]); }
    `;
    const [code, text, addons] = (await run(source)) as unknown[];
    expect([code, addons]).toStrictEqual(['ERR_SYSTEMD_ADDON', []]);
    expect(text).toMatch(message);
  });
});

// An add-on for ARMv7 loads on ARMv6, and kills the process at the first instruction that ARMv6 lacks.
test.each([
  ['6', /native\/build\/Release\/libsystemd\.node: cannot open shared object file/],
  ['7', /libsystemd\.armv7\.node: wrong ELF class/],
])('a Node for ARMv%s loads no add-on of another version of ARM', async (version, reason) => {
  const source = `
    import { inspect } from 'libsystemd';
    try { inspect(0); } catch ({ cause }) { result(cause.message); }
  `;
  const node = [process.execPath, '--import', pretend({ arch: 'arm' })];
  expect(await evaluate(source, { cwd, node, env: { ARM_VERSION: version } })).toMatch(reason);
});
