// Systems that this machine is not. **A simulation**: Node, the kernel and the C library are this
// machine's, and only what the loader asks about the system is answered as it would be there.
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
  ['Alpine, with musl', pretend({ libc: 'musl' }), buildCommand],
  ['an unsupported processor', pretend({ arch: 'loong64' }), buildCommand],
])('on %s', (_, there, message) => {
  const run = (source: string) =>
    evaluate(`import * as libsystemd from 'libsystemd'; ${source}`, {
      cwd,
      node: [process.execPath, '--import', there],
    });

  test('it imports, and has nothing to do', async () => {
    const found = await run(`${NOTHING_TO_DO} result([values, mapped()]);`);
    expect(found).toStrictEqual([NOTHING_DONE, []]);
  });

  test('what needs the add-on says why there is none', async () => {
    const source = `
      try { libsystemd.inspect(0); }
      catch ({ code, message, cause }) { result([code, message, mapped(), cause?.message]); }
    `;
    const [code, said, addons] = (await run(source)) as unknown[];
    expect([code, addons]).toStrictEqual(['ERR_SYSTEMD_ADDON', []]);
    expect(said).toMatch(message);
  });
});

// An add-on for ARMv7 loads on ARMv6, and ends the process at the first instruction unknown there.
test.each([
  ['6', /native\/build\/Release\/libsystemd\.node: cannot open shared object file/],
  ['7', /libsystemd\.armv7\.glibc\.node: wrong ELF class/],
])('a Node for ARMv%s gets no add-on of another', async (version, reason) => {
  const source = `
    import { inspect } from 'libsystemd';
    try { inspect(0); } catch ({ cause }) { result(cause.message); }
  `;
  const node = [process.execPath, '--import', pretend({ arch: 'arm' })];
  expect(await evaluate(source, { cwd, node, env: { ARM_VERSION: version } })).toMatch(reason);
});
