import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { notify, type Watchdog, type WatchdogOptions, watchdog } from 'libsystemd';
import { afterEach, describe, expect, test } from 'vitest';
import { launch, launchNode } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';
import { root } from '../support/tools.ts';
import { allUntilNow, Child, eventually, forgetManagerAfterEach, startManager } from './support.ts';

const PING = 'WATCHDOG=1';
const DAY_MS = 86_400_000;

/** How late an answer is that comes after its timeout, which is half of this. */
const LATE_MS = 200;

/** What the unit's WatchdogSec= would bring. */
function setTimeoutMs(ms: number): void {
  process.env.WATCHDOG_USEC = String(ms * 1000);
}

function pings(messages: readonly string[]): number {
  return messages.filter((message) => message === PING).length;
}

/**
 * Resolves after so many ticks of an interval. It is as late as all timers are on a busy machine,
 * so what happens meanwhile is counted against its ticks and not against a clock.
 */
function ticks(count: number, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const interval = setInterval(() => {
      if (--count > 0) return;
      clearInterval(interval);
      resolve();
    }, ms);
  });
}

/** In a process with a watchdog; its timers and the manager end with each test. */
describe('watchdog.start()', () => {
  const started: Watchdog[] = [];
  const start = (options?: WatchdogOptions) => {
    const running = watchdog.start(options);
    started.push(running);
    return running;
  };
  afterEach(() => {
    for (const running of started.splice(0)) running.stop();
    delete process.env.WATCHDOG_USEC;
    delete process.env.WATCHDOG_PID;
  });
  forgetManagerAfterEach();

  test.each<[what: string, timeoutMs: number, options: WatchdogOptions, everyMs: number]>([
    ['half the timeout', 100, {}, 50],
    ['half a timeout that is no whole number', 41, {}, 20],
    ['the interval it is given', DAY_MS, { interval: 25 }, 25],
    ['an interval just below the timeout', 51, { interval: 50 }, 50],
  ])('pings at once and then at %s', async (_what, timeoutMs, options, everyMs) => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(timeoutMs);
    const count = Math.round(400 / everyMs);
    start(options);
    await ticks(count, everyMs);
    const messages = await allUntilNow(manager);
    expect(pings(messages)).toBe(messages.length);
    expect(messages.length / (1 + count)).toBeGreaterThan(0.7);
    expect(messages.length / (1 + count)).toBeLessThan(1.3);
  });

  test('the first ping does not wait for a timer', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    start();
    await turn();
    expect(await allUntilNow(manager)).toEqual([PING]);
  });

  test.each<[how: string, end: (running: Watchdog) => void]>([
    ['stop()', (running) => running.stop()],
    ['Symbol.dispose', (running) => running[Symbol.dispose]()],
  ])('%s ends the pings, and may be called again', async (_how, end) => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    const running = start({ interval: 2 });
    for (let i = 0; i < 3; i++) await manager.until(PING);
    end(running);
    const before = pings(await allUntilNow(manager));
    await ticks(10, 2);
    end(running);
    expect(pings(await allUntilNow(manager))).toBe(before);
  });

  test('ends with the scope of `using`', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    {
      using _running = start({ interval: 2 });
      for (let i = 0; i < 3; i++) await manager.until(PING);
    }
    const before = pings(await allUntilNow(manager));
    await ticks(10, 2);
    expect(pings(await allUntilNow(manager))).toBe(before);
  });

  test('several callers share the pings, at the shortest interval', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    const first = start({ interval: 1_000 });
    expect(start({ interval: 20 })).not.toBe(first);
    start();
    await ticks(15, 20);
    const count = pings(await allUntilNow(manager));
    expect(count / 16).toBeGreaterThan(0.7);
    expect(count / 16).toBeLessThan(1.3);
  });

  test.each([
    ['the first', 0, 1],
    ['the second', 1, 0],
  ])('the pings go on when %s of two has stopped, and end with the last', async (_, one, other) => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    const handles = [start({ interval: 2 }), start({ interval: 2 })];
    handles[one]?.stop();
    handles[one]?.stop(); // which is no one else's part
    for (let i = 0; i < 3; i++) await manager.until(PING);
    handles[other]?.stop();
    const before = pings(await allUntilNow(manager));
    await ticks(10, 2);
    expect(pings(await allUntilNow(manager))).toBe(before);
  });

  test('all checks must be content, whoever came first, until the one that is not has stopped', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    let asked = 0;
    const ofFirst: unknown[] = [];
    const ofSecond: unknown[] = [];
    const onError = (error: unknown) => ofFirst.push(error);
    const first = start({ interval: 2, check: () => ++asked > 0, onError });
    const second = start({ check: () => false, onError: (error) => ofSecond.push(error) });
    await turn(); // the first ping was asked for before there was a second check
    const before = pings(await allUntilNow(manager));
    const asksUntilNow = asked;
    await eventually(() => expect(asked).toBeGreaterThan(asksUntilNow + 5));
    expect(pings(await allUntilNow(manager))).toBe(before);
    expect(ofFirst).toEqual([]);
    expect(ofSecond[0]).toMatchObject({ code: 'ERR_SYSTEMD_UNHEALTHY' });
    second.stop();
    for (let i = 0; i < 3; i++) await manager.until(PING);
    first.stop();
  });

  test('a check that hangs is not waited for any more when its caller has stopped', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    const hung = start({ interval: 2, check: () => new Promise(() => undefined) });
    start({ interval: 2 });
    await ticks(10, 2);
    expect(await allUntilNow(manager)).toEqual([]);
    hung.stop();
    for (let i = 0; i < 3; i++) await manager.until(PING);
  });

  test('after the end a call starts another, which the ended one can not stop', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    const ended = start();
    await manager.until(PING);
    ended.stop();
    start({ interval: 2 });
    ended.stop();
    for (let i = 0; i < 3; i++) await manager.until(PING);
  });

  test('a check that calls start() is asked once at a time all the same', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    let asked = 0;
    const check = () => {
      // Without this bound a mistake would go on until the stack is full.
      if (asked++ < 3) start({ check });
      return true;
    };
    start({ check });
    await manager.until(PING);
    expect(asked).toBe(1);
  });

  test('a check keeps its object, and is the one that was given', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    // What the package has no option for is on the prototype, where it is nobody's slip.
    const health = Object.assign(Object.create({ isWell: true }), {
      interval: 2,
      check(this: { isWell: boolean }) {
        return this.isWell;
      },
    });
    start(health);
    for (let i = 0; i < 3; i++) await manager.until(PING);
    health.check = () => false; // which is not looked at any more
    for (let i = 0; i < 3; i++) await manager.until(PING);
  });

  test.each<[what: string, env: Readonly<Record<string, string>>]>([
    ['without WATCHDOG_USEC', {}],
    ['with the WATCHDOG_PID of another', { WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' }],
  ])('%s nothing happens, and there is nothing to stop', async (_what, env) => {
    await using manager = await startManager({ abstract: true });
    Object.assign(process.env, env);
    let checks = 0;
    const off = start({ interval: 1, check: () => ++checks > 0 });
    await ticks(10, 1);
    off.stop();
    off[Symbol.dispose]();
    off.stop();
    expect(checks).toBe(0);
    expect(await allUntilNow(manager)).toEqual([]);
  });

  test('without a manager it asks the check, and sends nothing', async () => {
    setTimeoutMs(DAY_MS);
    delete process.env.NOTIFY_SOCKET;
    const errors: unknown[] = [];
    let checks = 0;
    start({ interval: 1, check: () => ++checks > 0, onError: (error) => errors.push(error) });
    await eventually(() => expect(checks).toBeGreaterThan(3));
    expect(errors).toEqual([]);
  });

  test('a ping that can not be sent goes to onError', async () => {
    process.env.NOTIFY_SOCKET = '/nonexistent/notify';
    setTimeoutMs(DAY_MS);
    const error = await new Promise((onError) => start({ onError }));
    expect(error).toMatchObject({ name: 'SystemdError', code: 'ENOENT' });
  });

  const wrong: [what: string, options: unknown, code: string][] = [
    ['interval 0', { interval: 0 }, 'ERR_OUT_OF_RANGE'],
    ['interval 0.5', { interval: 0.5 }, 'ERR_OUT_OF_RANGE'],
    ['interval -1', { interval: -1 }, 'ERR_OUT_OF_RANGE'],
    ['interval NaN', { interval: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    ["interval '20'", { interval: '20' }, 'ERR_INVALID_ARG_TYPE'],
    ['interval null', { interval: null }, 'ERR_INVALID_ARG_TYPE'],
    ['check 5', { check: 5 }, 'ERR_INVALID_ARG_TYPE'],
    ['check null', { check: null }, 'ERR_INVALID_ARG_TYPE'],
    ['onError 5', { onError: 5 }, 'ERR_INVALID_ARG_TYPE'],
    ['options null', null, 'ERR_INVALID_ARG_TYPE'],
    ['options 5', 5, 'ERR_INVALID_ARG_TYPE'],
  ];
  test.each(wrong)(
    '%s is refused, also when off, and nothing is sent',
    async (_, options, code) => {
      await using manager = await startManager({ abstract: true });
      const refused = expect.objectContaining({ code });
      expect(() => start(options as WatchdogOptions)).toThrow(refused);
      setTimeoutMs(100);
      expect(() => start(options as WatchdogOptions)).toThrow(refused);
      expect(await allUntilNow(manager)).toEqual([]);
    },
  );

  test.each([100, 100.5, DAY_MS, Number.POSITIVE_INFINITY])(
    'an interval of %d ms is refused where the timeout is 100 ms',
    async (interval) => {
      await using manager = await startManager({ abstract: true });
      setTimeoutMs(100);
      expect(() => start({ interval })).toThrow(
        expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }),
      );
      expect(await allUntilNow(manager)).toEqual([]);
    },
  );

  const sick = new Error('sick');
  const late = async () => {
    await delay(LATE_MS);
    return true;
  };
  const unhealthy: [how: string, timeoutMs: number, check: () => boolean | Promise<boolean>][] = [
    ['returns false', DAY_MS, () => false],
    ['resolves to false', DAY_MS, async () => false],
    [
      'throws',
      DAY_MS,
      () => {
        throw sick;
      },
    ],
    ['rejects', DAY_MS, () => Promise.reject(sick)],
    ['resolves to true after the timeout', LATE_MS / 2, late],
  ];

  test.each(unhealthy)('no ping when the check %s', async (_how, timeoutMs, check) => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(timeoutMs);
    let checks = 0;
    const running = start({
      interval: 2,
      check: () => {
        checks++;
        return check();
      },
      onError: () => undefined,
    });
    await eventually(() => expect(checks).toBeGreaterThan(2));
    running.stop();
    expect(await allUntilNow(manager)).toEqual([]);
  });

  test.each(unhealthy)('onError is told why when the check %s', async (how, timeoutMs, check) => {
    setTimeoutMs(timeoutMs);
    const errors: unknown[] = [];
    let checks = 0;
    start({
      interval: 2,
      check: () => {
        checks++;
        return check();
      },
      onError: (error) => errors.push(error),
    });
    // Once there is a third, the first two have their outcome.
    await eventually(() => expect(checks).toBeGreaterThan(2));
    expect(errors.length).toBeGreaterThanOrEqual(2);
    if (/throws|rejects/.test(how)) expect(errors[0]).toBe(sick);
  });

  test('onError is told when the check goes on for longer than the timeout', async () => {
    setTimeoutMs(20);
    const error = await new Promise((onError) =>
      start({ interval: 2, check: () => new Promise(() => undefined), onError }),
    );
    expect(error).toMatchObject({ name: 'SystemdError', code: 'ERR_SYSTEMD_UNHEALTHY' });
  });

  test('an onError that throws becomes a process warning', async () => {
    setTimeoutMs(DAY_MS);
    const warned = once(process, 'warning');
    const onError = () => {
      throw new TypeError('of onError');
    };
    start({ interval: 2, check: () => false, onError });
    expect(await warned).toMatchObject([
      { code: 'ERR_SYSTEMD_HOOK', message: 'watchdog.onError failed: of onError' },
    ]);
  });

  test('no ping, and no second check, while the check does not answer', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    let checks = 0;
    const running = start({
      interval: 1,
      check: () => {
        checks++;
        return new Promise(() => undefined);
      },
    });
    await ticks(20, 1);
    running.stop();
    expect(checks).toBe(1);
    expect(await allUntilNow(manager)).toEqual([]);
  });

  test('a slow check is asked again when it has answered, and there is a ping each time', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    let [asked, answered, atOnce, most] = [0, 0, 0, 0];
    const running = start({
      interval: 1,
      check: async () => {
        asked++;
        most = Math.max(most, ++atOnce);
        await delay(10);
        atOnce--;
        answered++;
        return true;
      },
    });
    await eventually(() => expect(answered).toBeGreaterThanOrEqual(5));
    running.stop();
    expect(most).toBe(1);
    expect(asked - answered).toBeLessThanOrEqual(1);
    const count = pings(await allUntilNow(manager));
    expect(count).toBeGreaterThanOrEqual(4);
    expect(count).toBeLessThanOrEqual(answered);
  });

  test('pings again once the check is well again', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(LATE_MS / 2);
    const answers = [
      () => false,
      () => {
        throw sick;
      },
      late,
      () => true,
      async () => true,
    ];
    const asked: number[] = [];
    start({
      interval: 2,
      check: () => {
        const next = Math.min(asked.length, answers.length - 1);
        asked.push(next);
        notify.send(`X_CHECK=${next}`);
        return answers[next]?.() ?? false;
      },
      onError: () => undefined,
    });
    await manager.until('X_CHECK=4');
    await manager.until(PING);
    const messages = await allUntilNow(manager);
    expect(messages.slice(0, 7)).toEqual([
      'X_CHECK=0',
      'X_CHECK=1',
      'X_CHECK=2',
      'X_CHECK=3',
      PING,
      'X_CHECK=4',
      PING,
    ]);
  });

  test('no ping when it was stopped while the check was asked', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    let answer: (healthy: boolean) => void = () => undefined;
    const running = start({
      check: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    running.stop();
    answer(true);
    await ticks(2, 1);
    expect(await allUntilNow(manager)).toEqual([]);
  });

  test('pings while a server closes slowly, until it is stopped', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [connection] = await once(server, 'connection');
    connection.resume();

    const running = start({ interval: 2 });
    notify.stopping();
    server.close();
    await manager.until('STOPPING=1');
    for (let i = 0; i < 5; i++) await manager.until(PING);
    client.end();
    await once(server, 'close');
    running.stop();

    const before = (await allUntilNow(manager)).length;
    await ticks(10, 2);
    expect((await allUntilNow(manager)).length).toBe(before);
  });
});

describe.concurrent('another timeout, told by notify.send()', () => {
  /** A process that tells this after some pings, with a watchdog of a minute unless it has none. */
  async function told(
    state: string,
    env: Readonly<Record<string, string>> = { WATCHDOG_USEC: '60000000' },
  ) {
    const manager = await startReceiver();
    const child = new Child(
      `import { notify, watchdog } from 'libsystemd';
       watchdog.start({ check: () => true });
       notify.send(${state});
       console.log(watchdog.timeout());
       setInterval(() => {}, 1000);`,
      { NOTIFY_SOCKET: manager.address, ...env },
    );
    return {
      manager,
      async [Symbol.asyncDispose]() {
        await child[Symbol.asyncDispose]();
        await manager.close();
      },
    };
  }

  test.each([
    ['{ watchdogTimeout: 100 }', 'WATCHDOG_USEC=100000'],
    [`'WATCHDOG_USEC=100000'`, 'WATCHDOG_USEC=100000'],
    [`'X_A=1\\nWATCHDOG_USEC=0x186a0\\nWATCHDOG_USEC=60000000'`, 'WATCHDOG_USEC=0x186a0'],
    [`'WATCHDOG_USEC=0303240'`, 'WATCHDOG_USEC=0303240'],
    [`'WATCHDOG_USEC=0b11000011010100000'`, 'WATCHDOG_USEC=0b11000011010100000'],
  ])('%s has the pings follow it', async (state, message) => {
    await using run = await told(state);
    await run.manager.until(message);
    for (let i = 0; i < 4; i++) await run.manager.until(PING);
  });

  test('has them begin where the unit has none', async () => {
    await using run = await told('{ watchdogTimeout: 100 }', {});
    expect((await run.manager.next()).message).toBe('WATCHDOG_USEC=100000');
    for (let i = 0; i < 4; i++) await run.manager.until(PING);
  });

  test.each([
    ['0', 'WATCHDOG_USEC=0'],
    ['the largest number', 'WATCHDOG_USEC=18446744073709551615'],
  ])('ends them by %s', async (_, message) => {
    await using run = await told(`'${message}'`, { WATCHDOG_USEC: '20000' });
    await run.manager.until(message);
    const { length } = run.manager.messages;
    await ticks(10, 20);
    expect(run.manager.messages).toHaveLength(length);
  });

  test('an interval that is too long for it gives way', async () => {
    await using manager = await startReceiver();
    await using _child = new Child(
      `import { notify, watchdog } from 'libsystemd';
       watchdog.start({ interval: 30_000 });
       notify.send({ watchdogTimeout: 100 });
       setInterval(() => {}, 1000);`,
      { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '60000000' },
    );
    await manager.until('WATCHDOG_USEC=100000');
    for (let i = 0; i < 4; i++) await manager.until(PING);
  });
});

describe('single messages', () => {
  forgetManagerAfterEach();
  const messages: [call: string, run: () => boolean, message: string][] = [
    ['ping()', () => watchdog.ping(), 'WATCHDOG=1'],
    ['trigger()', () => watchdog.trigger(), 'WATCHDOG=trigger'],
    ["trigger('Hung')", () => watchdog.trigger('Hung'), 'WATCHDOG=trigger\nSTATUS=Hung'],
    [
      'trigger() with a reason that would forge',
      () => watchdog.trigger('a\nMAINPID=1\\'),
      'WATCHDOG=trigger\nSTATUS=a MAINPID=1\\\\',
    ],
  ];

  test.each(messages)(
    '%s: true, and these bytes; false without a manager',
    async (_, run, text) => {
      await using manager = await startManager();
      expect(run()).toBe(true);
      expect((await manager.next()).hex).toBe(Buffer.from(text).toString('hex'));
      delete process.env.NOTIFY_SOCKET;
      expect(run()).toBe(false);
      process.env.NOTIFY_SOCKET = manager.address;
      expect(await allUntilNow(manager)).toEqual([text]);
    },
  );

  test.each([5, null, {}])('trigger(%j) is refused', (reason) => {
    expect(() => watchdog.trigger(reason as string)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });
});

describe.concurrent('watchdog.timeout() of a service', () => {
  const source = `
    import { watchdog } from 'libsystemd';
    const outcome = (run) => {
      try { return String(run()); } catch ({ name, code, syscall }) { return [name, code, syscall]; }
    };
    console.log(JSON.stringify([outcome(watchdog.timeout), outcome(() => typeof watchdog.start())]));`;
  const error = (code: string) => ['SystemdError', code, 'sd_watchdog_enabled'];

  test.each<[env: Readonly<Record<string, string>>, outcome: string | string[]]>([
    [{}, 'undefined'],
    [{ WATCHDOG_PID: 'junk' }, 'undefined'],
    [{ WATCHDOG_USEC: '30000000' }, '30000'],
    [{ WATCHDOG_USEC: '1500' }, '1.5'],
    [{ WATCHDOG_USEC: '1' }, '0.001'],
    [{ WATCHDOG_USEC: String(2n ** 60n) }, String(2 ** 60 / 1000)],
    [{ WATCHDOG_USEC: '20000000', WATCHDOG_PID: '1' }, 'undefined'],
    [{ WATCHDOG_USEC: '' }, 'undefined'],
    [{ WATCHDOG_USEC: 'junk' }, error('EINVAL')],
    [{ WATCHDOG_USEC: '1.5' }, error('EINVAL')],
    [{ WATCHDOG_USEC: '0' }, error('EINVAL')],
    [{ WATCHDOG_USEC: String(2n ** 64n - 1n) }, error('EINVAL')],
    [{ WATCHDOG_USEC: '-1' }, error('ERANGE')],
    [{ WATCHDOG_USEC: String(2n ** 64n) }, error('ERANGE')],
    [{ WATCHDOG_USEC: 'junk', WATCHDOG_PID: '1' }, error('EINVAL')],
    [{ WATCHDOG_USEC: '20000000', WATCHDOG_PID: '' }, error('EINVAL')],
    [{ WATCHDOG_USEC: '20000000', WATCHDOG_PID: 'junk' }, error('EINVAL')],
    [{ WATCHDOG_USEC: '20000000', WATCHDOG_PID: '0' }, error('ERANGE')],
    [{ WATCHDOG_USEC: '20000000', WATCHDOG_PID: '-1' }, error('ERANGE')],
  ])('%j: %j, and start() throws the same errors', async (env, outcome) => {
    const { result } = await launchNode([], source, { env });
    expect(result).toEqual([outcome, Array.isArray(outcome) ? outcome : 'object']);
  });

  test('its own WATCHDOG_PID is on', async () => {
    // exec keeps the pid that the shell knows.
    const command = ['sh', '-c', 'WATCHDOG_PID=$$ exec "$0" "$@"', process.execPath];
    const args = ['--input-type=module', '-e', source];
    const env = { WATCHDOG_USEC: '20000000' };
    const { stdout } = await launch([], [...command, ...args], { env, cwd: root });
    expect(JSON.parse(stdout)).toEqual(['20000', 'object']);
  });
});

describe.concurrent('a service with a watchdog', () => {
  test('that does nothing else ends by itself, having pinged', async () => {
    await using manager = await startReceiver();
    await using child = new Child(
      `import { watchdog } from 'libsystemd';
      console.log(watchdog.start() !== watchdog.start());`,
      { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '60000000' },
    );
    expect(await child.ending()).toEqual({ stdout: 'true\n', stderr: '', code: 0, signal: null });
    await manager.until(PING);
    expect(manager.messages).toHaveLength(1);
  });

  // setInterval() takes what is too long for a timer for 1 ms, and warns of it.
  test.each([
    ['2 ** 60', 2n ** 60n, '{}'],
    ['2 ** 64 - 2', 2n ** 64n - 2n, '{}'],
    ['2 ** 60 and an interval of 2 ** 40 ms', 2n ** 60n, '{ interval: 2 ** 40 }'],
  ])('of %s microseconds is pinged once, not every millisecond', async (_what, usec, options) => {
    await using manager = await startReceiver();
    await using child = new Child(
      `import { notify, watchdog } from 'libsystemd';
      watchdog.start(${options});
      setTimeout(() => notify.stopping(), 100);`,
      { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: String(usec) },
    );
    expect(await child.ending()).toMatchObject({ stderr: '', code: 0 });
    await manager.until('STOPPING=1');
    expect(manager.messages.map(({ message }) => message)).toEqual([PING, 'STOPPING=1']);
  });

  test('whose event loop is blocked sends nothing meanwhile', async () => {
    await using manager = await startReceiver();
    await using child = new Child(
      `import { notify, watchdog } from 'libsystemd';
      watchdog.start({ interval: 10 });
      setTimeout(() => {
        notify.send('X_BLOCKED=1');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
        notify.send('X_BLOCKED=0');
        setTimeout(() => notify.stopping(), 100);
      }, 100);`,
      { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '60000000' },
    );
    await child.ending();
    await manager.until('STOPPING=1');
    const messages = manager.messages.map(({ message }) => message);
    const [begun, ended] = [messages.indexOf('X_BLOCKED=1'), messages.indexOf('X_BLOCKED=0')];
    expect(ended).toBe(begun + 1);
    expect(pings(messages.slice(0, begun))).toBeGreaterThan(2);
    expect(pings(messages.slice(ended))).toBeGreaterThan(2);
  });

  test.each([
    [
      "() => { throw new Error('sick'); }",
      /Warning: watchdog.check failed: sick\nError: sick\n +at check/,
    ],
    [
      "() => Promise.reject(new TypeError('sick'))",
      /Warning: watchdog.check failed: sick\nTypeError: sick\n +at check/,
    ],
    ["() => Promise.reject('sick')", /Warning: watchdog.check failed: sick\n/],
  ])('whose check is %s warns, pings not, and goes on', async (check, warning) => {
    await using manager = await startReceiver();
    await using child = new Child(
      `import { notify, watchdog } from 'libsystemd';
      let checks = 0;
      const check = ${check};
      const running = watchdog.start({ interval: 1, check: () => {
        if (++checks === 3) setImmediate(() => { running.stop(); notify.stopping(); clearInterval(alive); });
        return check();
      } });
      const alive = setInterval(() => undefined, 1000);`,
      { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '60000000' },
    );
    const { stderr, code } = await child.ending();
    expect(code).toBe(0);
    expect(stderr).toMatch(warning);
    await manager.until('STOPPING=1');
    expect(manager.messages.map(({ message }) => message)).toEqual(['STOPPING=1']);
  });
});
