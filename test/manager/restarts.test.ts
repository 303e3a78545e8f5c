// A service by serve() that is restarted, reloaded or stopped for idleness while clients send requests: no request is
// lost. docs/restarts.md has the figures. RESTARTS=all measures them; otherwise the samples are smaller, and services
// without serve() are left out.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { LONG } from '../support/long.ts';
import { describeInBed, VERSION } from './bed.ts';
import { Echo, type Load, type Outcome, type Target } from './echo.ts';

const ALL = process.env.RESTARTS === 'all';

/** Chooses between the samples of RESTARTS=all, of `npm run test:long` and of `npm test`. */
const sample = (all: number, long: number, some: number) => (ALL ? all : LONG ? long : some);

const TIMEOUT = sample(600_000, 240_000, 120_000);

const withPauses = (clients: number) => ({
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
  // Shorter than the second for which an idle connection stays open during the stop.
  [SHORT_PAUSES]: { ...withPauses(8), pause: [0, 600] },
  // Longer than that second. When it ends, a request may be on its way.
  [LONG_PAUSES]: { ...withPauses(16), pause: [0, 3_000] },
} as const satisfies Record<string, Load>;

type Clients = keyof typeof clients;

/** Eight HTTP/2 streams at once on one session, and datagrams of eight clients. */
const otherClients = {
  // Enough for some seconds, because a replaced worker takes streams for one second more.
  h2: {
    ...{ clients: 8, keepAlive: true, requests: sample(40_000, 40_000, 4_000) },
    pause: [0, sample(0, 0, 10)],
  },
  udp: { clients: 8, keepAlive: false, requests: sample(10_000, 1_000, 500) },
} as const satisfies Partial<Record<Target, Load>>;

const BOTH = [PER_REQUEST, KEEP_ALIVE] as const;

/** Type=notify-reload needs systemd 253. Before, ExecReload= sends the signal. */
const RELOADABLE = VERSION < 253 ? 'ExecReload=kill -HUP $MAINPID' : 'Type=notify-reload';

/** Expects that no request was lost, and that at least this many processes have responded. */
function expectNoneLost(outcomes: readonly Outcome[], minInstances: number): void {
  for (const outcome of outcomes) {
    expect(outcome.failures).toEqual({});
    expect(outcome.instances).toBeGreaterThanOrEqual(minInstances);
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
      for (const { reused, closing } of clients[kind].keepAlive ? outcomes : []) {
        expect(reused).toBeGreaterThan(0);
        expect(closing).toBeGreaterThanOrEqual(times);
      }
    });

    const measured: [Clients, string][] = [[LONG_PAUSES, 'serve']];
    for (const kind of [PER_REQUEST, KEEP_ALIVE, SHORT_PAUSES, LONG_PAUSES] as const) {
      measured.push([kind, 'close'], [kind, 'none']);
    }
    if (ALL) {
      test.each(measured)('%s, by %s: requests are measured, and may be lost', async (kind, by) => {
        // close() may leave connections open, for which the manager would wait 90 seconds.
        const [tcp] = await restart(kind, by, {}, 'TimeoutStopSec=5');
        expect(tcp?.requests).toBeGreaterThan(0);
      });
    }
  });

  const otherKinds = (['h2', 'udp'] as const).flatMap((kind) =>
    [{}, { workers: 2 }].map((options) => [kind, options] as const),
  );

  test.each(otherKinds)(
    'over restarts, %s, options %j',
    async (kind, options) => {
      const times = sample(50, 5, 3);
      const { unit } = await listen('serve', { ...options, kinds: [kind] });
      const command = ['systemctl', 'restart', unit];
      expectNoneLost(await echo.load({ ...otherClients[kind], command, times }), times + 1);
    },
    TIMEOUT,
  );

  test.each(otherKinds.filter(([, { workers }]) => workers))(
    "while each worker is replaced (reload: 'roll'), %s",
    async (kind, options) => {
      const times = sample(50, 5, 3);
      const { unit } = await listen(
        'serve',
        { ...options, reload: 'roll', kinds: [kind] },
        RELOADABLE,
      );
      const command = ['systemctl', 'reload', unit];
      expectNoneLost(await echo.load({ ...otherClients[kind], command, times }), 2);
    },
    TIMEOUT,
  );

  test.each<Target>(['tcp', 'unix'])(
    'when it stops for idleness just as clients connect: %s',
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
      // ExecReload= only sends a signal. Two signals during one reload lead to one further reload.
      const reloads = Number.parseInt(StatusText, 10);
      expect(reloads).toBeGreaterThan(times / 2);
      expect(reloads).toBeLessThanOrEqual(times);
    },
    TIMEOUT,
  );

  test('many SIGHUPs at once lead to two reloads, one after the other', async () => {
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
    await sleep(2_000); // time for a third reload
    expect(await bed().show(unit)).toMatchObject({
      StatusText: '2 reloads, 1 at once',
      SubState: 'running',
    });
  });

  test.each(BOTH)(
    "while each worker is replaced (reload: 'roll'): %s",
    async (kind) => {
      const { unit } = await listen('serve', { workers: 2, reload: 'roll' }, RELOADABLE);
      const times = sample(50, 5, 3);
      const command = ['systemctl', 'reload', unit];
      expectNoneLost(await echo.load({ ...clients[kind], command, times }), times);
    },
    TIMEOUT,
  );

  // During a reload old and new workers serve at the same time, so that no request waits for an old worker's end.
  test.each([
    ['restart', { reloadTakes: 20 }, Number.POSITIVE_INFINITY],
    ['reload', { workers: 2, reload: 'roll' }, 3_000],
  ])(
    'over a %s while requests of 3 seconds and responses of 4 seconds are under way, %j',
    async (verb, options, slowestAllowed) => {
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
      const quickOutcomes = await quick;
      expectNoneLost([...quickOutcomes, ...(await slow), ...(await streams)], 2);
      for (const { slowest } of quickOutcomes) expect(slowest).toBeLessThan(slowestAllowed);
    },
    TIMEOUT,
  );
});
