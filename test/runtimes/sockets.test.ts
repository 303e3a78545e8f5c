// The second add-on in each runtime: it receives while JavaScript is busy, watches, and leaves nothing behind.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Bundle } from '../native-sockets/programs.ts';
import { SAID, scenario } from '../native-sockets/scenario.ts';

const folder = mkdtempSync(join(tmpdir(), 'libsystemd-sockets-'));
const native = inject('runtimes').filter(({ kind }) => kind !== 'emulated');
let bundle: Bundle;

beforeAll(async () => {
  bundle = await Bundle.make();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await bundle[Symbol.asyncDispose]();
});

// Deno keeps an epoll and an eventfd of its own for a worker that has ended, sometimes for a while.
// qemu-user has no real epoll(7) and no pidfd_open(2) of its own: an emulated runtime would test qemu.
test.each(native)('$name', async ({ name, command }) => {
  const own = mkdtempSync(join(folder, 'run-'));
  const file = join(own, `${name.replaceAll(/\W/g, '-')}.mjs`);
  writeFileSync(file, bundle.program(scenario(own, bundle.path)));
  const said = await bundle.said('', { runtime: [...command, file] });
  const last = {
    ...(SAID.at(-1) as object),
    ...(name === 'Deno' && { leaked: expect.any(Number) }),
  };
  expect(said).toEqual([...SAID.slice(0, -1), last]);
});
