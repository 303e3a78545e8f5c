// Thousands of clients that connect at once while a slow service starts: the accept queues hold them all, unless
// Node's own listen() has shrunk the queues. docs/cold-burst.md has the numbers of all cases; COLD_BURST=all measures
// all cases.
import { beforeAll, expect, test } from 'vitest';
import { LOST } from '../support/second-try.ts';
import { type Bed, describeInBed, service, type Units } from './bed.ts';

/** The number of clients of each of the two sockets. */
const CLIENTS = 4096;
/** The milliseconds until a client gives up. TCP sends its SYN again after one second and after three. */
const CLIENT_TIMEOUT_MS = 12_000;
/** The seconds after which the clients are ended if the service never says that it listens. */
const BURST_TIMEOUT_S = 25;

interface Case {
  readonly by: 'libsystemd' | 'plain';
  /**
   * - starts it: the first client of the crowd starts the service for the first time;
   * - starts it again: the service has run before;
   * - finds it starting: the service already listens, and its start still blocks the event loop.
   */
  readonly crowd: 'starts it' | 'starts it again' | 'finds it starting';
  readonly outcome: 'all are served' | 'some are lost' | 'measured only';
}

const asserted: readonly Case[] = [
  { by: 'libsystemd', crowd: 'starts it', outcome: 'all are served' },
  { by: 'libsystemd', crowd: 'starts it again', outcome: 'all are served' },
  { by: 'plain', crowd: 'starts it again', outcome: 'some are lost' },
  { by: 'libsystemd', crowd: 'finds it starting', outcome: 'all are served' },
];
const others: readonly Case[] = [
  // A race: nearly always the crowd connects before the service calls listen(2).
  { by: 'plain', crowd: 'starts it', outcome: 'measured only' },
  { by: 'plain', crowd: 'finds it starting', outcome: 'some are lost' },
];
const cases = process.env.COLD_BURST === 'all' ? [...asserted, ...others] : asserted;

/** The output of test/tools/burst.c for each socket. */
interface Target {
  readonly served: number;
  readonly resent: number;
  readonly last: number;
  readonly silent: number;
  readonly errors: Readonly<Record<string, number>>;
}

interface Burst {
  readonly connecting: number;
  readonly targets: readonly [unix: Target, tcp: Target];
}

function units(name: string, port: number, program: string): Units {
  const socket = (fdName: string, address: string) =>
    `[Socket]\nListenStream=${address}\nFileDescriptorName=${fdName}\nService=${name}.service\n`;
  return {
    [`${name}-tcp.socket`]: socket('tcp', `127.0.0.1:${port}`),
    [`${name}-unix.socket`]: socket('unix', `/run/${name}.sock`),
    [`${name}.service`]: service(program, `LimitNOFILE=${4 * CLIENTS}`),
  };
}

/** Starts the sockets, runs the crowd, and stops the sockets and the service. */
async function runBurst(
  bed: Bed,
  by: Case['by'],
  crowd: Case['crowd'],
  port: number,
): Promise<Burst> {
  const name = `${by}-${port}`;
  const fifo = crowd === 'finds it starting' ? [`/run/${name}.fifo`] : [];
  if (fifo.length > 0) await bed.run('mkfifo', ...fifo);
  await bed.add(units(name, port, ['cold-burst.mjs', by, ...fifo].join(' ')));

  async function connectClients(clients: number): Promise<Burst> {
    // Not running yet, so that the burst starts it.
    expect(await bed.show(`${name}.service`)).toMatchObject({ ActiveState: 'inactive' });
    const after = fifo.flatMap((path) => ['--after', path]);
    const args = [...after, clients, CLIENT_TIMEOUT_MS, `/run/${name}.sock`, port].map(String);
    const output = await bed
      .run('timeout', String(BURST_TIMEOUT_S), 'build/tools/burst', ...args)
      .catch(async (cause) => {
        throw new Error(`burst failed\n${await bed.journal(`${name}.service`)}`, { cause });
      });
    // A crash of the service is not the reason why clients are lost.
    expect(await bed.show(`${name}.service`)).toMatchObject({
      ActiveState: 'active',
      NRestarts: 0,
    });
    return JSON.parse(output);
  }

  const sockets = [`${name}-tcp.socket`, `${name}-unix.socket`];
  await bed.systemctl('start', ...sockets);
  if (crowd === 'starts it again') {
    await connectClients(1);
    await bed.systemctl('stop', `${name}.service`);
  }
  const result = await connectClients(CLIENTS);
  await bed.systemctl('stop', ...sockets, `${name}.service`);
  return result;
}

function formatTarget(protocol: string, { served, resent, last, silent, errors }: Target): string {
  const lost = Object.entries(errors).map(([code, count]) => `${count} ${code}`);
  if (silent > 0) lost.push(`${silent} without an answer`);
  const late = protocol === 'TCP' ? `${resent} of them after a resend, ` : '';
  return `  ${protocol}: ${served} served (${late}the last after ${last} ms), lost: ${lost.join(', ') || 0}`;
}

describeInBed(`${2 * CLIENTS} clients at once while a service starts`, [], (bed) => {
  beforeAll(async () => {
    // The default of Linux since 5.4. The machine may have another value.
    await bed().run('sh', '-c', `echo ${CLIENTS} > /proc/sys/net/core/somaxconn`);
  });

  test.each(cases.map(({ by, crowd, outcome }, i) => [by, crowd, outcome, 8001 + i] as const))(
    '%s: when the crowd %s, %s',
    async (by, crowd, outcome, port) => {
      const { connecting, targets } = await runBurst(bed(), by, crowd, port);
      const [unix, tcp] = targets;
      console.log(
        [
          `${by}, the crowd ${crowd} and connects in ${connecting} ms`,
          ...[formatTarget('Unix', unix), formatTarget('TCP', tcp)],
        ].join('\n'),
      );
      if (outcome === 'all are served') {
        expect(targets, LOST).toMatchObject([{ served: CLIENTS }, { served: CLIENTS, resent: 0 }]);
      }
      if (outcome === 'some are lost') {
        expect(unix.errors.EAGAIN).toBeGreaterThan(0);
        expect(tcp.resent).toBeGreaterThan(0);
      }
    },
  );
});
