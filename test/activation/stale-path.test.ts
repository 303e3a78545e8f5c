import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { notActivated, run } from './run.ts';

const folder = temporaryFolder();

/** `leaveBehind(path)` listens there in a child, which is then killed. */
const prelude = `
  import { spawnSync } from 'node:child_process';
  import { lstatSync, mkdirSync, writeFileSync } from 'node:fs';
  const leaveBehind = (path) => {
    const source = 'net.createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
    spawnSync(process.execPath, ['-e', source, path]);
    if (!lstatSync(path).isSocket()) throw new Error('nothing was left');
  };
`;

test.each([
  ['a path', 'path'],
  ['options with a path', '{ path }'],
])('a stale path is unlinked and listened on, given as %s', async (_what, fallback) => {
  const source = `${prelude}
    const path = '${folder}/stale-${fallback.length}';
    leaveBehind(path);
    const server = answering('served');
    const told = [];
    server.on('error', ({ code }) => told.push(code));
    const [address] = await listen(server, { fallback: ${fallback} });
    const result = [address.path === path, await ask(address), told];
  `;
  expect(await run([], source, notActivated)).toEqual([true, 'served', []]);
});

test.each([
  ['a port', `{ path, port: 0, host: '127.0.0.1' }`],
  ['a port that is not defined', `{ path, port: undefined, host: '127.0.0.1' }`],
])('a stale path is left alone where Node takes %s instead', async (what, fallback) => {
  const source = `${prelude}
    const path = '${folder}/unused-${what.length}';
    leaveBehind(path);
    const [{ family }] = await listen(createServer(), { fallback: ${fallback} });
    const result = [family, lstatSync(path).isSocket()];
  `;
  expect(await run([], source, notActivated)).toEqual(['inet', true]);
});

test('a path is left alone where a process listens', async () => {
  const source = `${prelude}
    const path = '${folder}/alive';
    await listen(answering('first'), { fallback: path });
    const { code } = await rejected(listen(createServer(), { fallback: path }));
    const result = [code, await ask({ path })];
  `;
  expect(await run([], source, notActivated)).toEqual(['EADDRINUSE', 'first']);
});

test.each([
  ['a file', `writeFileSync(path, 'kept')`],
  ['a folder', 'mkdirSync(path)'],
])('a path is left alone where there is %s', async (what, make) => {
  const source = `${prelude}
    const path = '${folder}/${what.length}';
    ${make};
    const { ino } = lstatSync(path);
    const { code } = await rejected(listen(createServer(), { fallback: path }));
    const result = [code, lstatSync(path).ino === ino];
  `;
  expect(await run([], source, notActivated)).toEqual(['EADDRINUSE', true]);
});

test('all workers of a cluster listen on a path that was stale', async () => {
  const source = `${prelude}
    import cluster from 'node:cluster';
    const path = '${folder}/workers';
    let result;
    if (cluster.isPrimary) {
      leaveBehind(path);
      cluster.schedulingPolicy = cluster.SCHED_NONE;
      cluster.setupPrimary({ exec: 'this module, which is in execArgv' });
      const workers = Array.from({ length: 4 }, () => cluster.fork());
      result = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
      for (const worker of workers) worker.kill();
    } else {
      const said = await listen(createServer(), { fallback: path }).then(() => 'listens', ({ code }) => code);
      process.send(said);
      await once(process, 'disconnect');
    }
  `;
  expect(await run([], source, notActivated)).toEqual(Array(4).fill('listens'));
});
