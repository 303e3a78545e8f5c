// What the manager has told this process by the environment: who sees it, and for how long it holds.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { launchNode } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';
import { addresses } from './support.ts';

/** What the children of a program are asked: which of the variables they see. */
const PRELUDE = `
  import { execFileSync, fork } from 'node:child_process';
  import { readFileSync } from 'node:fs';
  import { Worker } from 'node:worker_threads';
  import { fdStore, notify, watchdog } from 'libsystemd';
  const script = "process.stdout.write(Object.keys(process.env).filter((name) => /^(NOTIFY|WATCHDOG)_/.test(name)).sort().join())";
  const seenByChild = () => execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  const inThread = (source, options = {}) => new Promise((resolve, reject) => {
    const code = "import { parentPort } from 'node:worker_threads'; const libsystemd = await import('libsystemd'); parentPort.postMessage(await (async () => {" + source + "})());";
    const url = new URL('data:text/javascript,' + encodeURIComponent(code.replaceAll("'libsystemd'", JSON.stringify(import.meta.resolve('libsystemd')))));
    new Worker(url, options).once('message', resolve).once('error', reject);
  });
  const ended = (result) => console.log(JSON.stringify(result));
`;

const run = async (source: string, env: Readonly<Record<string, string>>) =>
  (await launchNode([], PRELUDE + source, { env })).result;

const WATCHDOG = { WATCHDOG_USEC: '3000000' };

describe.each(addresses)('notify.unsetEnvironment() with a manager at a $kind', ({ abstract }) => {
  test('takes the variables away from children, and all goes on', async () => {
    await using manager = await startReceiver({ abstract });
    const source = `
      const before = seenByChild();
      notify.unsetEnvironment();
      const pid = String(process.pid);
      const did = [
        notify.ready('ready'), notify.send({ X_A: 1 }, { fds: [0] }), watchdog.ping(),
        fdStore.add('x', 0), fdStore.save('y', Uint8Array.of(1)), await notify.barrier(),
      ];
      watchdog.start().stop();
      notify.unsetEnvironment(); // again, which changes nothing
      did.push(notify.status('still'));
      ended({ before, after: seenByChild(), own: Object.keys(process.env).filter((name) => /^(NOTIFY|WATCHDOG)_/.test(name)), did, timeout: watchdog.timeout() });`;
    expect(await run(source, { NOTIFY_SOCKET: manager.address, ...WATCHDOG })).toStrictEqual({
      before: 'NOTIFY_SOCKET,WATCHDOG_USEC',
      after: '',
      own: [],
      did: [true, true, true, true, true, true, true],
      timeout: 3000,
    });
    await manager.until('STATUS=still');
    expect(manager.messages.map(({ message }) => message)).toStrictEqual([
      ...['READY=1\nSTATUS=ready', 'X_A=1', 'WATCHDOG=1', 'FDSTORE=1\nFDNAME=x'],
      ...['FDSTOREREMOVE=1\nFDNAME=y', 'FDSTORE=1\nFDNAME=y\nFDPOLL=0', 'BARRIER=1'],
      'WATCHDOG=1', // watchdog.start() pings at once
      'STATUS=still',
    ]);
  });
});

describe('what was taken out of the environment', () => {
  test('is known to another copy of the package, and to one that comes later', async () => {
    await using manager = await startReceiver();
    const source = `
      const url = import.meta.resolve('libsystemd');
      const early = await import(url + '?early');
      notify.unsetEnvironment();
      const late = await import(url + '?late');
      ended([early.notify.ready('early'), late.notify.ready('late'), late.watchdog.timeout(), early.watchdog.timeout()]);`;
    expect(await run(source, { NOTIFY_SOCKET: manager.address, ...WATCHDOG })).toStrictEqual([
      ...[true, true, 3000, 3000],
    ]);
    await manager.until('READY=1\nSTATUS=late');
    expect(manager.messages.map(({ message }) => message)).toStrictEqual([
      'READY=1\nSTATUS=early',
      'READY=1\nSTATUS=late',
    ]);
  });

  test.each<[when: string, before: string, since: string, share?: string]>([
    ['started before', '', 'notify.unsetEnvironment();'],
    ['started since', 'notify.unsetEnvironment();', ''],
    ['started since, by the same environment', 'notify.unsetEnvironment();', '', 'SHARE_ENV'],
    ['started before, by the same environment', '', 'notify.unsetEnvironment();', 'SHARE_ENV'],
  ])('is known to a worker thread that was %s', async (_when, before, since, share) => {
    await using manager = await startReceiver();
    const source = `
      import { SHARE_ENV } from 'node:worker_threads';
      ${before}
      const gate = new Int32Array(new SharedArrayBuffer(4));
      const answer = inThread(\`
        const { workerData: gate } = await import('node:worker_threads');
        Atomics.wait(gate, 0, 0);
        const { notify, watchdog } = libsystemd;
        return [notify.status('thread'), await notify.barrier(), watchdog.timeout()];\`,
        { workerData: gate, ${share === undefined ? '' : 'env: SHARE_ENV'} });
      ${since}
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
      ended({ answer: await answer, child: seenByChild() });`;
    expect(await run(source, { NOTIFY_SOCKET: manager.address, ...WATCHDOG })).toStrictEqual({
      answer: [true, true, 3000],
      child: '',
    });
    await manager.until('BARRIER=1');
    expect(manager.messages.map(({ message }) => message)).toStrictEqual([
      'STATUS=thread',
      'BARRIER=1',
    ]);
  });

  test('gives way to what the program sets later, of which the pair of the watchdog is one', async () => {
    await using first = await startReceiver();
    await using second = await startReceiver();
    const source = `
      process.env.WATCHDOG_PID = String(process.pid);
      notify.unsetEnvironment();
      process.env.NOTIFY_SOCKET = ${JSON.stringify(second.address)};
      process.env.WATCHDOG_USEC = '5000000';
      const set = [notify.status('set'), watchdog.timeout()];
      notify.unsetEnvironment();
      const unset = [notify.status('unset'), watchdog.timeout()];
      process.env.NOTIFY_SOCKET = '';
      process.env.WATCHDOG_USEC = '';
      ended({ set, unset, silenced: [notify.status('x'), watchdog.timeout() ?? null] });`;
    expect(await run(source, { NOTIFY_SOCKET: first.address, ...WATCHDOG })).toStrictEqual({
      set: [true, 5000],
      unset: [true, 5000],
      silenced: [false, null],
    });
    await second.until('STATUS=unset');
    expect(second.messages.map(({ message }) => message)).toStrictEqual([
      'STATUS=set',
      'STATUS=unset',
    ]);
    expect(first.messages).toStrictEqual([]);
  });

  test('a watchdog of another process stays that of another', async () => {
    const source = `
      const before = watchdog.timeout() ?? null;
      notify.unsetEnvironment();
      ended([before, watchdog.timeout() ?? null, seenByChild()]);`;
    expect(await run(source, { ...WATCHDOG, WATCHDOG_PID: '1' })).toStrictEqual([null, null, '']);
  });

  test('without a manager there is nothing to take, and no add-on is loaded', async () => {
    const source = `
      notify.unsetEnvironment();
      ended([notify.ready(), watchdog.timeout() ?? null, readFileSync('/proc/self/maps', 'utf8').includes('libsystemd')]);`;
    expect(await run(source, {})).toStrictEqual([false, null, false]);
  });

  test('a message for libsystemd to judge goes all the same, and the variable is gone after it', async () => {
    const source = `
      notify.unsetEnvironment();
      const caught = (call) => { try { return call(); } catch ({ code, message }) { return [code, message]; } };
      ended([caught(() => notify.ready()), seenByChild()]);`;
    expect(await run(source, { NOTIFY_SOCKET: 'run/relative' })).toStrictEqual([
      [
        expect.stringMatching(/^(EINVAL|EPROTO)$/),
        expect.stringContaining("'run/relative', NOTIFY_SOCKET"),
      ],
      '',
    ]);
  });
});

describe.each([[''], ['/dev/null']])('NOTIFY_SOCKET=%s', (NOTIFY_SOCKET) => {
  test('is nobody to tell', async () => {
    const source = `
      const messages = [];
      process.on('warning', ({ message }) => messages.push(message));
      ended({
        did: [
          notify.ready(), notify.send('A=1'), notify.status('x'), await notify.barrier(), watchdog.ping(),
          watchdog.trigger(), fdStore.add('x', 0), fdStore.save('x', new Uint8Array(1)), fdStore.remove('x'),
        ],
        loaded: readFileSync('/proc/self/maps', 'utf8').includes('libsystemd'),
        messages,
      });`;
    expect(await run(source, { NOTIFY_SOCKET })).toStrictEqual({
      did: new Array(9).fill(false),
      loaded: false,
      messages: [],
    });
  });

  test('is for libsystemd/sd what it is for libsystemd', async () => {
    const source = `
      import { sd_notify } from 'libsystemd/sd';
      try { ended(sd_notify(false, 'READY=1')); } catch ({ code }) { ended(code); }`;
    const codes = NOTIFY_SOCKET === '' ? /^(EINVAL|EPROTO)$/ : /^ECONNREFUSED$/;
    expect(await run(source, { NOTIFY_SOCKET })).toMatch(codes);
  });
});

test('WATCHDOG_USEC, empty, is nothing to do, but for libsystemd/sd', async () => {
  const source = `
    import { sd_watchdog_enabled } from 'libsystemd/sd';
    const running = watchdog.start();
    try { sd_watchdog_enabled(); } catch ({ code }) { ended([watchdog.timeout() ?? null, code]); }`;
  expect(await run(source, { WATCHDOG_USEC: '' })).toStrictEqual([null, 'EINVAL']);
});

// glibc's getenv(3) reads what setenv(3) of another thread has just freed, and the process ends by SIGSEGV.
test('threads notify and ask for the timeout while the main thread writes to the environment', async () => {
  await using manager = await startReceiver({ abstract: true });
  const source = `
    const work = \`
      const { notify, watchdog } = libsystemd;
      let done = 0;
      for (let i = 0; i < 3000; i++) {
        if (watchdog.timeout() === 3000) done++;
        if (i % 30 === 0 && notify.send({ X_N: i })) done++;
      }
      return done;\`;
    let left = 3;
    const threads = Array.from({ length: left }, () => inThread(work).finally(() => left--));
    let n = 0;
    while (left > 0) {
      for (let k = 0; k < 200; k++) process.env['V' + n++] = 'x';
      if (n % 20_000 === 0) for (let k = n - 20_000; k < n; k++) delete process.env['V' + k];
      await new Promise(setImmediate);
    }
    ended(await Promise.all(threads));`;
  const env = { NOTIFY_SOCKET: manager.address, ...WATCHDOG };
  expect(await run(source, env)).toStrictEqual([3100, 3100, 3100]);
});

test('an address that nobody hears is an error all the same', async () => {
  const address = `@${randomUUID()}`;
  const source = `
    const caught = (call) => { try { return call(); } catch ({ code }) { return code; } };
    notify.unsetEnvironment();
    ended(caught(() => notify.ready()));`;
  expect(await run(source, { NOTIFY_SOCKET: address })).toBe('ECONNREFUSED');
});
