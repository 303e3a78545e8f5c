// A service that is not running, slow to start, and asked for by thousands at once: what the accept
// queues of its sockets are for, and what Node's own listen() makes of them. docs/cold-burst.md has
// the numbers of all cases, which COLD_BURST=all measures.
import { beforeAll, expect, test } from 'vitest';
import { type Bed, describeInBed, service, type Units } from './bed.ts';

/** To each of the two sockets. */
const CLIENTS = 4096;
/** TCP asks again after a second, and after two more: nobody should have to give up. */
const PATIENCE_MS = 12_000;
/** Ends the clients if the service never says that it listens. */
const LIMIT_S = 25;

interface Case {
  readonly by: 'libsystemd' | 'plain';
  /**
   * Whether the crowd's first client starts the service, which never ran or ran before, or somebody
   * did a moment ago, and the crowd finds it listening and still busy with its start.
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
  // Whether the crowd is there before listen(2) is a race, if one that it nearly always wins.
  { by: 'plain', crowd: 'starts it', outcome: 'measured only' },
  { by: 'plain', crowd: 'finds it starting', outcome: 'some are lost' },
];
const cases = process.env.COLD_BURST === 'all' ? [...asserted, ...others] : asserted;

/** What tools/burst.c says of each socket. */
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

/** Starts the sockets alone, lets the crowd in, and stops all again. */
async function burst(bed: Bed, by: Case['by'], crowd: Case['crowd'], port: number): Promise<Burst> {
  const name = `${by}-${port}`;
  const fifo = crowd === 'finds it starting' ? [`/run/${name}.fifo`] : [];
  if (fifo.length > 0) await bed.run('mkfifo', ...fifo);
  await bed.add(units(name, port, ['cold-burst.mjs', by, ...fifo].join(' ')));

  async function come(clients: number): Promise<Burst> {
    // Not running: the burst is what starts it.
    expect(await bed.show(`${name}.service`)).toMatchObject({ ActiveState: 'inactive' });
    const after = fifo.flatMap((path) => ['--after', path]);
    const args = [...after, clients, PATIENCE_MS, `/run/${name}.sock`, port].map(String);
    const output = await bed
      .run('timeout', String(LIMIT_S), 'build/tools/burst', ...args)
      .catch(async (cause) => {
        throw new Error(`burst failed\n${await bed.journal(`${name}.service`)}`, { cause });
      });
    // Whoever is lost was not lost to a crash.
    expect(await bed.show(`${name}.service`)).toMatchObject({
      ActiveState: 'active',
      NRestarts: 0,
    });
    return JSON.parse(output);
  }

  const sockets = [`${name}-tcp.socket`, `${name}-unix.socket`];
  await bed.systemctl('start', ...sockets);
  if (crowd === 'starts it again') {
    await come(1);
    await bed.systemctl('stop', `${name}.service`);
  }
  const result = await come(CLIENTS);
  await bed.systemctl('stop', ...sockets, `${name}.service`);
  return result;
}

function format(what: string, { served, resent, last, silent, errors }: Target): string {
  const lost = Object.entries(errors).map(([code, count]) => `${count} ${code}`);
  if (silent > 0) lost.push(`${silent} without an answer`);
  const late = what === 'TCP' ? `${resent} of them after a resend, ` : '';
  return `  ${what}: ${served} served (${late}the last after ${last} ms), lost: ${lost.join(', ') || 0}`;
}

describeInBed(`${2 * CLIENTS} clients at once, while a service starts`, [], (bed) => {
  beforeAll(async () => {
    // The default of Linux since 5.4, of which a machine may have made something else.
    await bed().run('sh', '-c', `echo ${CLIENTS} > /proc/sys/net/core/somaxconn`);
  });

  test.each(cases.map(({ by, crowd, outcome }, i) => [by, crowd, outcome, 8001 + i] as const))(
    '%s, the crowd %s: %s',
    async (by, crowd, outcome, port) => {
      const { connecting, targets } = await burst(bed(), by, crowd, port);
      const [unix, tcp] = targets;
      console.log(
        [
          `${by}, the crowd ${crowd} and connects in ${connecting} ms`,
          ...[format('Unix', unix), format('TCP', tcp)],
        ].join('\n'),
      );
      if (outcome === 'all are served') {
        expect(targets).toMatchObject([{ served: CLIENTS }, { served: CLIENTS, resent: 0 }]);
      }
      if (outcome === 'some are lost') {
        expect(unix.errors.EAGAIN).toBeGreaterThan(0);
        expect(tcp.resent).toBeGreaterThan(0);
      }
    },
  );
});
