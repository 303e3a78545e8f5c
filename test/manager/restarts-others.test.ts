// A service by serve() that is restarted while clients send HTTP/2 requests and datagrams, or stopped for idleness while
// clients connect: no request is lost. docs/restarts.md has the figures.
import { test } from 'vitest';
import { describeInBed } from './bed.ts';
import type { Target } from './echo.ts';
import { echoIn, expectNoneLost, otherClients, otherKinds, sample, TIMEOUT } from './requests.ts';

describeInBed('a service by serve() loses no request', [], (bed) => {
  const listen = echoIn(bed);

  test.each(otherKinds)(
    'over restarts, %s, options %j',
    async (kind, options) => {
      const times = sample(50, 5, 3);
      const echo = await listen('serve', { ...options, kinds: [kind] });
      const command = ['systemctl', 'restart', echo.unit];
      expectNoneLost(await echo.load({ ...otherClients[kind], command, times }), times + 1);
    },
    TIMEOUT,
  );

  test.each<Target>(['tcp', 'unix'])(
    'when it stops for idleness just as clients connect: %s',
    async (target) => {
      const echo = await listen('serve', { idleTimeout: 50 });
      const seconds = sample(60, 6, 4);
      const pause = [30, 100] as const;
      const outcomes = await echo.load({ clients: 1, keepAlive: false, pause, seconds }, target);
      expectNoneLost(outcomes, seconds);
    },
    TIMEOUT,
  );
});
