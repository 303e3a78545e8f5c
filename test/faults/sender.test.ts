// The socket that notifications are sent from. The process keeps it from its first notification on, and
// makes another one when other code has closed it.
import { rename } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { straceLacks } from '../activation/machine.ts';
import { startReceiver } from '../support/receiver.ts';
import { Injection } from './strace.ts';
import { noLeaks, Program, run } from './support.ts';

/** Lines that every program here begins with. */
const helpers = `
  const senders = () => openFiles().filter(({ isSender }) => isSender);
  const load = async () => (await import('node:module')).createRequire(process.cwd() + '/')('./build/Release/libsystemd.node');`;

/** The code of a worker thread that sends one message, and says so. */
const sendingThread = JSON.stringify(`
  import { parentPort, workerData } from 'node:worker_threads';
  import { notify } from 'libsystemd';
  if (workerData) Atomics.wait(new Int32Array(workerData), 0, 0);
  parentPort.postMessage(notify.send('X_THREAD=1'));
  setInterval(() => {}, 1000);`);

describe.concurrent('the socket that notifications are sent from', () => {
  test('is one for all notifications, with and without descriptors', async () => {
    await using manager = await startReceiver();
    const source = `${helpers}
      const before = senders().length;
      notify.ready();
      const [first, ...more] = senders();
      for (let i = 0; i < 3; i++) notify.status('up');
      notify.send('X_FDS=1', { fds: [0] });
      await notify.barrier();
      const isSame = senders().every(({ link }) => link === first.link);
      say({ before, more: more.length, later: senders().length, isSame });`;
    const found = { before: 0, more: 0, later: 1, isSame: true };
    expect(await run(source, { env: { NOTIFY_SOCKET: manager.address } })).toEqual([found]);
  });

  test('is not inherited by a child process', async () => {
    await using manager = await startReceiver();
    const source = `${helpers}
      const { execFileSync } = await import('node:child_process');
      notify.ready();
      const links = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
      say(senders().map(({ link }) => links.includes(link)));`;
    expect(await run(source, { env: { NOTIFY_SOCKET: manager.address } })).toEqual([[false]]);
  });

  test('never gets the number of a closed standard stream', async () => {
    await using manager = await startReceiver();
    const source = `${helpers}
      closeSync(0);
      closeSync(2);
      notify.ready();
      say(senders().map(({ fd }) => fd > 2));`;
    expect(await run(source, { env: { NOTIFY_SOCKET: manager.address } })).toEqual([[true]]);
  });

  test('reaches a receiver that is made anew at the same path', async () => {
    await using first = await startReceiver();
    await using second = await startReceiver();
    await using program = new Program(
      `${helpers}
      for (const i of [1, 2]) {
        say([notify.send('X_N=' + i), senders()]);
        waitForTest();
      }`,
      { env: { NOTIFY_SOCKET: first.address } },
    );
    const before = await program.next();
    await first.until('X_N=1');
    await rename(second.address, first.address);
    program.resume();
    expect(await program.next()).toEqual(before);
    await second.until('X_N=2');
    program.resume();
    expect(second.messages.map(({ message }) => message)).toEqual(['X_N=2']);
  });

  test.each([
    ['nothing', 'pipe', false],
    ['a file', 'dev:/dev/null', true],
    ['a pipe', 'pipe', true],
    ['a TCP listener', 'tcp:127.0.0.1:0', true],
    ['a UDP socket', 'udp:127.0.0.1:0', true],
    ['a Unix datagram socket', 'unix-dgram:@libsystemd-test-NAME', true],
    ['a connected Unix socket', 'socketpair', true],
  ])(
    'is replaced when other code has closed it and %s has its number, which stays as it is',
    async (what, spec, reuses) => {
      await using manager = await startReceiver();
      const source = `${helpers}
        const native = await load();
        notify.send('X_N=1');
        const [{ fd: number, link: old }] = senders();
        closeSync(number);
        if (${reuses} && native.dup(3, number) !== number) throw new Error('another number');
        const before = openFiles();
        const sent = [notify.send('X_N=2'), notify.send('X_N=3', { fds: [0] })];
        const [{ link }, ...more] = senders().filter(({ link }) => link !== linkOf(3));
        const foreign = ${reuses} ? linkOf(number) === linkOf(3) : true;
        say({ sent, isNew: link !== old, more: more.length, foreign, leaks: await leaked(before) });`;
      const specs = [spec.replace('NAME', `${process.pid}-${what.length}`)];
      const found = { sent: [true, true], isNew: true, more: 0, foreign: true, leaks: noLeaks };
      const env = { NOTIFY_SOCKET: manager.address };
      expect(await run(source, { specs, env })).toEqual([found]);
      await manager.until('X_N=3');
      const messages = manager.messages.map(({ message }) => message);
      expect(messages).toEqual(['X_N=1', 'X_N=2', 'X_N=3']);
    },
  );

  test('is one when eight worker threads send their first message at the same time', async () => {
    await using manager = await startReceiver();
    const source = `${helpers}
      const go = new SharedArrayBuffer(4);
      const options = { eval: true, workerData: go };
      const threads = Array.from({ length: 8 }, () => new Worker(${sendingThread}, options));
      await Promise.all(threads.map((thread) => once(thread, 'online')));
      await sleep(200); // until the threads wait
      const answers = Promise.all(threads.map((thread) => once(thread, 'message')));
      Atomics.store(new Int32Array(go), 0, 1);
      Atomics.notify(new Int32Array(go), 0);
      say([(await answers).flat(), senders().length]);
      process.exit();`;
    const found = [Array(8).fill(true), 1];
    expect(await run(source, { env: { NOTIFY_SOCKET: manager.address } })).toEqual([found]);
    for (let i = 0; i < 8; i++) await manager.until('X_THREAD=1');
  });

  test.each([
    ['is closed with the last thread that has loaded the add-on', '', 0],
    ['outlives a terminated thread while another thread uses the add-on', 'notify.ready();', 1],
  ])('%s', async (_what, first, left) => {
    await using manager = await startReceiver();
    const source = `${helpers}
      ${first}
      const counts = [];
      for (let i = 0; i < 4; i++) {
        const thread = new Worker(${sendingThread}, { eval: true });
        await once(thread, 'message');
        counts.push(senders().length);
        await thread.terminate();
        counts.push(senders().length);
      }
      say(counts);`;
    const found = Array(4).fill([1, left]).flat();
    expect(await run(source, { env: { NOTIFY_SOCKET: manager.address } })).toEqual([found]);
  });

  test('is not kept while statx(2) is refused, because nobody could tell it from another file', async (ctx) => {
    ctx.skip(straceLacks !== undefined, straceLacks);
    await using manager = await startReceiver();
    await using program = new Program(
      `${helpers}
      await load();
      const send = async () => [await outcome(() => notify.send('X_N=1')), senders().length];
      say('ready');
      for (const _ of [1, 2]) {
        waitForTest();
        say(await send());
      }`,
      { env: { NOTIFY_SOCKET: manager.address } },
    );
    expect(await program.next()).toBe('ready');
    const injection = await Injection.begin(program.pid, 'statx', 'EPERM');
    program.resume();
    const meanwhile = await program.next();
    await injection.end();
    program.resume();
    expect(meanwhile).toEqual([{ value: true }, 0]);
    expect(await program.next()).toEqual([{ value: true }, 1]);
    await manager.until('X_N=1');
    await manager.until('X_N=1');
  });
});
