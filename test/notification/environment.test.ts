// The variables that the manager sets for the process: which processes see them after
// notify.unsetEnvironment(), and which values count then.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { launchNode } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';
import { addresses } from './support.ts';

/** Functions of the test programs. seenByChild() lists the variables that a child process sees. */
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
  const report = (result) => console.log(JSON.stringify(result));
`;

const run = async (source: string, env: Readonly<Record<string, string>>) =>
  (await launchNode([], PRELUDE + source, { env })).result;

const WATCHDOG = { WATCHDOG_USEC: '3000000' };

describe.each(addresses)('notify.unsetEnvironment() with a manager at a $kind', ({ abstract }) => {
  test('hides the variables from children, and notifications go on', async () => {
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
      report({ before, after: seenByChild(), own: Object.keys(process.env).filter((name) => /^(NOTIFY|WATCHDOG)_/.test(name)), did, timeout: watchdog.timeout() });`;
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

describe('a variable that notify.unsetEnvironment() has removed', () => {
  test('is known to copies of the package that are loaded before, and after', async () => {
    await using manager = await startReceiver();
    const source = `
      const url = import.meta.resolve('libsystemd');
      const early = await import(url + '?early');
      notify.unsetEnvironment();
      const late = await import(url + '?late');
      report([early.notify.ready('early'), late.notify.ready('late'), late.watchdog.timeout(), early.watchdog.timeout()]);`;
    expect(await run(source, { NOTIFY_SOCKET: manager.address, ...WATCHDOG })).toStrictEqual([
      ...[true, true, 3000, 3000],
    ]);
    await manager.until('READY=1\nSTATUS=late');
    expect(manager.messages.map(({ message }) => message)).toStrictEqual([
      'READY=1\nSTATUS=early',
      'READY=1\nSTATUS=late',
    ]);
  });

  test.each<[when: string, before: string, afterwards: string, share?: string]>([
    ['started before', '', 'notify.unsetEnvironment();'],
    ['started afterwards', 'notify.unsetEnvironment();', ''],
    ['started afterwards, with SHARE_ENV', 'notify.unsetEnvironment();', '', 'SHARE_ENV'],
    ['started before, with SHARE_ENV', '', 'notify.unsetEnvironment();', 'SHARE_ENV'],
  ])('is known to a worker thread that was %s', async (_when, before, afterwards, share) => {
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
      ${afterwards}
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
      report({ answer: await answer, child: seenByChild() });`;
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

  test('gives way to one that the program sets later; the two of the watchdog count as one', async () => {
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
      report({ set, unset, silenced: [notify.status('x'), watchdog.timeout() ?? null] });`;
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

  test('WATCHDOG_PID of another process still turns the watchdog off', async () => {
    const source = `
      const before = watchdog.timeout() ?? null;
      notify.unsetEnvironment();
      report([before, watchdog.timeout() ?? null, seenByChild()]);`;
    expect(await run(source, { ...WATCHDOG, WATCHDOG_PID: '1' })).toStrictEqual([null, null, '']);
  });

  test('does not exist without a manager, and no add-on is loaded', async () => {
    const source = `
      notify.unsetEnvironment();
      report([notify.ready(), watchdog.timeout() ?? null, readFileSync('/proc/self/maps', 'utf8').includes('libsystemd')]);`;
    expect(await run(source, {})).toStrictEqual([false, null, false]);
  });

  test('is set for the call when libsystemd has to send, and removed again after it', async () => {
    const source = `
      notify.unsetEnvironment();
      const caught = (call) => { try { return call(); } catch ({ code, message }) { return [code, message]; } };
      report([caught(() => notify.ready()), seenByChild()]);`;
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
  test('means that there is no manager', async () => {
    const source = `
      const messages = [];
      process.on('warning', ({ message }) => messages.push(message));
      report({
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

  test('is an error for libsystemd/sd, as it is for libsystemd', async () => {
    const source = `
      import { sd_notify } from 'libsystemd/sd';
      try { report(sd_notify(false, 'READY=1')); } catch ({ code }) { report(code); }`;
    const codes = NOTIFY_SOCKET === '' ? /^(EINVAL|EPROTO)$/ : /^ECONNREFUSED$/;
    expect(await run(source, { NOTIFY_SOCKET })).toMatch(codes);
  });
});

test('an empty WATCHDOG_USEC turns the watchdog off, but is an error for libsystemd/sd', async () => {
  const source = `
    import { sd_watchdog_enabled } from 'libsystemd/sd';
    const running = watchdog.start();
    try { sd_watchdog_enabled(); } catch ({ code }) { report([watchdog.timeout() ?? null, code]); }`;
  expect(await run(source, { WATCHDOG_USEC: '' })).toStrictEqual([null, 'EINVAL']);
});

// With glibc's getenv(3) this would crash, because it reads memory that setenv(3) of another thread
// frees.
test('worker threads notify, and read the timeout, while the main thread writes to the environment', async () => {
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
    let running = 3;
    const threads = Array.from({ length: running }, () => inThread(work).finally(() => running--));
    let n = 0;
    while (running > 0) {
      for (let k = 0; k < 200; k++) process.env['V' + n++] = 'x';
      if (n % 20_000 === 0) for (let k = n - 20_000; k < n; k++) delete process.env['V' + k];
      await new Promise(setImmediate);
    }
    report(await Promise.all(threads));`;
  const env = { NOTIFY_SOCKET: manager.address, ...WATCHDOG };
  expect(await run(source, env)).toStrictEqual([3100, 3100, 3100]);
});

test('an address that nothing reads is still an error after notify.unsetEnvironment()', async () => {
  const address = `@${randomUUID()}`;
  const source = `
    const caught = (call) => { try { return call(); } catch ({ code }) { return code; } };
    notify.unsetEnvironment();
    report(caught(() => notify.ready()));`;
  expect(await run(source, { NOTIFY_SOCKET: address })).toBe('ECONNREFUSED');
});
