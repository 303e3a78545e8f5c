// A service by serve() that is restarted, reloaded and stopped for idleness while its clients ask:
// none of them loses a request. docs/restarts.md has the figures, which RESTARTS=all measures; any
// other run takes a smaller sample, and leaves out what Node does by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { LONG } from '../support/long.ts';
import { describeInBed, VERSION } from './bed.ts';
import { Echo, type Load, type Outcome, type Target } from './echo.ts';

const ALL = process.env.RESTARTS === 'all';

/** For a run of all, for `npm run test:long`, and for `npm test`. */
const sample = (all: number, long: number, some: number) => (ALL ? all : LONG ? long : some);

const TIMEOUT = sample(600_000, 240_000, 120_000);

const idling = (clients: number) => ({
  clients,
  keepAlive: true,
  requests: sample(1_000, 100, 50),
});

const PER_REQUEST = 'a connection per request';
const KEEP_ALIVE = 'keep-alive';
const SHORT_PAUSES = 'keep-alive, pauses up to 0.6 s';
const LONG_PAUSES = 'keep-alive, pauses up to 3 s';

const clients = {
  [PER_REQUEST]: { clients: 2, keepAlive: false, requests: sample(20_000, 1_000, 500) },
  [KEEP_ALIVE]: { clients: 2, keepAlive: true, requests: sample(20_000, 1_000, 500) },
  // Within the second in which a kept-alive connection may send one more request.
  [SHORT_PAUSES]: { ...idling(8), pause: [0, 600] },
  // Beyond it: when that second ends, a request may be on its way.
  [LONG_PAUSES]: { ...idling(16), pause: [0, 3_000] },
} as const satisfies Record<string, Load>;

type Clients = keyof typeof clients;

/** Streams of HTTP/2 on one session, eight at once; and datagrams of eight clients. */
const others = {
  // For some seconds: a worker that is followed by another takes streams for one second more.
  h2: {
    ...{ clients: 8, keepAlive: true, requests: sample(40_000, 40_000, 4_000) },
    pause: [0, sample(0, 0, 10)],
  },
  udp: { clients: 8, keepAlive: false, requests: sample(10_000, 1_000, 500) },
} as const satisfies Partial<Record<Target, Load>>;

const BOTH = [PER_REQUEST, KEEP_ALIVE] as const;

/** Type=notify-reload came with 253; before, a reload is a command. */
const RELOADABLE = VERSION < 253 ? 'ExecReload=kill -HUP $MAINPID' : 'Type=notify-reload';

/** Each was answered, by at least so many processes. */
function expectNoneLost(outcomes: readonly Outcome[], instances: number): void {
  for (const outcome of outcomes) {
    expect(outcome.failures).toEqual({});
    expect(outcome.instances).toBeGreaterThanOrEqual(instances);
  }
}

describeInBed('a service by serve() loses no request', [], (bed) => {
  let echo: Echo;
  afterEach(() => echo.stop());

  const listen = async (by: string, options?: object, ...lines: string[]) => {
    echo = await Echo.listen(bed(), by, options, ...lines);
    return echo;
  };

  describe('over restarts', { timeout: TIMEOUT }, () => {
    const times = sample(50, 10, 5);

    const restart = async (kind: Clients, ...how: Parameters<typeof listen>) => {
      const { unit } = await listen(...how);
      const command = ['systemctl', 'restart', unit];
      return await echo.load({ ...clients[kind], command, times });
    };

    test.each(
      ([{}, { workers: 2 }] as const).flatMap((options) =>
        ([PER_REQUEST, KEEP_ALIVE, SHORT_PAUSES] as const).map((kind) => [kind, options] as const),
      ),
    )('%s, options %j', async (kind, options) => {
      const outcomes = await restart(kind, 'serve', options);
      expectNoneLost(outcomes, times + 1);
      // What is said of keep-alive is about keep-alive.
      for (const { reused, last } of clients[kind].keepAlive ? outcomes : []) {
        expect(reused).toBeGreaterThan(0);
        expect(last).toBeGreaterThanOrEqual(times);
      }
    });

    const measured: [Clients, string][] = [[LONG_PAUSES, 'serve']];
    for (const kind of [PER_REQUEST, KEEP_ALIVE, SHORT_PAUSES, LONG_PAUSES] as const) {
      measured.push([kind, 'close'], [kind, 'none']);
    }
    if (ALL) {
      test.each(measured)('%s, %s: measured only', async (kind, by) => {
        // Where close() leaves connections open, the manager would wait for 90 seconds.
        const [tcp] = await restart(kind, by, {}, 'TimeoutStopSec=5');
        expect(tcp?.requests).toBeGreaterThan(0);
      });
    }
  });

  const ofOthers = (['h2', 'udp'] as const).flatMap((kind) =>
    [{}, { workers: 2 }].map((options) => [kind, options] as const),
  );

  test.each(ofOthers)(
    'over restarts, %s, options %j',
    async (kind, options) => {
      const times = sample(50, 5, 3);
      const { unit } = await listen('serve', { ...options, kinds: [kind] });
      const command = ['systemctl', 'restart', unit];
      expectNoneLost(await echo.load({ ...others[kind], command, times }), times + 1);
    },
    TIMEOUT,
  );

  test.each(ofOthers.filter(([, { workers }]) => workers))(
    "while each of its workers is followed by a new one (reload: 'roll'), %s",
    async (kind, options) => {
      const times = sample(50, 5, 3);
      const { unit } = await listen(
        'serve',
        { ...options, reload: 'roll', kinds: [kind] },
        RELOADABLE,
      );
      const command = ['systemctl', 'reload', unit];
      expectNoneLost(await echo.load({ ...others[kind], command, times }), 2);
    },
    TIMEOUT,
  );

  test.each<Target>(['tcp', 'unix'])(
    'when it stops for idleness, and clients come just then: %s',
    async (target) => {
      await listen('serve', { idleTimeout: 50 });
      const seconds = sample(60, 6, 4);
      const pause = [30, 100] as const;
      const outcomes = await echo.load({ clients: 1, keepAlive: false, pause, seconds }, target);
      expectNoneLost(outcomes, seconds);
    },
    TIMEOUT,
  );

  test.each(BOTH)(
    'over reloads: %s',
    async (kind) => {
      const { unit } = await listen('serve', { reloadTakes: 20 }, RELOADABLE);
      const times = sample(200, 40, 15);
      const command = ['systemctl', 'reload', unit];
      expectNoneLost(await echo.load({ ...clients[kind], command, times }), 1);
      const { StatusText } = await bed().until(unit, (state) =>
        state.StatusText.endsWith('reloads, 1 at once'),
      );
      // A command only sends the signal: it may come while a reload runs, with another one before it.
      const reloads = Number.parseInt(StatusText, 10);
      expect(reloads).toBeGreaterThan(times / 2);
      expect(reloads).toBeLessThanOrEqual(times);
    },
    TIMEOUT,
  );

  test('many SIGHUPs at once lead to one reload, and one after it', async () => {
    const { unit } = await listen('serve', { reloadTakes: 500 }, RELOADABLE);
    await bed().systemctl('start', unit);
    const { MainPID } = await bed().show(unit);
    await bed().evaluate(`
      for (let i = 0; i < 20; i++) {
        process.kill(${MainPID}, 'SIGHUP');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      result(null);
    `);
    await sleep(2_000); // time for a third one
    expect(await bed().show(unit)).toMatchObject({
      StatusText: '2 reloads, 1 at once',
      SubState: 'running',
    });
  });

  test.each(BOTH)(
    "while each of its workers is followed by a new one (reload: 'roll'): %s",
    async (kind) => {
      const { unit } = await listen('serve', { workers: 2, reload: 'roll' }, RELOADABLE);
      const times = sample(50, 5, 3);
      const command = ['systemctl', 'reload', unit];
      expectNoneLost(await echo.load({ ...clients[kind], command, times }), times);
    },
    TIMEOUT,
  );

  // Old and new workers serve side by side, so that nobody waits for the end of the old.
  test.each([
    ['restart', { reloadTakes: 20 }, Number.POSITIVE_INFINITY],
    ['reload', { workers: 2, reload: 'roll' }, 3_000],
  ])(
    'over a %s while requests of 3 seconds and streams of 4 are under way, %j',
    async (verb, options, patience) => {
      const { unit } = await listen('serve', options, RELOADABLE);
      const [quick, slow, streams] = [
        echo.load({ clients: 2, keepAlive: true, seconds: 6 }),
        echo.load({ clients: 2, keepAlive: true, seconds: 6, path: '/3000' }),
        echo.load({ clients: 1, keepAlive: false, seconds: 6, path: '/stream' }),
      ];
      await bed().until(unit, ({ ActiveState }) => ActiveState === 'active');
      await sleep(1_500);
      const start = performance.now();
      await bed().systemctl(verb, unit);
      if (verb === 'restart') expect(performance.now() - start).toBeGreaterThan(1_000);
      const others = await quick;
      expectNoneLost([...others, ...(await slow), ...(await streams)], 2);
      for (const { longest } of others) expect(longest).toBeLessThan(patience);
    },
    TIMEOUT,
  );
});
