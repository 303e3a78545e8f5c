// A service by serve() that is reloaded while clients send requests, or restarted amid slow ones: no request is lost.
// docs/restarts.md has the figures.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeInBed } from './bed.ts';
import {
  BOTH,
  clients,
  echoIn,
  expectNoneLost,
  otherClients,
  otherKinds,
  RELOADABLE,
  sample,
  TIMEOUT,
} from './requests.ts';

describeInBed('a service by serve() loses no request', [], (bed) => {
  const listen = echoIn(bed);

  test.each(otherKinds.filter(([, { workers }]) => workers))(
    "while each worker is replaced (reload: 'roll'), %s",
    async (kind, options) => {
      const times = sample(50, 5, 3);
      const echo = await listen('serve', { ...options, reload: 'roll', kinds: [kind] }, RELOADABLE);
      const command = ['systemctl', 'reload', echo.unit];
      expectNoneLost(await echo.load({ ...otherClients[kind], command, times }), 2);
    },
    TIMEOUT,
  );

  test.each(BOTH)(
    'over reloads: %s',
    async (kind) => {
      const echo = await listen('serve', { reloadTakes: 20 }, RELOADABLE);
      const times = sample(200, 40, 15);
      const command = ['systemctl', 'reload', echo.unit];
      expectNoneLost(await echo.load({ ...clients[kind], command, times }), 1);
      const { StatusText } = await bed().until(echo.unit, (state) =>
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
    // The first takes longer than all the signals, also on a busy machine.
    const reloadTakes = 2_000;
    const echo = await listen('serve', { reloadTakes }, RELOADABLE);
    await bed().systemctl('start', echo.unit);
    const { MainPID } = await bed().show(echo.unit);
    await bed().evaluate(`
      for (let i = 0; i < 20; i++) {
        process.kill(${MainPID}, 'SIGHUP');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      result(null);
    `);
    await bed().until(echo.unit, (state) => state.StatusText.startsWith('2 reloads'));
    await sleep(reloadTakes + 1_500); // time for a third reload, and its status
    expect(await bed().show(echo.unit)).toMatchObject({
      StatusText: '2 reloads, 1 at once',
      SubState: 'running',
    });
  });

  test.each(BOTH)(
    "while each worker is replaced (reload: 'roll'): %s",
    async (kind) => {
      const echo = await listen('serve', { workers: 2, reload: 'roll' }, RELOADABLE);
      const times = sample(50, 5, 3);
      const command = ['systemctl', 'reload', echo.unit];
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
      const echo = await listen('serve', options, RELOADABLE);
      const [quick, slow, streams] = [
        echo.load({ clients: 2, keepAlive: true, seconds: 6 }),
        echo.load({ clients: 2, keepAlive: true, seconds: 6, path: '/3000' }),
        echo.load({ clients: 1, keepAlive: false, seconds: 6, path: '/stream' }),
      ];
      await bed().until(echo.unit, ({ ActiveState }) => ActiveState === 'active');
      await sleep(1_500);
      const start = performance.now();
      await bed().systemctl(verb, echo.unit);
      if (verb === 'restart') expect(performance.now() - start).toBeGreaterThan(1_000);
      const quickOutcomes = await quick;
      expectNoneLost([...quickOutcomes, ...(await slow), ...(await streams)], 2);
      for (const { slowest } of quickOutcomes) expect(slowest).toBeLessThan(slowestAllowed);
    },
    TIMEOUT,
  );
});
