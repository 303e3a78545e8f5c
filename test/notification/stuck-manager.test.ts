// A service manager that does not read: messages wait in the process, and arrive once it reads again.
import { closeSync, fstatSync, openSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { fdStore, notify, watchdog } from 'libsystemd';
import { describe, expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import {
  addresses,
  allUntilNow,
  Child,
  countOpen,
  eventually,
  forgetManagerAfterEach,
  mostWaiting,
  openFiles,
  proveThatNothingBlocks,
  queueLength,
  startManager,
  startStuckManager,
  withoutFill,
} from './support.ts';

const SENDS = 10_000;
const numbers = (length: number) => Array.from({ length }, (_, i) => i);

/** Messages that keep their place among all others. */
const unreplaceable = [
  ...['READY=1', 'RELOADING=1', 'STOPPING=1', 'MAINPID=1', 'X_A=1', ''],
  ...['WATCHDOG=trigger', 'WATCHDOG=1\nX_A=1', 'STATUS=a\nX_A=1', 'STATUS=a\rX_A=1'],
];

proveThatNothingBlocks();

describe.each(addresses)('while a manager does not read its $kind', ({ abstract }) => {
  forgetManagerAfterEach();

  test(`${SENDS} sends return true at once, and their messages arrive in order`, async () => {
    // A send that blocked would not return at all, and a slow send would be slow in every attempt. The
    // scheduler of a busy machine also makes sends slow, but other ones in each attempt.
    const limitMs = 5;
    const fastest = new Float64Array(SENDS).fill(Number.POSITIVE_INFINITY);
    for (let attempt = 0; attempt < 5 && Math.max(...fastest) >= limitMs; attempt++) {
      await using manager = await startManager({ abstract });
      await manager.stop();
      const results = new Set<boolean>();
      for (let i = 0; i < SENDS; i++) {
        const begun = performance.now();
        results.add(notify.send(`X_N=${i}`));
        fastest[i] = Math.min(fastest[i] ?? 0, performance.now() - begun);
      }
      expect([...results]).toEqual([true]);

      await manager.go();
      await manager.until(`X_N=${SENDS - 1}`);
      expect(manager.messages.map(({ message }) => message)).toEqual(
        numbers(SENDS).map((i) => `X_N=${i}`),
      );
    }
    expect(Math.max(...fastest)).toBeLessThan(limitMs);
  });

  test('messages of all kinds keep their bytes and order', async () => {
    await using manager = await startStuckManager({ abstract });
    notify.status('Grüße\nMAINPID=1');
    notify.ready('a');
    notify.send('');
    fdStore.remove('x');
    notify.stopping('€'.repeat(2000));
    await manager.go();
    expect(withoutFill(await allUntilNow(manager))).toEqual([
      'STATUS=Grüße MAINPID=1',
      'READY=1\nSTATUS=a',
      '',
      'FDSTOREREMOVE=1\nFDNAME=x',
      expect.stringMatching(/^STOPPING=1\nSTATUS=€{1350,}$/),
    ]);
    expect(manager.messages.every(({ pid }) => pid === process.pid)).toBe(true);
  });

  test('the event loop turns while the manager does not read, and while it reads again', async () => {
    await using manager = await startStuckManager({ abstract });
    let ticks = 0;
    const interval = setInterval(() => ticks++, 1);
    for (let i = 0; i < SENDS; i++) {
      notify.send(`X_N=${i}`);
      if (i % 100 === 0) await turn();
    }
    await eventually(() => expect(ticks).toBeGreaterThan(50));
    ticks = 0;
    await manager.go();
    await manager.until(`X_N=${SENDS - 1}`);
    clearInterval(interval);
    expect(ticks).toBeGreaterThan(5);
  });

  test('descriptors arrive although the sender has closed them, and no copy stays open', async () => {
    const before = openFiles();
    await using manager = await startStuckManager({ abstract });
    const fd = openSync(process.execPath, 'r');
    const { dev, ino } = fstatSync(fd);
    expect(notify.send('X_TWO=1', { fds: [fd, fd] })).toBe(true);
    expect(fdStore.add('node', fd)).toBe(true);
    closeSync(fd);
    // Gets the number that has just become free.
    const sameNumber = openSync('/dev/null', 'r');
    expect(countOpen(process.execPath)).toBe(3);

    await manager.go();
    const two = await manager.until('X_TWO=1');
    const stored = await manager.until('FDSTORE=1');
    closeSync(sameNumber);
    const copy = { link: process.execPath, dev, ino, mode: 'file' };
    expect(two.fds).toEqual([copy, copy]);
    expect(stored.fds).toEqual([copy]);
    await manager.close();
    await eventually(() => expect(openFiles()).toEqual(before));
  });

  test(`${mostWaiting} messages may wait, the next one is refused, and all accepted ones arrive`, async () => {
    await using manager = await startStuckManager({ abstract });
    const before = openFiles();
    for (let i = 0; i < mostWaiting; i++) notify.send(`X_N=${i}`);
    const full = expect.objectContaining({ name: 'SystemdError', code: 'ERR_SYSTEMD_QUEUE_FULL' });
    expect(() => notify.send('X_N=more')).toThrow(full);
    expect(() => notify.ready()).toThrow(full);
    expect(() => fdStore.add('x', 0)).toThrow(full);
    await expect(notify.barrier()).rejects.toEqual(full);
    expect(openFiles()).toEqual(before);

    await manager.go();
    await manager.until(`X_N=${mostWaiting - 1}`);
    const all = await allUntilNow(manager);
    expect(all).toHaveLength(queueLength() + mostWaiting);
    expect(withoutFill(all)).toEqual([...numbers(mostWaiting).map((i) => `X_N=${i}`)]);
  });

  test('at most one ping of the watchdog waits', async () => {
    await using manager = await startStuckManager({ abstract });
    notify.send('X_WAITING=1');
    process.env.WATCHDOG_USEC = '60000000';
    let checks = 0;
    const running = watchdog.start({ interval: 1, check: () => ++checks > 0 });
    delete process.env.WATCHDOG_USEC;
    await eventually(() => expect(checks).toBeGreaterThan(10));
    running.stop();
    await manager.go();
    expect(withoutFill(await allUntilNow(manager))).toEqual(['X_WAITING=1', 'WATCHDOG=1']);
  });

  test.each<[what: string, send: () => void, arrives: readonly string[]]>([
    [
      'the last status arrives, once, in the place of the first',
      () => {
        notify.status('a');
        watchdog.ping();
        notify.status('b');
        notify.status('');
        notify.status('c\\');
      },
      ['STATUS=c\\\\', 'WATCHDOG=1'],
    ],
    [
      'of extensions the longest arrives, because the manager never shortens a timeout',
      () => {
        for (const ms of [5, 30_000, 7, 0]) notify.extendTimeout(ms);
      },
      ['EXTEND_TIMEOUT_USEC=30000000'],
    ],
    [
      'a status never moves past any other message',
      () => {
        for (const message of unreplaceable) {
          notify.status('older');
          notify.status('newer');
          notify.send(message);
        }
      },
      unreplaceable.flatMap((message) => ['STATUS=newer', message]),
    ],
    [
      'a status stays behind a message with descriptors',
      () => {
        notify.status('a');
        notify.send('STATUS=b', { fds: [0] });
        notify.status('c');
        notify.status('d');
      },
      ['STATUS=a', 'STATUS=b', 'STATUS=d'],
    ],
    [
      'a status that the manager would drop replaces none, and is not replaced',
      () => {
        notify.status('a');
        notify.send('STATUS=b\\');
        notify.status('c');
      },
      ['STATUS=a', 'STATUS=b\\', 'STATUS=c'],
    ],
    [
      'a status is replaced by one of the same pid only',
      () => {
        notify.send('STATUS=a', { pid: process.pid });
        notify.send('STATUS=b');
        notify.send('STATUS=c', { pid: process.pid });
        notify.send('STATUS=d');
      },
      ['STATUS=c', 'STATUS=d'],
    ],
    [
      'each number of an extension that the manager may not read is sent',
      () => {
        notify.send('EXTEND_TIMEOUT_USEC=0x10');
        notify.send('EXTEND_TIMEOUT_USEC=1');
        notify.send('EXTEND_TIMEOUT_USEC=99999999999999999999');
      },
      [
        'EXTEND_TIMEOUT_USEC=0x10',
        'EXTEND_TIMEOUT_USEC=1',
        'EXTEND_TIMEOUT_USEC=99999999999999999999',
      ],
    ],
  ])('%s', async (_what, send, arrives) => {
    await using manager = await startStuckManager({ abstract });
    notify.send('X_WAITING=1');
    send();
    await manager.go();
    expect(withoutFill(await allUntilNow(manager))).toEqual(['X_WAITING=1', ...arrives]);
  });

  test('a barrier is passed after the last status before it, and before any status after it', async () => {
    await using manager = await startStuckManager({ abstract });
    for (let i = 0; i < 3; i++) notify.status(`before ${i}`);
    const barrier = notify.barrier();
    for (let i = 0; i < 3; i++) notify.status(`after ${i}`);
    await manager.go();
    expect(await barrier).toBe(true);
    const messages = ['STATUS=before 2', 'BARRIER=1', 'STATUS=after 2'];
    expect(withoutFill(await allUntilNow(manager))).toEqual(messages);
  });

  test('a barrier that has timed out leaves one status, not two', async () => {
    await using manager = await startStuckManager({ abstract });
    for (let i = 0; i < 3; i++) {
      notify.status(`before ${i}`);
      const barrier = notify.barrier({ timeout: 1 });
      notify.status(`after ${i}`);
      await expect(barrier).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    }
    notify.send('X_N=1');
    await manager.go();
    expect(withoutFill(await allUntilNow(manager))).toEqual(['STATUS=after 2', 'X_N=1']);
  });

  test('a status, a ping and an extension are accepted although the queue is full', async () => {
    await using manager = await startStuckManager({ abstract });
    for (let i = 0; i < mostWaiting; i++) notify.send('X_N=1');
    for (let i = 0; i < 3; i++) {
      expect(notify.status(`${i}`)).toBe(true);
      expect(watchdog.ping()).toBe(true);
      expect(notify.extendTimeout(1)).toBe(true);
    }
    expect(() => notify.ready()).toThrow(
      expect.objectContaining({ code: 'ERR_SYSTEMD_QUEUE_FULL' }),
    );
    await manager.go();
    const last = ['STATUS=2', 'WATCHDOG=1', 'EXTEND_TIMEOUT_USEC=1000'];
    await manager.until('EXTEND_TIMEOUT_USEC=1000');
    expect((await allUntilNow(manager)).slice(-4)).toEqual(['X_N=1', ...last]);
  });

  test('253 descriptors may wait, and the next one is refused', async () => {
    await using manager = await startStuckManager({ abstract });
    const before = openFiles();
    const fds = Array<number>(253).fill(0);
    expect(notify.send('X_FDS=253', { fds })).toBe(true);
    expect(() => notify.send('X_FDS=1', { fds: [0] })).toThrow(
      expect.objectContaining({ name: 'SystemdError', code: 'ERR_SYSTEMD_QUEUE_FULL' }),
    );
    expect(notify.send('X_NONE=1')).toBe(true);
    await manager.go();
    expect(withoutFill(await allUntilNow(manager))).toEqual(['X_FDS=253', 'X_NONE=1']);
    expect(openFiles()).toEqual(before);
  });

  test('a closed descriptor is refused at once, and no copy of the others stays open', async () => {
    await using manager = await startStuckManager({ abstract });
    const before = openFiles();
    for (const fd of [-1, 0x7fff_ffff]) {
      expect(() => notify.send('X_BAD=1', { fds: [0, fd] })).toThrow(
        expect.objectContaining({ name: 'SystemdError', code: 'EBADF', errno: -9 }),
      );
    }
    expect(openFiles()).toEqual(before);
    await manager.go();
    expect(withoutFill(await allUntilNow(manager))).toEqual([]);
  });

  test.each<[what: string, run: () => boolean, code: RegExp]>([
    ['a null byte in a string', () => notify.send('A=1\0B=2'), /^ERR_INVALID_ARG_VALUE$/],
    [
      'a message with more than 253 descriptors',
      () => notify.send('X_FDS=254', { fds: Array<number>(254).fill(0) }),
      /^ERR_OUT_OF_RANGE$/,
    ],
  ])('%s is refused at once, as with a manager that reads', async (_what, run, code) => {
    await using manager = await startStuckManager({ abstract });
    let thrown: unknown;
    try {
      run();
    } catch (error) {
      thrown = error;
    }
    await manager.go();
    expect(withoutFill(await allUntilNow(manager))).toEqual([]);
    expect(thrown).toMatchObject({ code: expect.stringMatching(code) });
  });

  test('a waiting message arrives although NOTIFY_SOCKET was unset meanwhile', async () => {
    await using manager = await startStuckManager({ abstract });
    expect(notify.send('X_WAITING=1')).toBe(true);
    delete process.env.NOTIFY_SOCKET;
    expect(notify.send('X_AFTER=1')).toBe(false);
    await manager.go();
    await manager.until('X_WAITING=1');
    expect(process.env.NOTIFY_SOCKET).toBeUndefined();
  });

  test('a waiting message arrives at its own address although NOTIFY_SOCKET has changed meanwhile', async () => {
    await using manager = await startStuckManager({ abstract });
    expect(notify.send('X_TO=first')).toBe(true);
    await using second = await startManager({ abstract });
    expect(notify.send('X_TO=second')).toBe(true);
    await manager.go();
    await manager.until('X_TO=first');
    await second.until('X_TO=second');
    expect(process.env.NOTIFY_SOCKET).toBe(second.address);
    expect(await allUntilNow(second)).toEqual(['X_TO=second']);
  });
});

test('waiting messages arrive at a new manager at the same path', async () => {
  await using stuck = await startStuckManager();
  await using successor = await startReceiver();
  for (let i = 0; i < 20; i++) notify.send(`X_N=${i}`);
  await rename(successor.address, stuck.address);
  expect(await allUntilNow(successor)).toEqual(numbers(20).map((i) => `X_N=${i}`));
  delete process.env.NOTIFY_SOCKET;
});

// patience.test.ts tests when a process with nothing else to do gives up.
describe.concurrent('a process whose messages wait', () => {
  /** Code that fills the socket of a manager that does not read, and then sends `count` messages. */
  const fillAndWait = (count: number, room = queueLength()) => `
    import { readSync, writeSync } from 'node:fs';
    import { notify } from 'libsystemd';
    for (let i = 0; i < ${room}; i++) notify.send('FILL=' + i);
    for (let i = 0; i < ${count}; i++) notify.send('X_N=' + i);
    writeSync(1, 'waiting\\n');`;

  test('sends at process.exit() as many messages as the socket has room for', async () => {
    await using manager = await startReceiver();
    await manager.stop();
    const room = queueLength();
    await using child = new Child(
      // The child blocks in readSync(), so only the exit can have sent the messages. There are no more
      // than the socket has room for, so it does not matter whether the manager reads during the exit.
      `${fillAndWait(room, room)}
      readSync(0, Buffer.alloc(1));
      process.exit(3);`,
      { NOTIFY_SOCKET: manager.address },
    );
    await child.said('waiting');
    await manager.go();
    await manager.until(`FILL=${room - 1}`);
    child.writeLine('go');
    expect(await child.ending()).toMatchObject({ code: 3, stderr: '' });
    await manager.until(`X_N=${room - 1}`);
    expect(manager.messages.map(({ message }) => message)).toEqual([
      ...numbers(room).map((i) => `FILL=${i}`),
      ...numbers(room).map((i) => `X_N=${i}`),
    ]);
  });

  test('ends at process.exit() although the manager is stuck, and warns how many messages are lost', async () => {
    await using manager = await startReceiver();
    await manager.stop();
    const begun = performance.now();
    await using child = new Child(
      `${fillAndWait(20)}
      process.on('warning', ({ name, code }) => writeSync(1, name + ' ' + code + '\\n'));
      process.exit(3);`,
      { NOTIFY_SOCKET: manager.address },
    );
    expect(await child.ending()).toMatchObject({
      code: 3,
      stdout: 'waiting\nWarning ERR_SYSTEMD_LOST\n',
      stderr: expect.stringMatching(
        /^\(node:\d+\) \[ERR_SYSTEMD_LOST\] Warning: 20 notifications are lost, because the process ends while .*\n/,
      ),
    });
    expect(performance.now() - begun).toBeLessThan(4000);
  });

  test('sends all of them when the manager reads again, although it has nothing else to do', async () => {
    await using manager = await startReceiver();
    await manager.stop();
    await using child = new Child(fillAndWait(SENDS), { NOTIFY_SOCKET: manager.address });
    await child.said('waiting');
    await manager.go();
    expect(await child.ending()).toMatchObject({ code: 0, stderr: '' });
    await manager.until(`X_N=${SENDS - 1}`);
    expect(withoutFill(manager.messages.map(({ message }) => message))).toEqual(
      numbers(SENDS).map((i) => `X_N=${i}`),
    );
  });

  test('keeps little of each, so that garbage collections stay short', async () => {
    await using manager = await startReceiver();
    await manager.stop();
    // A text of 8 characters alone takes 24 bytes, and its place in the list another 8.
    await using child = new Child(
      `${fillAndWait(1)}
      const heap = () => { gc(); return process.memoryUsage().heapUsed; };
      const before = heap();
      for (let i = 0; i < ${SENDS}; i++) notify.send('X_N=' + (1000 + i));
      const each = (heap() - before) / ${SENDS};
      writeSync(1, each < 200 ? 'little\\n' : each + ' bytes\\n');
      process.exit();`,
      { NOTIFY_SOCKET: manager.address },
      ['--expose-gc'],
    );
    await child.said('little');
  });

  test('may set its status 100,000 times: it needs no more memory, and the last status arrives once', async () => {
    await using manager = await startReceiver();
    await manager.stop();
    await using child = new Child(
      // All the texts would be 100 MB.
      `${fillAndWait(1)}
      for (let i = 0; i < 100_000; i++) notify.status(i + 'x'.repeat(1000));
      notify.status('last');
      writeSync(1, 'sent\\n');
      await notify.barrier();
      console.log('passed');`,
      { NOTIFY_SOCKET: manager.address },
      ['--max-old-space-size=32'],
    );
    await child.said('sent');
    await manager.go();
    await child.said('passed');
    expect(await child.ending()).toMatchObject({ code: 0, stderr: '' });
    const messages = manager.messages.map(({ message }) => message);
    expect(withoutFill(messages)).toEqual(['X_N=0', 'STATUS=last', 'BARRIER=1']);
  });

  test.each([
    ['path', false, 'ENOENT'],
    ['abstract name', true, 'ECONNREFUSED'],
  ])('warns when its manager at a %s goes away, and goes on', async (_kind, abstract, code) => {
    await using manager = await startReceiver({ abstract });
    await manager.stop();
    await using child = new Child(
      // The later send throws to its caller. A child that had crashed would not get that far.
      `${fillAndWait(20)}
      process.on('warning', () => console.log('warned'));
      const alive = setInterval(() => {
        try { notify.send('X_LATER=1'); } catch (error) {
          console.log(error.code);
          clearInterval(alive);
        }
      }, 10);`,
      { NOTIFY_SOCKET: manager.address },
    );
    await child.said('waiting');
    await manager.close();
    await child.said('warned');
    await child.said(code);
    const { stderr, ...ending } = await child.ending();
    expect(ending).toMatchObject({ code: 0, signal: null });
    expect(stderr).toMatch(
      new RegExp(`\\d+ waiting notifications could not be sent. The first error: ${code}: `),
    );
  });
});
