// Other code of the program closes descriptors that are not its own, and their numbers go to others.
import { describe, expect, test } from 'vitest';
import { nobody, nobodyLacks } from '../activation/machine.ts';
import { queueLength } from '../notification/support.ts';
import { startReceiver } from '../support/receiver.ts';
import { binding, failure, type Leaks, noLeaks, type Outcome, Program, run } from './support.ts';

const listening = `
  const server = net.createServer();
  const [{ family }] = await listen(server);
  await once(server.close(), 'close');
  return family;`;

const worker = `
  if (cluster.isWorker) {
    process.send(await outcome(() => listen(net.createServer(), { name: 'unknown' })));
    await once(process, 'disconnect');
    process.exit();
  }`;
const inWorker = `
  cluster.setupPrimary({ exec: 'this module, which is in execArgv' });
  const worker = cluster.fork();
  const [told] = await once(worker, 'message');
  worker.kill();
  await once(worker, 'exit');
  if ('value' in told) return told.value;
  throw told.error;`;

const closed = failure('EBADF');
const unfit = failure('ERR_SYSTEMD_FD_KIND', {
  message: expect.stringContaining('device /dev/null'),
});

const notOpened = failure('ERR_SYSTEMD_CLUSTER', {
  message: expect.stringMatching(
    /primary could not open its fd 3 .*EINVAL.*: other code of it has/,
  ),
});

type Row = readonly [
  what: string,
  call: string,
  spec: string,
  whenClosed: unknown,
  whenAnother: unknown,
];

const rows: readonly Row[] = [
  ['inspect()', 'return inspect(3).kind;', 'pipe', closed, { value: 'device' }],
  ['acceptQueue()', 'return acceptQueue(3);', 'tcp:127.0.0.1:0', closed, { value: null }],
  ['peerCredentials()', 'return peerCredentials(3);', 'socketpair', closed, unfit],
  ['listen()', listening, 'tcp:127.0.0.1:0', closed, unfit],
  ['listen() of a socket of dgram', binding, 'udp:127.0.0.1:0', closed, unfit],
  ['listen() in a cluster worker', inWorker, 'tcp:127.0.0.1:0', notOpened, notOpened],
  ['connection()', 'return connection();', 'tcp-connected', closed, unfit],
  ['notify.send()', "return notify.send('', { fds: [0, 3] });", 'pipe', closed, { value: true }],
  ['fdStore.add()', "return fdStore.add('x', 3);", 'pipe', closed, { value: true }],
  ['fdStore.load()', "return fdStore.load('unknown');", 'sealed:kept', closed, unfit],
];

interface Found {
  readonly outcomes: readonly Outcome[];
  readonly leaks: Leaks;
  readonly warnings: readonly unknown[];
}

describe.concurrent('what was passed, and is closed once listenFds() has found it:', () => {
  const becomes = (outcome: unknown) =>
    outcome === closed
      ? 'EBADF'
      : outcome === unfit
        ? 'ERR_SYSTEMD_FD_KIND'
        : outcome === notOpened
          ? 'ERR_SYSTEMD_CLUSTER'
          : 'as of any other';
  const both = rows.flatMap(([what, call, spec, whenClosed, whenAnother]) => [
    [`${what} ${becomes(whenClosed)}`, call, spec, '', whenClosed] as const,
    [
      `${what} when the number is another's: ${becomes(whenAnother)}`,
      call,
      spec,
      "openSync('/dev/null');",
      whenAnother,
    ] as const,
  ]);

  test.each(both)('%s', async (_what, call, spec, reopen, outcome) => {
    await using manager = await startReceiver();
    const source = `
      ${worker}
      listenFds();
      closeSync(3);
      ${reopen}
      const call = async () => { ${call} };
      const before = openFiles();
      const outcomes = [await outcome(call), await outcome(call)];
      say({ outcomes, leaks: await leaked(before), warnings });`;
    const options = { specs: [spec], env: { NOTIFY_SOCKET: manager.address } };
    const found = { outcomes: [outcome, outcome], leaks: noLeaks, warnings: [] };
    expect(await run<Found>(source, options)).toEqual([found]);
  });
});

describe.concurrent('one that is closed when a cluster worker listens is there', () => {
  const source = `
    ${worker}
    listenFds();
    closeSync(3); // for the channel to the worker
    closeSync(4);
    if (process.env.WORKER_UID) cluster.setupPrimary({ uid: Number(process.env.WORKER_UID) });
    say(await outcome(async () => { ${inWorker} }));`;
  const settings = { specs: ['pipe', 'tcp:127.0.0.1:0'], names: 'other:unknown' };

  const message = expect.stringMatching(/could not open its fd 4 .*EINVAL.*: other code/);
  const refused = failure('ERR_SYSTEMD_CLUSTER', { fd: 4, message });

  test('ERR_SYSTEMD_CLUSTER', async () => {
    expect(await run<Outcome>(source, settings)).toEqual([refused]);
  });

  test('ERR_SYSTEMD_CLUSTER to one of nobody, who may not look into a process of root', async (ctx) => {
    ctx.skip(nobodyLacks !== undefined, nobodyLacks);
    const found = await run<Outcome>(source, { ...settings, env: { WORKER_UID: `${nobody}` } });
    expect(found).toEqual([refused]);
  });
});

// Node goes on to think that the server has the number, and takes no other socket of that number.
describe.concurrent("the descriptor of a server of Node's:", () => {
  test.each([
    ['listen()', listening, 'inet'],
    ['notify.barrier()', 'return notify.barrier();', true],
  ])('%s on its number fails, and works when the server is closed', async (_what, call, value) => {
    await using manager = await startReceiver();
    const source = `
      listenFds();
      const call = async () => { ${call} };
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      closeSync(server._handle.fd);
      const before = openFiles();
      const outcomes = [await outcome(call), await outcome(call)];
      await once(server.close(), 'close');
      outcomes.push(await outcome(call));
      say({ outcomes, leaks: await leaked(before), warnings });`;
    const options = { specs: ['tcp:127.0.0.1:0'], env: { NOTIFY_SOCKET: manager.address } };
    const exists = failure('EEXIST');
    const outcomes = [exists, exists, { value }];
    expect(await run<Found>(source, options)).toEqual([{ outcomes, leaks: noLeaks, warnings: [] }]);
  });

  test('fdStore.add() of it is EBADF', async () => {
    const source = `
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      closeSync(server._handle.fd);
      say(await outcome(() => fdStore.add('x', server)));
      server.close();`;
    await using manager = await startReceiver();
    const found = await run<Outcome>(source, { env: { NOTIFY_SOCKET: manager.address } });
    expect(found).toEqual([closed]);
  });

  test('a service goes on, and stops in good order, when idle too', async () => {
    const source = `
      const server = http.createServer();
      const service = await serve(server, { idleTimeout: 100, stop: (reason) => say(reason) });
      // A loop that has not polled it yet aborts the process; between timers and immediates it polls.
      await sleep(1);
      await new Promise(setImmediate);
      closeSync(server._handle.fd);
      say(await service.stopped);`;
    expect(await run<string>(source, { specs: ['tcp:127.0.0.1:0'] })).toEqual(['idle', 'idle']);
  });
});

describe.concurrent('what waits for the manager:', () => {
  test('the copy of a descriptor: the message is lost, with a warning, and the others are not', async () => {
    await using manager = await startReceiver();
    await manager.stop();
    const source = `
      for (let i = 0; i < ${queueLength()}; i++) notify.send('FILL=1');
      const before = openFiles();
      notify.send('X_FDS=1', { fds: [0] });
      notify.send('X_NONE=1');
      const { left } = await leaked(before);
      for (const { fd } of left) closeSync(fd);
      say(left.length);
      told();
      while (warnings.length === 0) await sleep(1);
      await notify.barrier();
      say({ warnings: warnings.map(({ code }) => code), leaks: await leaked(before) });`;
    await using program = new Program(source, { env: { NOTIFY_SOCKET: manager.address } });
    expect(await program.next()).toBe(1);
    await manager.go();
    program.tell();
    expect(await program.next()).toEqual({ warnings: ['EBADF'], leaks: noLeaks });
    const told = manager.messages.map(({ message }) => message);
    expect(told.filter((message) => message !== 'FILL=1')).toEqual(['X_NONE=1', 'BARRIER=1']);
  });

  test("a barrier's own end of its pipe: it takes its time, and no more", async () => {
    await using manager = await startReceiver();
    await manager.hold();
    const source = `
      const before = openFiles();
      const barrier = outcome(() => notify.barrier({ timeout: 1300 }));
      const { left } = await leaked(before);
      for (const { fd } of left) closeSync(fd);
      say(left.length);
      say(await barrier);`;
    const found = await run(source, { env: { NOTIFY_SOCKET: manager.address } });
    expect(found).toEqual([1, failure('ETIMEDOUT')]);
  });
});
