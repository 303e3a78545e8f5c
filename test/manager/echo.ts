// The service of programs/echo.mjs in a bed, and what its clients get (programs/load.mjs).
import { type Bed, service, type Units } from './bed.ts';

/** What programs/load.mjs is told, but for the targets. */
export interface Load {
  readonly path?: string;
  /** For each target. */
  readonly clients: number;
  readonly keepAlive: boolean;
  /** Milliseconds from an answer to the next request of a client; default: none. */
  readonly pause?: readonly [least: number, most: number];
  readonly requests?: number;
  readonly seconds?: number;
  readonly command?: readonly string[];
  readonly times?: number;
}

/** What it says of a target. */
export interface Outcome {
  readonly requests: number;
  readonly failures: Readonly<Record<string, number>>;
  /** How many went over a connection that had been used before. */
  readonly reused: number;
  /** How many answers had `Connection: close`. */
  readonly last: number;
  /** How many processes answered. */
  readonly instances: number;
  /** The slowest answer, in milliseconds. */
  readonly longest: number;
}

export type Target = 'tcp' | 'unix';

let lastPort = 8200;

export class Echo {
  readonly unit: string;
  readonly #bed: Bed;
  readonly #sockets: Readonly<Record<Target, string>>;
  readonly #targets: Readonly<Record<Target, object>>;

  private constructor(bed: Bed, port: number) {
    const name = `echo-${port}`;
    this.#bed = bed;
    this.unit = `${name}.service`;
    this.#sockets = { tcp: `${name}-tcp.socket`, unix: `${name}-unix.socket` };
    this.#targets = {
      tcp: { host: '127.0.0.1', port },
      unix: { socketPath: `/run/${name}.sock` },
    };
  }

  /**
   * Has its sockets listen; the first client starts it.
   *
   * @param by - serve, or what Node does by itself: close, none
   */
  static async listen(bed: Bed, by: string, options = {}, ...lines: string[]): Promise<Echo> {
    const port = ++lastPort;
    const echo = new Echo(bed, port);
    const program = `echo.mjs ${by} '${JSON.stringify(options)}'`;
    const type = by === 'serve' ? 'Type=notify' : 'Type=exec';
    await bed.add(echo.#units(port, service(program, type, ...lines)));
    await bed.systemctl('start', ...Object.values(echo.#sockets));
    return echo;
  }

  /** Nothing limits how often it starts. */
  #units(port: number, text: string): Units {
    const { tcp, unix } = this.#sockets;
    const socket = (name: Target, address: string) =>
      [
        ...['[Socket]', `ListenStream=${address}`, `FileDescriptorName=${name}`],
        ...[`Service=${this.unit}`, 'TriggerLimitIntervalSec=0', ''],
      ].join('\n');
    return {
      [tcp]: socket('tcp', `127.0.0.1:${port}`),
      [unix]: socket('unix', `/run/echo-${port}.sock`),
      [this.unit]: `[Unit]\nStartLimitIntervalSec=0\n${text}`,
    };
  }

  /** What clients get of these targets, which goes to the output too. */
  async load(load: Load, ...names: readonly Target[]): Promise<readonly Outcome[]> {
    const all = Object.entries(this.#targets) as [Target, object][];
    const some = all.filter(([name]) => names.length === 0 || names.includes(name));
    const args = JSON.stringify({ targets: Object.fromEntries(some), ...load });
    const output = await this.#bed.run('node', 'test/manager/programs/load.mjs', args);
    const outcomes: Readonly<Record<string, Outcome>> = JSON.parse(output);
    console.log(Object.entries(outcomes).map(format).join('\n'));
    return Object.values(outcomes);
  }

  async stop(): Promise<void> {
    await this.#bed.systemctl('stop', ...Object.values(this.#sockets), this.unit);
  }
}

function format([name, { requests, failures, instances, longest }]: [string, Outcome]): string {
  const lost = Object.entries(failures).map(([reason, count]) => `${count} ${reason}`);
  return `  ${name}: ${requests} requests to ${instances} processes, lost: ${lost.join(', ') || 0}, the slowest ${longest} ms`;
}
