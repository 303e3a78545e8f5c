// A service by serve() that is restarted while clients send HTTP/1 requests: no request is lost.
// docs/restarts.md has the figures.
import { describe, expect, test } from 'vitest';
import { describeInBed } from './bed.ts';
import {
  ALL,
  type Clients,
  clients,
  type EchoOptions,
  echoIn,
  expectNoneLost,
  KEEP_ALIVE,
  LONG_PAUSES,
  PER_REQUEST,
  SHORT_PAUSES,
  sample,
  TIMEOUT,
} from './requests.ts';

describeInBed('a service by serve() loses no request', [], (bed) => {
  const listen = echoIn(bed);

  describe('over restarts', { timeout: TIMEOUT }, () => {
    const times = sample(50, 10, 5);

    const restart = async (kind: Clients, ...how: EchoOptions) => {
      const echo = await listen(...how);
      const command = ['systemctl', 'restart', echo.unit];
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
});
