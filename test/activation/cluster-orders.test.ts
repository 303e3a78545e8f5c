// A primary loads node:cluster, calls listenFds(), listens and forks in any order, and its workers get its descriptors.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { run } from './run.ts';

/**
 * A module that is primary and worker. It does not import node:cluster: the primary has functions that load it. Its
 * result is what `primary` assigns to `result`.
 */
const both = (primary: string, worker: string) => `
  import { execFileSync, spawn } from 'node:child_process';
  import { createRequire } from 'node:module';
  import { serve } from 'libsystemd';
  const require = createRequire(import.meta.url);
  const isLoaded = () => process.moduleLoadList.includes('NativeModule cluster');
  const importCluster = async () => (await import('node:cluster')).default;
  const announced = () => process.env.LIBSYSTEMD_CLUSTER_FDS !== undefined;
  const messageOf = async (worker) => (await once(worker, 'message'))[0];
  const ended = (worker) => once(worker, 'exit');
  const print = "console.log(Object.keys(process.env).filter((name) => /^L(IBSYSTEMD|ISTEN)_/.test(name)).join())";
  const environmentOfChild = () =>
    execFileSync(process.execPath, ['-e', print], { encoding: 'utf8' }).trim();
  let result;
  if (process.channel === undefined) {
    process.argv[1] = 'this module, which is in execArgv';
    ${primary}
  } else {
    ${worker}
    await once(process, 'disconnect');
    process.exit();
  }
`;

/** The lines of a primary that fork `worker`, and whether the worker finds an announcement. */
const orders: readonly (readonly [string, string, boolean])[] = [
  [
    'calls listenFds(), imports node:cluster and forks',
    `listenFds();
     const cluster = await importCluster();
     const worker = cluster.fork();`,
    true,
  ],
  [
    'calls listenFds(), requires node:cluster and forks, all in one turn of the event loop',
    `listenFds();
     const worker = require('node:cluster').fork();`,
    true,
  ],
  [
    'calls listenFds(), and forks by the function that it imports then',
    `listenFds();
     const { fork } = await import('node:cluster');
     const worker = fork();`,
    true,
  ],
  [
    'calls listenFds(), and forks a second worker by the function that it imports then',
    `listenFds();
     const named = await import('node:cluster');
     named.fork({ X: '1' }).process.kill('SIGKILL');
     const worker = named.fork();`,
    true,
  ],
  [
    'calls listenFds(), sets node:cluster up and forks',
    `listenFds();
     const cluster = await importCluster();
     cluster.setupPrimary({ args: ['1'] });
     const worker = cluster.fork();`,
    true,
  ],
  [
    'calls listenFds(), sets node:cluster up and forks later',
    `listenFds();
     const cluster = await importCluster();
     cluster.setupPrimary({ args: ['1'] });
     await new Promise(setImmediate);
     const worker = cluster.fork();`,
    true,
  ],
  [
    'imports node:cluster, calls listenFds() and forks',
    `const cluster = await importCluster();
     listenFds();
     const worker = cluster.fork();`,
    true,
  ],
  [
    'sets node:cluster up, calls listenFds() and forks',
    `const cluster = await importCluster();
     cluster.setupPrimary({ args: ['1'] });
     listenFds();
     const worker = cluster.fork();`,
    true,
  ],
  [
    'listens on another socket, imports node:cluster and forks',
    `await listen(createServer(), { name: 'other' });
     const cluster = await importCluster();
     const worker = cluster.fork();`,
    true,
  ],
  [
    'calls listenFds(), listens without this package, imports node:cluster and forks',
    `listenFds();
     await once(createServer().listen(0, '127.0.0.1'), 'listening');
     const cluster = await importCluster();
     const worker = cluster.fork();`,
    true,
  ],
  [
    'forks and then calls listenFds() in the same turn of the event loop',
    `const cluster = await importCluster();
     const worker = cluster.fork();
     listenFds();`,
    false,
  ],
  [
    'forks and calls listenFds() when the worker is online',
    `const cluster = await importCluster();
     const worker = cluster.fork();
     await once(worker, 'online');
     listenFds();`,
    false,
  ],
];

const names = 'web:other';
const specs = ['tcp:127.0.0.1:0,backlog=77', 'tcp:127.0.0.1:0'];

describe.each(orders)('a primary that %s', (_what, lines, isAnnounced) => {
  test('has a worker that serves, and announces to no other child', async () => {
    const primary = `
      ${lines}
      const own = Object.keys(process.env).filter((name) => name.startsWith('LIBSYSTEMD'));
      const child = environmentOfChild();
      const { found, addresses, announced } = await messageOf(worker);
      const answer = await ask(addresses[0]);
      result = { found, announced, answer: answer === '' + worker.process.pid, child, own };
      worker.process.kill('SIGKILL');
    `;
    const worker = `
      const isAnnounced = announced();
      const found = listenFds().map(({ fd, name }) => fd + ' ' + name);
      const addresses = await listen(answering('' + process.pid), { name: 'web' });
      process.send({ found, addresses, announced: isAnnounced });
    `;
    expect(await run(specs, both(primary, worker), { names })).toEqual({
      found: ['3 web', '4 other'],
      announced: isAnnounced,
      answer: true,
      child: '',
      own: [],
    });
  });

  test('keeps its descriptor and the backlog when a worker has listened by Node alone', async () => {
    const primary = `
      ${lines}
      await messageOf(worker);
      worker.send('listen');
      await messageOf(worker);
      const limit = acceptQueue(3).limit;
      worker.process.kill('SIGKILL');
      await ended(worker);
      await new Promise((done) => setTimeout(done, 50));
      result = { limit, left: inspect(3).kind, after: acceptQueue(3).limit };
    `;
    const worker = `
      process.send('takes messages');
      await once(process, 'message');
      await once(createServer().listen({ fd: 3 }), 'listening');
      process.send('listens');
    `;
    expect(await run(specs, both(primary, worker), { names })).toEqual({
      limit: 77,
      left: 'socket',
      after: 77,
    });
  });
});

const echo = `process.send({ announced: announced(), count: listenFds().length });`;

test('a primary that calls listenFds() does not load node:cluster before it forks', async () => {
  const primary = `
    const before = isLoaded();
    listenFds();
    const after = isLoaded();
    result = { before, after, waiting: process.listenerCount('newListener') };
    const worker = require('node:cluster').fork();
    await messageOf(worker);
    worker.process.kill('SIGKILL');
    result.forked = process.listenerCount('newListener');
  `;
  const found = (await run(['pipe'], both(primary, echo))) as Record<string, unknown>;
  expect(found).toEqual({
    before: false,
    after: false,
    waiting: (found.forked as number) + 1,
    forked: expect.any(Number),
  });
});

test('the first fork of a primary announces what the program does not override', async () => {
  const primary = `
    listenFds();
    const worker = require('node:cluster').fork({ LIBSYSTEMD_CLUSTER_FDS: '' });
    result = await messageOf(worker);
    worker.process.kill('SIGKILL');
  `;
  expect(await run(['pipe'], both(primary, echo))).toEqual({ announced: true, count: 0 });
});

test('a child that is started between setupPrimary() and fork() gets no announcement', async () => {
  const primary = `
    listenFds();
    const { prototype } = require('node:child_process').ChildProcess;
    const { spawn: before } = prototype;
    const cluster = require('node:cluster');
    cluster.setupPrimary();
    const child = spawn(process.execPath, ['-e', print]);
    const worker = cluster.fork();
    const message = messageOf(worker);
    result = { child: (await text(child.stdout)).trim(), worker: await message };
    result.isRestored = prototype.spawn === before;
    worker.process.kill('SIGKILL');
  `;
  expect(await run(['pipe'], both(primary, echo))).toEqual({
    child: '',
    worker: { announced: true, count: 1 },
    isRestored: true,
  });
});

test('serve() in one copy of the package forks for the listenFds() of another copy', async () => {
  const primary = `
    listenFds();
    process.removeAllListeners('newListener'); // serve() needs no event to know that it forks
    const other = await import(${JSON.stringify(join(root, 'dist/whole.js'))});
    const service = await other.serve(answering('web'), { workers: 1 });
    result = { limit: acceptQueue(3).limit, answer: await ask(service.addresses[0]) };
    await service.stop();
  `;
  const worker = `
    process.exitCode = announced() ? 0 : 1;
    await serve(answering('announced ' + (process.exitCode === 0)), { workers: 1 });
  `;
  const tcp = ['tcp:127.0.0.1:0,backlog=77'];
  expect(await run(tcp, both(primary, worker))).toEqual({
    limit: 77,
    answer: 'announced true',
  });
});
