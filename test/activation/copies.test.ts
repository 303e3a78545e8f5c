// Several copies of the package in one process: of another version, or loaded a second time.
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { run } from './run.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'libsystemd-test-'));
  for (const name of ['dist', 'build/Release/libsystemd.node', 'package.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tcp = 'tcp:127.0.0.1:0';

const copies = [
  ['the same file, loaded anew', () => `${root}/dist/index.js?again`],
  ['a copy in another folder', () => `${folder}/dist/index.js`],
] as const;

describe.each(copies)('%s', (_what, path) => {
  const second = () => `
    import { fdStore } from 'libsystemd';
    const second = await import(${JSON.stringify(path())});
  `;

  test('lists what the first has found', async () => {
    const source = `${second()}
      const first = listenFds();
      const result = { same: second.listenFds() === first, count: first.length, left: variables() };
    `;
    expect(await run([tcp, 'pipe'], source)).toEqual({ same: true, count: 2, left: [] });
  });

  test('knows what the first listens on and has taken', async () => {
    const source = `${second()}
      await listen(createServer(), { name: 'web' });
      const taken = fdStore.take('kept').map(({ fd }) => fd);
      const result = {
        refused: (await rejected(second.listen(createServer()))).code,
        taken: [taken, second.fdStore.take('kept'), second.fdStore.load('kept') ?? null],
        again: (await second.listen(createServer(), { name: 'web' })).length,
      };
    `;
    expect(await run([tcp, 'pipe'], source, { names: 'web:kept' })).toEqual({
      refused: 'ERR_SYSTEMD_NOT_ACTIVATED',
      taken: [[4], [], null],
      again: 1,
    });
  });

  test('returns the same connection', async () => {
    const source = `${second()}
      const first = connection();
      const result = first !== undefined && second.connection() === first;
    `;
    expect(await run(['tcp-connected'], source)).toBe(true);
  });

  test('announces to workers what the first has found', async () => {
    const source = `
      import cluster from 'node:cluster';
      ${second()}
      let result;
      if (cluster.isPrimary) {
        cluster.setupPrimary({ exec: 'this module, which is in execArgv' });
        listenFds();
        second.listenFds();
        const worker = cluster.fork();
        [result] = await once(worker, 'message');
        worker.kill();
      } else {
        const first = listenFds().length;
        process.send([first, second.listenFds().length, (await second.listen(createServer())).length]);
        await once(process, 'disconnect');
      }
    `;
    expect(await run([tcp], source)).toEqual([1, 1, 1]);
  });
});
