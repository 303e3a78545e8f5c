// Other code in the process closes descriptors that are not its own. Other files may then get their
// numbers.
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
  const [answer] = await once(worker, 'message');
  worker.kill();
  await once(worker, 'exit');
  if ('value' in answer) return answer.value;
  throw answer.error;`;

const closed = failure('EBADF');
const wrongKind = failure('ERR_SYSTEMD_FD_KIND', {
  message: expect.stringContaining('device /dev/null'),
});

const notOpened = failure('ERR_SYSTEMD_CLUSTER', {
  message: expect.stringMatching(/could not open its fd 3 .*EINVAL.*: other code of the primary/),
});

type Row = readonly [
  what: string,
  call: string,
  spec: string,
  /** The outcome while the number is closed. */
  whenClosed: unknown,
  /** The outcome while /dev/null has the number. */
  whenReused: unknown,
];

const rows: readonly Row[] = [
  ['inspect()', 'return inspect(3).kind;', 'pipe', closed, { value: 'device' }],
  ['acceptQueue()', 'return acceptQueue(3);', 'tcp:127.0.0.1:0', closed, { value: null }],
  ['peerCredentials()', 'return peerCredentials(3);', 'socketpair', closed, wrongKind],
  ['listen()', listening, 'tcp:127.0.0.1:0', closed, wrongKind],
  ['listen() of a socket of dgram', binding, 'udp:127.0.0.1:0', closed, wrongKind],
  ['listen() in a cluster worker', inWorker, 'tcp:127.0.0.1:0', notOpened, notOpened],
  ['connection()', 'return connection();', 'tcp-connected', closed, wrongKind],
  ['notify.send()', "return notify.send('', { fds: [0, 3] });", 'pipe', closed, { value: true }],
  ['fdStore.add()', "return fdStore.add('x', 3);", 'pipe', closed, { value: true }],
  ['fdStore.load()', "return fdStore.load('unknown');", 'sealed:kept', closed, wrongKind],
];

interface Found {
  readonly outcomes: readonly Outcome[];
  readonly leaks: Leaks;
  readonly warnings: readonly unknown[];
}

describe.concurrent('a passed descriptor that is closed after listenFds():', () => {
  const describeOutcome = (outcome: unknown) =>
    outcome === closed
      ? 'EBADF'
      : outcome === wrongKind
        ? 'ERR_SYSTEMD_FD_KIND'
        : outcome === notOpened
          ? 'ERR_SYSTEMD_CLUSTER'
          : 'works';
  const both = rows.flatMap(([what, call, spec, whenClosed, whenReused]) => [
    [`${what}: ${describeOutcome(whenClosed)}`, call, spec, '', whenClosed] as const,
    [
      `${what} when another file has the number: ${describeOutcome(whenReused)}`,
      call,
      spec,
      "openSync('/dev/null');",
      whenReused,
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

describe.concurrent('a passed descriptor that is closed before a cluster worker listens', () => {
  const source = `
    ${worker}
    listenFds();
    closeSync(3); // so that the channel to the worker gets this number
    closeSync(4);
    if (process.env.WORKER_UID) cluster.setupPrimary({ uid: Number(process.env.WORKER_UID) });
    say(await outcome(async () => { ${inWorker} }));`;
  const settings = { specs: ['pipe', 'tcp:127.0.0.1:0'], names: 'other:unknown' };

  const message = expect.stringMatching(/could not open its fd 4 .*EINVAL.*: other code/);
  const refused = failure('ERR_SYSTEMD_CLUSTER', { fd: 4, message });

  test('leads to ERR_SYSTEMD_CLUSTER', async () => {
    expect(await run<Outcome>(source, settings)).toEqual([refused]);
  });

  test('leads to ERR_SYSTEMD_CLUSTER in a worker of the user nobody, who may not inspect a process of root', async (ctx) => {
    ctx.skip(nobodyLacks !== undefined, nobodyLacks);
    const found = await run<Outcome>(source, { ...settings, env: { WORKER_UID: `${nobody}` } });
    expect(found).toEqual([refused]);
  });
});

// Node still takes the number for the server's, and accepts no other socket with that number.
describe.concurrent('the closed descriptor of an open server:', () => {
  test.each([
    ['listen()', listening, 'inet'],
    ['notify.barrier()', 'return notify.barrier();', true],
  ])(
    '%s that gets its number fails, and works once the server is closed',
    async (_what, call, value) => {
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
      expect(await run<Found>(source, options)).toEqual([
        { outcomes, leaks: noLeaks, warnings: [] },
      ]);
    },
  );

  test('fdStore.add() of the server throws EBADF', async () => {
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

  test('its service goes on, becomes idle and stops in order', async () => {
    const source = `
      const server = http.createServer();
      const service = await serve(server, { idleTimeout: 100, stop: (reason) => say(reason) });
      // libuv aborts the process when it polls a closed descriptor for the first time, so it polls this
      // one here: it polls between timers and immediates.
      await sleep(1);
      await new Promise(setImmediate);
      closeSync(server._handle.fd);
      say(await service.stopped);`;
    expect(await run<string>(source, { specs: ['tcp:127.0.0.1:0'] })).toEqual(['idle', 'idle']);
  });
});

describe.concurrent('while messages wait for the manager', () => {
  test('a closed copy of a descriptor loses its message, with a warning, and no other message', async () => {
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
      waitForTest();
      while (warnings.length === 0) await sleep(1);
      await notify.barrier();
      say({ warnings: warnings.map(({ code }) => code), leaks: await leaked(before) });`;
    await using program = new Program(source, { env: { NOTIFY_SOCKET: manager.address } });
    expect(await program.next()).toBe(1);
    await manager.go();
    program.resume();
    expect(await program.next()).toEqual({ warnings: ['EBADF'], leaks: noLeaks });
    const messages = manager.messages.map(({ message }) => message);
    expect(messages.filter((message) => message !== 'FILL=1')).toEqual(['X_NONE=1', 'BARRIER=1']);
  });

  test('a barrier whose end of the pipe is closed rejects after its timeout', async () => {
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
