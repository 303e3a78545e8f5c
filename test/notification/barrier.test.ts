// notify.barrier(): when it resolves, when it rejects, and what it leaves open.
import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type BarrierOptions, fdStore, notify, SystemdError } from 'libsystemd';
import { beforeAll, describe, expect, test } from 'vitest';
import { launchNode } from '../support/launch.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import {
  addresses,
  allUntilNow,
  Child,
  eventually,
  forgetManagerAfterEach,
  mostWaiting,
  openFiles,
  proveThatNothingBlocks,
  startManager,
  startStuckManager,
  withoutFill,
} from './support.ts';

const timedOut = expect.objectContaining({
  name: 'SystemdError',
  code: 'ETIMEDOUT',
  errno: -110,
  syscall: 'sd_notify_barrier',
});

/** Resolves to 'pending' when `until` settles before `promise`. */
function orPending<T>(promise: Promise<T>, until: Promise<unknown>): Promise<T | 'pending'> {
  return Promise.race([promise, until.then(() => 'pending' as const)]);
}

proveThatNothingBlocks();

describe.each(addresses)('notify.barrier() to a $kind', ({ abstract }) => {
  forgetManagerAfterEach();

  test('sends BARRIER=1 with one end of a pipe', async () => {
    await using manager = await startManager({ abstract });
    expect(await notify.barrier()).toBe(true);
    const { message, fds, pid } = await manager.next();
    expect({ message, pid }).toEqual({ message: 'BARRIER=1', pid: process.pid });
    expect(fds.map(({ mode }) => mode)).toEqual(['pipe']);
    expect(await allUntilNow(manager)).toEqual(['BARRIER=1']);
  });

  test('sends in the name of another process when it has the privileges', async () => {
    await using manager = await startManager({ abstract });
    expect(await notify.barrier({ pid: process.pid })).toBe(true);
    expect(await manager.next()).toMatchObject({ message: 'BARRIER=1', pid: process.pid });
    expect(await notify.barrier({ pid: process.ppid })).toBe(true);
    const { message, fds, pid } = await manager.next();
    // Without privileges the process sends in its own name, as libsystemd does.
    const isRoot = process.getuid?.() === 0;
    expect({ message, pid }).toEqual({
      message: 'BARRIER=1',
      pid: isRoot ? process.ppid : process.pid,
    });
    expect(fds.map(({ mode }) => mode)).toEqual(['pipe']);
  });

  test('resolves with true once the manager has closed the descriptor, and not before', async () => {
    await using manager = await startManager({ abstract });
    await manager.hold();
    const barrier = notify.barrier({ timeout: Number.POSITIVE_INFINITY });
    await manager.until('BARRIER=1');
    notify.send('X_AFTER=1');
    await manager.until('X_AFTER=1');
    expect(await orPending(barrier, delay(20))).toBe('pending');
    expect(await manager.release()).toBe(1);
    expect(await barrier).toBe(true);
  });

  test('is sent after the messages that wait for a stuck manager', async () => {
    await using manager = await startStuckManager({ abstract });
    notify.send('X_BEFORE=1');
    const barrier = notify.barrier();
    notify.send('X_AFTER=1');
    expect(await orPending(barrier, delay(50))).toBe('pending');
    await manager.go();
    expect(await barrier).toBe(true);
    const messages = ['X_BEFORE=1', 'BARRIER=1', 'X_AFTER=1'];
    expect(withoutFill(await allUntilNow(manager))).toEqual(messages);
  });
});

describe('notify.barrier()', () => {
  forgetManagerAfterEach();

  test('resolves with false without a manager, and opens nothing', async () => {
    const before = openFiles();
    delete process.env.NOTIFY_SOCKET;
    expect(await notify.barrier()).toBe(false);
    expect(openFiles()).toEqual(before);
  });

  test.each([0, 1, 50, 50.5])(
    'rejects with ETIMEDOUT after a timeout of %d ms',
    async (timeout) => {
      await using manager = await startManager({ abstract: true });
      await manager.hold();
      const begun = performance.now();
      const error = await notify.barrier({ timeout }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SystemdError);
      expect(error).toEqual(timedOut);
      // The event loop's clock counts whole milliseconds, so a timer may be early by less than one.
      expect(performance.now() - begun).toBeGreaterThanOrEqual(Math.floor(timeout) - 1);
    },
  );

  test('rejects with ETIMEDOUT while its message waits for a stuck manager', async () => {
    await using manager = await startStuckManager({ abstract: true });
    await expect(notify.barrier({ timeout: 20 })).rejects.toEqual(timedOut);
    await manager.go();
    expect(withoutFill(await allUntilNow(manager))).toEqual([]);
  });

  // setTimeout() takes a time that is too long for a timer as 1 ms.
  test.each([2 ** 31, 2 ** 53, Number.POSITIVE_INFINITY])(
    'a timeout of %d ms does not end at once',
    async (timeout) => {
      await using manager = await startManager({ abstract: true });
      await manager.hold();
      const barrier = notify.barrier({ timeout });
      expect(await orPending(barrier, delay(50))).toBe('pending');
      await manager.release();
      expect(await barrier).toBe(true);
    },
  );

  test.each<[what: string, options: unknown, code: string]>([
    ['timeout -1', { timeout: -1 }, 'ERR_OUT_OF_RANGE'],
    ['timeout NaN', { timeout: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    ["timeout '5'", { timeout: '5' }, 'ERR_INVALID_ARG_TYPE'],
    ['timeout null', { timeout: null }, 'ERR_INVALID_ARG_TYPE'],
    ['timeout 5n', { timeout: 5n }, 'ERR_INVALID_ARG_TYPE'],
    ['signal {}', { signal: {} }, 'ERR_INVALID_ARG_TYPE'],
    ['signal null', { signal: null }, 'ERR_INVALID_ARG_TYPE'],
    ['pid -1', { pid: -1 }, 'ERR_OUT_OF_RANGE'],
    ["pid '1'", { pid: '1' }, 'ERR_INVALID_ARG_TYPE'],
    ['an unknown option', { timout: 5 }, 'ERR_INVALID_ARG_VALUE'],
    ['options null', null, 'ERR_INVALID_ARG_TYPE'],
    ['options 5', 5, 'ERR_INVALID_ARG_TYPE'],
  ])(
    '%s is refused with a manager and without, and nothing is sent',
    async (_what, options, code) => {
      await using manager = await startManager({ abstract: true });
      const refused = expect.objectContaining({ code });
      await expect(notify.barrier(options as BarrierOptions)).rejects.toEqual(refused);
      expect(await allUntilNow(manager)).toEqual([]);
      delete process.env.NOTIFY_SOCKET;
      await expect(notify.barrier(options as BarrierOptions)).rejects.toEqual(refused);
    },
  );

  test('rejects with the reason of a signal that is aborted already, and sends nothing', async () => {
    await using manager = await startManager({ abstract: true });
    const reason = { my: 'reason' };
    await expect(notify.barrier({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const signal = AbortSignal.abort();
    await expect(notify.barrier({ signal })).rejects.toBe(signal.reason);
    expect(await allUntilNow(manager)).toEqual([]);
  });

  test.each([
    ['a reason', new Error('enough')],
    ['no reason', undefined],
  ])(
    'rejects with the reason of a signal that is aborted, with %s, while it waits',
    async (_what, reason) => {
      await using manager = await startManager({ abstract: true });
      await manager.hold();
      const controller = new AbortController();
      const barrier = notify.barrier({ signal: controller.signal });
      await manager.until('BARRIER=1');
      controller.abort(reason);
      await expect(barrier).rejects.toBe(controller.signal.reason);
      if (reason !== undefined) expect(controller.signal.reason).toBe(reason);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
      expect(await manager.release()).toBe(1);
    },
  );

  test('leaves the queue once it has timed out or was aborted', async () => {
    await using manager = await startStuckManager({ abstract: true });
    const before = openFiles();
    const waits = Array.from({ length: 252 }, () => notify.barrier({ timeout: 1 }));
    waits.push(notify.barrier({ signal: AbortSignal.timeout(1) }));
    const settled = await Promise.allSettled(waits);
    expect(new Set(settled.map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(fdStore.save('state', Buffer.from('a'))).toBe(true);
    await manager.go();
    const all = withoutFill(await allUntilNow(manager));
    expect(all).toEqual(['FDSTOREREMOVE=1\nFDNAME=state', expect.stringMatching(/^FDSTORE=1/)]);
    await eventually(() => expect(openFiles()).toEqual(before));
  });

  test('leaves no listener on the signal when it resolves or times out', async () => {
    await using manager = await startManager({ abstract: true });
    const { signal } = new AbortController();
    expect(await notify.barrier({ signal })).toBe(true);
    await manager.hold();
    await expect(notify.barrier({ signal, timeout: 1 })).rejects.toEqual(timedOut);
    await eventually(() => expect(getEventListeners(signal, 'abort')).toHaveLength(0));
  });

  test('does not block the event loop while it waits', async () => {
    await using manager = await startManager({ abstract: true });
    await manager.hold();
    let ticks = 0;
    const interval = setInterval(() => ticks++, 1);
    const barrier = notify.barrier();
    await eventually(() => expect(ticks).toBeGreaterThan(10));
    clearInterval(interval);
    await manager.release();
    expect(await barrier).toBe(true);
  });

  test('many barriers resolve once the manager has closed all descriptors, and none before', async () => {
    await using manager = await startManager({ abstract: true });
    await manager.hold();
    const before = openFiles();
    const barriers = Array.from({ length: 100 }, () => notify.barrier());
    const together = Promise.all(barriers);
    for (let i = 0; i < barriers.length; i++) await manager.until('BARRIER=1');
    expect(await orPending(Promise.any(barriers), delay(10))).toBe('pending');
    expect(await manager.release()).toBe(barriers.length);
    expect(new Set(await together)).toEqual(new Set([true]));
    await eventually(() => expect(openFiles()).toEqual(before));
  });

  test('rejects with the error of send() when the socket cannot be reached', async () => {
    process.env.NOTIFY_SOCKET = '/nonexistent/notify';
    await expect(notify.barrier()).rejects.toEqual(
      expect.objectContaining({ name: 'SystemdError', code: 'ENOENT' }),
    );
  });

  // true would be wrong: this manager has not processed the earlier messages.
  test('rejects when the manager dies before the message was sent', async () => {
    const manager = await startStuckManager({ abstract: true });
    const settled = notify.barrier().catch((error: unknown) => error);
    await manager.close();
    expect(await settled).toEqual(
      expect.objectContaining({ name: 'SystemdError', code: 'ECONNREFUSED' }),
    );
  });

  describe('leaves no descriptor open', () => {
    // The event loop opens descriptors of its own for the first pipe, and keeps them.
    beforeAll(async () => {
      await using manager = await startManager({ abstract: true });
      expect(await notify.barrier()).toBe(true);
      await manager.close();
    });

    // The manager lives until the end of each test, so its end closes nothing early.
    test.each<[outcome: string, start: typeof startManager, run: (manager: Receiver) => unknown]>([
      ['when it resolves', startManager, () => notify.barrier()],
      [
        'when it times out',
        startManager,
        async (manager) => {
          await manager.hold();
          await expect(notify.barrier({ timeout: 1 })).rejects.toEqual(timedOut);
        },
      ],
      [
        'when it is aborted',
        startManager,
        async (manager) => {
          await manager.hold();
          const signal = AbortSignal.timeout(1);
          const error = await notify.barrier({ signal }).catch((reason: unknown) => reason);
          expect(error).toBe(signal.reason);
        },
      ],
      [
        'when it cannot be sent',
        startManager,
        async () => {
          process.env.NOTIFY_SOCKET = '@nobody';
          await expect(notify.barrier()).rejects.toThrow('ECONNREFUSED');
        },
      ],
      [
        'when the queue has no room',
        startStuckManager,
        async (manager) => {
          for (let i = 0; i < mostWaiting; i++) notify.send('X_WAITING=1');
          await expect(notify.barrier()).rejects.toMatchObject({ code: 'ERR_SYSTEMD_QUEUE_FULL' });
          await manager.go();
          await manager.until('X_WAITING=1');
          await allUntilNow(manager);
        },
      ],
      [
        'when it times out before its message was sent',
        startStuckManager,
        async (manager) => {
          await expect(notify.barrier({ timeout: 1 })).rejects.toEqual(timedOut);
          await manager.go();
          await allUntilNow(manager);
        },
      ],
    ])('%s', async (_outcome, start, run) => {
      await using manager = await start({ abstract: true });
      const before = openFiles();
      await run(manager);
      await eventually(() => expect(openFiles()).toEqual(before));
    });
  });
});

test('notify.barrier() keeps the process alive until the manager has closed the descriptor, and no longer', async () => {
  await using manager = await startReceiver({ abstract: true });
  await manager.hold();
  await using child = new Child(
    `import { notify } from 'libsystemd';
      notify.barrier({ timeout: 60_000 }).then((passed) => console.log(passed));`,
    { NOTIFY_SOCKET: manager.address },
  );
  await manager.until('BARRIER=1');
  await manager.release();
  expect(await child.ending()).toEqual({ stdout: 'true\n', stderr: '', code: 0, signal: null });
});

describe.concurrent('sd_notify_barrier(), which blocks', () => {
  const source = `
    import { SystemdError, sd_notify, sd_notify_barrier } from 'libsystemd/sd';
    let outcome;
    const begun = performance.now();
    try {
      sd_notify(false, 'READY=1');
      outcome = sd_notify_barrier(false, 100_000);
    } catch ({ name, code, errno, syscall }) {
      outcome = { name, code, errno, syscall };
    }
    console.log(JSON.stringify([outcome, performance.now() - begun]));`;

  test('returns true once the manager has closed the descriptor', async () => {
    await using manager = await startReceiver();
    const { result } = await launchNode([], source, { env: { NOTIFY_SOCKET: manager.address } });
    expect(result).toEqual([true, expect.any(Number)]);
    expect(await manager.next()).toMatchObject({ message: 'READY=1', fds: [] });
    expect(await manager.next()).toMatchObject({ message: 'BARRIER=1', fds: [{ mode: 'pipe' }] });
  });

  test('throws ETIMEDOUT after the timeout while the manager keeps the descriptor open', async () => {
    await using manager = await startReceiver();
    await manager.hold();
    const { result } = await launchNode([], source, { env: { NOTIFY_SOCKET: manager.address } });
    const [outcome, ms] = result as [object, number];
    expect(outcome).toEqual({
      name: 'SystemdError',
      code: 'ETIMEDOUT',
      errno: -110,
      syscall: 'sd_notify_barrier',
    });
    expect(ms).toBeGreaterThanOrEqual(99);
  });

  test('returns false without a manager', async () => {
    const { result } = await launchNode([], source);
    expect(result).toEqual([false, expect.any(Number)]);
  });
});
