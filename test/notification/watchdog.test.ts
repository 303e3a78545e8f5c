// The watchdog: when it pings, which checks it calls, and what it reports.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { notify, type Watchdog, type WatchdogOptions, watchdog } from 'libsystemd';
import { afterEach, describe, expect, test } from 'vitest';
import { launch, launchNode } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';
import { root } from '../support/tools.ts';
import { allUntilNow, Child, eventually, forgetManagerAfterEach, startManager } from './support.ts';

const PING = 'WATCHDOG=1';
const DAY_MS = 86_400_000;

/** How long a late check takes. The tests with one have a timeout of half of this. */
const LATE_MS = 200;

/** Sets WATCHDOG_USEC, as the manager does for WatchdogSec= of a unit. */
function setTimeoutMs(ms: number): void {
  process.env.WATCHDOG_USEC = String(ms * 1000);
}

function countPings(messages: readonly string[]): number {
  return messages.filter((message) => message === PING).length;
}

/**
 * Resolves after `count` ticks of an interval. On a busy machine all timers are late, so the tests
 * compare the number of pings with a number of ticks, and not with a clock.
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

  test('returns an object that prints as a Watchdog', () => {
    expect(inspect(start())).toMatch(/^Watchdog {/);
  });

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
    expect(countPings(messages)).toBe(messages.length);
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
    const before = countPings(await allUntilNow(manager));
    await ticks(10, 2);
    end(running);
    expect(countPings(await allUntilNow(manager))).toBe(before);
  });

  test('ends with the scope of `using`', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    {
      using _running = start({ interval: 2 });
      for (let i = 0; i < 3; i++) await manager.until(PING);
    }
    const before = countPings(await allUntilNow(manager));
    await ticks(10, 2);
    expect(countPings(await allUntilNow(manager))).toBe(before);
  });

  test('several callers share the pings, at the shortest interval', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    const first = start({ interval: 1_000 });
    expect(start({ interval: 20 })).not.toBe(first);
    start();
    await ticks(15, 20);
    const count = countPings(await allUntilNow(manager));
    expect(count / 16).toBeGreaterThan(0.7);
    expect(count / 16).toBeLessThan(1.3);
  });

  test.each([
    ['the first', 0, 1],
    ['the second', 1, 0],
  ])(
    'the pings go on when %s of two has stopped, and end with the last',
    async (_, firstStopped, lastStopped) => {
      await using manager = await startManager({ abstract: true });
      setTimeoutMs(DAY_MS);
      const handles = [start({ interval: 2 }), start({ interval: 2 })];
      handles[firstStopped]?.stop();
      handles[firstStopped]?.stop(); // the second call must not end the other caller's part
      for (let i = 0; i < 3; i++) await manager.until(PING);
      handles[lastStopped]?.stop();
      const before = countPings(await allUntilNow(manager));
      await ticks(10, 2);
      expect(countPings(await allUntilNow(manager))).toBe(before);
    },
  );

  test('sends no ping while one of several checks fails, until its caller has stopped', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    let checks = 0;
    const firstErrors: unknown[] = [];
    const secondErrors: unknown[] = [];
    const onError = (error: unknown) => firstErrors.push(error);
    const first = start({ interval: 2, check: () => ++checks > 0, onError });
    const second = start({ check: () => false, onError: (error) => secondErrors.push(error) });
    await turn(); // the round of the first ping began before there was a second check
    const before = countPings(await allUntilNow(manager));
    const checksBefore = checks;
    await eventually(() => expect(checks).toBeGreaterThan(checksBefore + 5));
    expect(countPings(await allUntilNow(manager))).toBe(before);
    expect(firstErrors).toEqual([]);
    expect(secondErrors[0]).toMatchObject({ code: 'ERR_SYSTEMD_UNHEALTHY' });
    second.stop();
    for (let i = 0; i < 3; i++) await manager.until(PING);
    first.stop();
  });

  test('a check that hangs delays no ping any more once its caller has stopped', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    const hung = start({ interval: 2, check: () => new Promise(() => undefined) });
    start({ interval: 2 });
    await ticks(10, 2);
    expect(await allUntilNow(manager)).toEqual([]);
    hung.stop();
    for (let i = 0; i < 3; i++) await manager.until(PING);
  });

  test('starts again after a stop, and a stopped handle cannot end the new pings', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    const stopped = start();
    await manager.until(PING);
    stopped.stop();
    start({ interval: 2 });
    stopped.stop();
    for (let i = 0; i < 3; i++) await manager.until(PING);
  });

  test('a check that calls start() is called once for a ping', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    let checks = 0;
    const check = () => {
      // Without a limit a mistake would fill the stack.
      if (checks++ < 3) start({ check });
      return true;
    };
    start({ check });
    await manager.until(PING);
    expect(checks).toBe(1);
  });

  test('calls a check as a method of its options, and ignores a later change of the options', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    // isWell is on the prototype, because a key of the options that is no option would be refused.
    const health = Object.assign(Object.create({ isWell: true }), {
      interval: 2,
      check(this: { isWell: boolean }) {
        return this.isWell;
      },
    });
    start(health);
    for (let i = 0; i < 3; i++) await manager.until(PING);
    health.check = () => false; // must not be called
    for (let i = 0; i < 3; i++) await manager.until(PING);
  });

  test.each<[what: string, env: Readonly<Record<string, string>>]>([
    ['without WATCHDOG_USEC', {}],
    ['with the WATCHDOG_PID of another process', { WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' }],
  ])('%s sends nothing, and calls no check', async (_what, env) => {
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

  test('without a manager calls the check, and sends nothing', async () => {
    setTimeoutMs(DAY_MS);
    delete process.env.NOTIFY_SOCKET;
    const errors: unknown[] = [];
    let checks = 0;
    start({ interval: 1, check: () => ++checks > 0, onError: (error) => errors.push(error) });
    await eventually(() => expect(checks).toBeGreaterThan(3));
    expect(errors).toEqual([]);
  });

  test('calls onError when a ping cannot be sent', async () => {
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
    '%s is refused with a watchdog and without, and nothing is sent',
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
    'an interval of %d ms is refused when the timeout is 100 ms',
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

  test.each(unhealthy)('sends no ping when the check %s', async (_how, timeoutMs, check) => {
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

  test.each(unhealthy)(
    'calls onError with the reason when the check %s',
    async (how, timeoutMs, check) => {
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
      // The third check begins once the first two have failed.
      await eventually(() => expect(checks).toBeGreaterThan(2));
      expect(errors.length).toBeGreaterThanOrEqual(2);
      if (/throws|rejects/.test(how)) expect(errors[0]).toBe(sick);
    },
  );

  test('calls onError while a check takes longer than the timeout', async () => {
    setTimeoutMs(20);
    const error = await new Promise((onError) =>
      start({ interval: 2, check: () => new Promise(() => undefined), onError }),
    );
    expect(error).toMatchObject({ name: 'SystemdError', code: 'ERR_SYSTEMD_UNHEALTHY' });
  });

  test('an error of onError becomes a process warning', async () => {
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

  test('sends no ping, and calls no check again, while a check has not answered', async () => {
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

  test('calls a slow check again once it has answered, and pings each time', async () => {
    await using manager = await startManager({ abstract: true });
    setTimeoutMs(DAY_MS);
    let [begun, answered, running, mostRunning] = [0, 0, 0, 0];
    const handle = start({
      interval: 1,
      check: async () => {
        begun++;
        mostRunning = Math.max(mostRunning, ++running);
        await delay(10);
        running--;
        answered++;
        return true;
      },
    });
    await eventually(() => expect(answered).toBeGreaterThanOrEqual(5));
    handle.stop();
    expect(mostRunning).toBe(1);
    expect(begun - answered).toBeLessThanOrEqual(1);
    const count = countPings(await allUntilNow(manager));
    expect(count).toBeGreaterThanOrEqual(4);
    expect(count).toBeLessThanOrEqual(answered);
  });

  test('pings again once the check passes again', async () => {
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
    const called: number[] = [];
    start({
      interval: 2,
      check: () => {
        const next = Math.min(called.length, answers.length - 1);
        called.push(next);
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

  test('sends no ping when it was stopped during the check', async () => {
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

  test('pings while a server closes slowly, until the handle is stopped', async () => {
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

describe.concurrent('after notify.send() has sent another timeout', () => {
  /**
   * Starts a process that sends this state after its first ping. By default its watchdog timeout is a
   * minute.
   */
  async function startSending(
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
  ])('by %s, the pings follow it', async (state, message) => {
    await using run = await startSending(state);
    await run.manager.until(message);
    for (let i = 0; i < 4; i++) await run.manager.until(PING);
  });

  test('the pings begin when the unit has no watchdog', async () => {
    await using run = await startSending('{ watchdogTimeout: 100 }', {});
    expect((await run.manager.next()).message).toBe('WATCHDOG_USEC=100000');
    for (let i = 0; i < 4; i++) await run.manager.until(PING);
  });

  test.each([
    ['0', 'WATCHDOG_USEC=0'],
    ['the largest number of 64 bits', 'WATCHDOG_USEC=18446744073709551615'],
  ])('which is %s, the pings end', async (_, message) => {
    await using run = await startSending(`'${message}'`, { WATCHDOG_USEC: '20000' });
    await run.manager.until(message);
    const { length } = run.manager.messages;
    await ticks(10, 20);
    expect(run.manager.messages).toHaveLength(length);
  });

  test('half of that timeout replaces a longer interval', async () => {
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

describe('watchdog', () => {
  forgetManagerAfterEach();
  const messages: [call: string, run: () => boolean, message: string][] = [
    ['ping()', () => watchdog.ping(), 'WATCHDOG=1'],
    ['trigger()', () => watchdog.trigger(), 'WATCHDOG=trigger'],
    ["trigger('Hung')", () => watchdog.trigger('Hung'), 'WATCHDOG=trigger\nSTATUS=Hung'],
    [
      'trigger() with a line break in the reason',
      () => watchdog.trigger('a\nMAINPID=1\\'),
      'WATCHDOG=trigger\nSTATUS=a MAINPID=1\\\\',
    ],
  ];

  test.each(messages)(
    '%s returns true and sends these bytes; without a manager it returns false',
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
  ])('with %j is %j, and start() throws the same errors', async (env, outcome) => {
    const { result } = await launchNode([], source, { env });
    expect(result).toEqual([outcome, Array.isArray(outcome) ? outcome : 'object']);
  });

  test('is on when WATCHDOG_PID is its own pid', async () => {
    // The shell knows its own pid, and Node keeps it because of exec.
    const command = ['sh', '-c', 'WATCHDOG_PID=$$ exec "$0" "$@"', process.execPath];
    const args = ['--input-type=module', '-e', source];
    const env = { WATCHDOG_USEC: '20000000' };
    const { stdout } = await launch([], [...command, ...args], { env, cwd: root });
    expect(JSON.parse(stdout)).toEqual(['20000', 'object']);
  });
});

describe.concurrent('a service with a watchdog', () => {
  test('ends by itself when it has nothing else to do, and has pinged before', async () => {
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

  // setInterval() takes a time that is too long for a timer as 1 ms, and warns.
  test.each([
    ['2 ** 60', 2n ** 60n, '{}'],
    ['2 ** 64 - 2', 2n ** 64n - 2n, '{}'],
    ['2 ** 60 and an interval of 2 ** 40 ms', 2n ** 60n, '{ interval: 2 ** 40 }'],
  ])('of %s microseconds pings once, and not every millisecond', async (_what, usec, options) => {
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

  test('sends no ping while its event loop is blocked', async () => {
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
    expect(countPings(messages.slice(0, begun))).toBeGreaterThan(2);
    expect(countPings(messages.slice(ended))).toBeGreaterThan(2);
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
  ])('warns, sends no ping, and goes on when its check is %s', async (check, warning) => {
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
