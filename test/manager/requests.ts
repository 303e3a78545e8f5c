// What the clients of a service do while it is restarted or reloaded. RESTARTS=all measures the figures of
// docs/restarts.md; otherwise the samples are smaller, and services without serve() are left out.
import { afterEach, expect } from 'vitest';
import { LONG } from '../support/long.ts';
import { expectNothingLost } from '../support/nothing-lost.ts';
import { type Bed, VERSION } from './bed.ts';
import { Echo, type Load, type Outcome, type Target } from './echo.ts';

export const ALL = process.env.RESTARTS === 'all';

/** Chooses between the samples of RESTARTS=all, of `npm run test:long` and of `npm test`. */
export const sample = (all: number, long: number, some: number) => (ALL ? all : LONG ? long : some);

export const TIMEOUT = sample(600_000, 240_000, 120_000);

const withPauses = (clients: number) => ({
  clients,
  keepAlive: true,
  requests: sample(1_000, 100, 50),
});

export const PER_REQUEST = 'a connection per request';
export const KEEP_ALIVE = 'keep-alive';
export const SHORT_PAUSES = 'keep-alive, pauses up to 0.6 s';
export const LONG_PAUSES = 'keep-alive, pauses up to 3 s';

export const clients = {
  [PER_REQUEST]: { clients: 2, keepAlive: false, requests: sample(20_000, 1_000, 500) },
  [KEEP_ALIVE]: { clients: 2, keepAlive: true, requests: sample(20_000, 1_000, 500) },
  // Shorter than the second for which an idle connection stays open during the stop.
  [SHORT_PAUSES]: { ...withPauses(8), pause: [0, 600] },
  // Longer than that second. When it ends, a request may be on its way.
  [LONG_PAUSES]: { ...withPauses(16), pause: [0, 3_000] },
} as const satisfies Record<string, Load>;

export type Clients = keyof typeof clients;

/** Eight HTTP/2 streams at once on one session, and datagrams of eight clients. */
export const otherClients = {
  // Enough for some seconds, because a replaced worker takes streams for one second more.
  h2: {
    ...{ clients: 8, keepAlive: true, requests: sample(40_000, 40_000, 4_000) },
    pause: [0, sample(0, 0, 10)],
  },
  udp: { clients: 8, keepAlive: false, requests: sample(10_000, 1_000, 500) },
} as const satisfies Partial<Record<Target, Load>>;

export const BOTH = [PER_REQUEST, KEEP_ALIVE] as const;

/** Type=notify-reload needs systemd 253. Before, ExecReload= sends the signal. */
export const RELOADABLE = VERSION < 253 ? 'ExecReload=kill -HUP $MAINPID' : 'Type=notify-reload';

/** Expects that no request was lost, and that at least this many processes have responded. */
export function expectNoneLost(outcomes: readonly Outcome[], minInstances: number): void {
  for (const outcome of outcomes) {
    expectNothingLost(outcome.failures);
    expect(outcome.instances).toBeGreaterThanOrEqual(minInstances);
  }
}

export const otherKinds = (['h2', 'udp'] as const).flatMap((kind) =>
  [{}, { workers: 2 }].map((options) => [kind, options] as const),
);

/** Returns a function that starts a service in this bed for one test. */
export function echoIn(bed: () => Bed): (...how: EchoOptions) => Promise<Echo> {
  let echo: Echo | undefined;
  afterEach(() => echo?.stop());
  return async (by, options, ...lines) => {
    echo = await Echo.listen(bed(), by, options, ...lines);
    return echo;
  };
}

export type EchoOptions = [by: string, options?: object, ...lines: string[]];
