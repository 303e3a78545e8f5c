// A cluster's primary announces its descriptors to its workers and to nobody else. A primary that only forks
// announces nothing, and its workers find out by themselves.
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './run.ts';

const folder = temporaryFolder();

const tcp = 'tcp:127.0.0.1:0,backlog=77';

/** A module that is primary and worker. Its result is what `primary` assigns to `result`. */
const both = (primary: string, worker: string) => `
  import cluster, * as named from 'node:cluster';
  import { execFileSync } from 'node:child_process';
  import { fdStore, serve } from 'libsystemd';
  const messageOf = async (worker) => (await once(worker, 'message'))[0];
  const ended = (worker) => once(worker, 'exit');
  const environmentOfChild = () => Object.keys(JSON.parse(execFileSync(process.execPath,
    ['-p', 'JSON.stringify(process.env)'], { encoding: 'utf8' })))
    .filter((name) => /^L(IBSYSTEMD|ISTEN)_/.test(name));
  let result;
  if (cluster.isPrimary) {
    cluster.setupPrimary({ exec: 'this module, which is in execArgv' });
    ${primary}
  } else {
    ${worker}
    await once(process, 'disconnect');
    process.exit();
  }
`;

const serving = `
  const server = answering('' + process.pid);
  const addresses = await listen(server).catch((error) => facts(error));
  process.send(addresses);
`;

describe.each(['SCHED_RR', 'SCHED_NONE'])('by %s', (policy) => {
  const set = `cluster.schedulingPolicy = cluster.${policy};`;

  test.each([
    ['that has called listenFds()', 'listenFds();'],
    ['that only forks', ''],
  ])('a worker of a primary %s serves all sockets of a name', async (_what, call) => {
    const primary = `
      ${set} ${call}
      const worker = cluster.fork();
      const addresses = await messageOf(worker);
      result = { count: addresses.length, answers: [] };
      for (const address of addresses) result.answers.push(await ask(address) === '' + worker.process.pid);
      worker.kill();
    `;
    const specs = [tcp, `unix:${folder}/${policy}${call.length}`, tcp];
    const found = await run(specs, both(primary, serving), { names: 'web:web:web' });
    expect(found).toEqual({ count: 3, answers: [true, true, true] });
  });

  test.each([
    ['of a primary that called listenFds()', 'listenFds();'],
    ['of a primary that only forks', ''],
  ])(
    'a worker %s makes the primary emit "listening", and ends when it is disconnected',
    async (_what, call) => {
      const primary = `
      ${set} ${call}
      const worker = cluster.fork();
      const listening = once(cluster, 'listening');
      const [address] = await messageOf(worker);
      const [, { port }] = await listening;
      worker.disconnect();
      await ended(worker);
      result = port === address.port;
    `;
      const worker = `${serving}; process.on('disconnect', () => {});`;
      expect(await run([tcp], both(primary, worker))).toBe(true);
    },
  );
});

test.each([
  ['cluster.fork()', 'cluster.fork()'],
  ['the fork that was imported', 'named.fork()'],
  ['cluster.fork() with variables', `cluster.fork({ X: '1' })`],
])(
  '%s announces to a worker, and to no other child of the primary or the worker',
  async (_what, call) => {
    const primary = `
    listenFds();
    const worker = ${call};
    const child = environmentOfChild();
    const found = await messageOf(worker);
    result = { child, found, own: Object.keys(process.env).filter((name) => name.startsWith('LIBSYSTEMD')) };
    worker.kill();
  `;
    const worker = `
    const count = listenFds().length;
    process.send({ count, child: environmentOfChild() });
  `;
    const none: unknown[] = [];
    expect(await run([tcp, 'pipe'], both(primary, worker))).toEqual({
      child: none,
      found: { count: 2, child: none },
      own: none,
    });
  },
);

test.each([
  ['of a few descriptors is JSON', 20, /^\{/],
  ['of many descriptors is compressed', 200, /^[\w+/]+=*$/],
] as const)('the announcement %s', async (_what, count, form) => {
  // Names and a path that are not ASCII. An abstract name has a Uint8Array in the list.
  const specs = [`unix:${folder}/ä–${count}`, `unix:@${folder}/ä`, ...Array(count - 2).fill(tcp)];
  const names = specs.map((_, i) => (i % 2 === 0 ? 'näme' : 'web')).join(':');
  const primary = `
    const passed = JSON.stringify(listenFds());
    const worker = cluster.fork();
    const { value, listed, loadsZlib } = await messageOf(worker);
    result = { value, isSame: listed === passed, count: listenFds().length, loadsZlib };
    worker.kill();
  `;
  const worker = `
    const value = process.env.LIBSYSTEMD_CLUSTER_FDS;
    const loadsIt = () => process.moduleLoadList.includes('NativeModule zlib');
    const before = loadsIt();
    const listed = JSON.stringify(listenFds());
    process.send({ value, listed, loadsZlib: loadsIt() !== before });
  `;
  const isCompressed = count > 20;
  expect(await run(specs, both(primary, worker), { names })).toEqual({
    value: expect.stringMatching(form),
    isSame: true,
    count,
    loadsZlib: isCompressed ? expect.any(Boolean) : false, // Node 24 has loaded the module itself
  });
});

test('an empty variable announces nothing', async () => {
  const primary = `
    listenFds();
    const worker = cluster.fork({ LIBSYSTEMD_CLUSTER_FDS: '' });
    result = await messageOf(worker);
    worker.kill();
  `;
  const worker = 'process.send(listenFds().length);';
  expect(await run([tcp], both(primary, worker))).toBe(0);
});

test('a worker reads a name as libsystemd does, which drops a backslash', async () => {
  const names = 'my\\x2dapp.socket:a\\:b:c\\\\d::';
  const primary = `
    const worker = cluster.fork();
    const found = await messageOf(worker);
    worker.kill();
    result = [found, listenFds().map(({ name }) => name)];
  `;
  const worker = 'process.send(listenFds().map(({ name }) => name));';
  const read = ['myx2dapp.socket', 'a:b', 'c\\d', '', ''];
  const specs = Array(5).fill('pipe');
  expect(await run(specs, both(primary, worker), { names })).toEqual([read, read]);
});

test('a primary no longer opens for its workers what it has taken', async () => {
  const primary = `
    listenFds();
    const worker = cluster.fork();
    await messageOf(worker);
    fdStore.take('web');
    worker.send('listen');
    result = await messageOf(worker);
    worker.kill();
  `;
  const worker = `
    listenFds();
    process.send('ready');
    await once(process, 'message');
    process.send((await rejected(listen(createServer()))).code);
  `;
  expect(await run([tcp], both(primary, worker), { names: 'web' })).toBe('ERR_SYSTEMD_CLUSTER');
});

test.each([
  ['warns of a socket whose server in a worker has closed', 'close', ['ERR_SYSTEMD_UNTAKEN']],
  ['does not warn of a socket on which a worker listens', 'stay', []],
])('the service of a primary %s', async (_what, order, warnings) => {
  const primary = `
    const codes = [];
    process.on('warning', ({ code }) => codes.push(code));
    listenFds();
    const worker = cluster.fork();
    await messageOf(worker);
    worker.send('${order}');
    await messageOf(worker);
    await serve(createServer(), { name: 'own' });
    await new Promise(setImmediate);
    result = codes;
    worker.kill();
  `;
  const worker = `
    const server = createServer();
    await listen(server, { name: 'worker' });
    process.send('listens');
    const [order] = await once(process, 'message');
    if (order === 'close') await once(server.close(), 'close');
    process.send('done');
  `;
  const names = 'own:worker';
  expect(await run([tcp, tcp], both(primary, worker), { names })).toEqual(warnings);
});

test('a primary has no descriptor more than before once all its workers have ended', async () => {
  const primary = `
    listenFds();
    const round = async () => {
      const workers = [cluster.fork(), cluster.fork()];
      await Promise.all(workers.map(messageOf));
      const before = openFds();
      for (const worker of workers) worker.process.kill('SIGKILL');
      await Promise.all(workers.map(ended));
      await new Promise((done) => setTimeout(done, 50));
      return before - openFds() > 0;
    };
    await round();
    const before = openFds();
    const fewer = [await round(), await round()];
    result = { fewer, left: openFds() - before };
  `;
  expect(await run([tcp, `unix:${folder}/left`], both(primary, serving))).toEqual({
    fewer: [true, true],
    left: 0,
  });
});

test('cluster.fork() throws ERR_SYSTEMD_CLUSTER when the list does not fit into a variable', async () => {
  // Each name has the most characters that the manager passes, and is random, so that the list can't be compressed.
  const names = Array.from({ length: 509 }, () =>
    randomBytes(192).toString('base64').slice(0, 255),
  );
  const primary = `
    listenFds();
    const { code, message } = caught(() => cluster.fork());
    for (const { name } of listenFds().slice(0, 200)) fdStore.take(name);
    const worker = cluster.fork();
    result = { code, message, listed: await messageOf(worker) };
    worker.kill();
  `;
  const worker = 'process.send(listenFds().length);';
  const specs = names.map(() => 'pipe');
  expect(await run(specs, both(primary, worker), { names: names.join(':') })).toEqual({
    code: 'ERR_SYSTEMD_CLUSTER',
    message: expect.stringMatching(
      /^The list of 509 descriptors takes \d{6} bytes, and .* 131048:/,
    ),
    listed: 309,
  });
});
