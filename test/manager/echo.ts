// The service of programs/echo.mjs in a bed, and the outcomes of its clients (programs/load.mjs).
import { type Bed, service, type Units } from './bed.ts';

/** The argument of programs/load.mjs, without the targets. */
export interface Load {
  readonly path?: string;
  /** The number of clients of each target. */
  readonly clients: number;
  readonly keepAlive: boolean;
  /** The milliseconds from a response to the next request of the same client. Default: 0. */
  readonly pause?: readonly [least: number, most: number];
  readonly requests?: number;
  readonly seconds?: number;
  readonly command?: readonly string[];
  readonly times?: number;
}

/** The outcome of one target. */
export interface Outcome {
  readonly requests: number;
  /** The number of failures by their error code or message. */
  readonly failures: Readonly<Record<string, number>>;
  /** How many requests went over a connection that had been used before. */
  readonly reused: number;
  /** How many responses had `Connection: close`. */
  readonly closing: number;
  /** How many processes have responded. */
  readonly instances: number;
  /** How many HTTP/2 streams a GOAWAY has refused before they were handled, so that they were sent again. */
  readonly refused: number;
  /** The milliseconds of the slowest response. */
  readonly slowest: number;
}

export type Target = 'tcp' | 'unix' | 'h2' | 'udp';

let lastPort = 8200;

export class Echo {
  readonly unit: string;
  readonly #bed: Bed;
  readonly #name: string;
  readonly #port: number;
  readonly #kinds: readonly Target[];

  private constructor(bed: Bed, port: number, kinds: readonly Target[]) {
    this.#bed = bed;
    this.#name = `echo-${port}`;
    this.#port = port;
    this.#kinds = kinds;
    this.unit = `${this.#name}.service`;
  }

  /**
   * Starts the socket units. The first client starts the service.
   *
   * @param by - the first argument of programs/echo.mjs
   * @param options - the options of programs/echo.mjs
   */
  static async listen(
    bed: Bed,
    by: string,
    options: { readonly kinds?: readonly Target[] } = {},
    ...lines: string[]
  ): Promise<Echo> {
    const echo = new Echo(bed, ++lastPort, options.kinds ?? ['tcp', 'unix']);
    const program = `echo.mjs ${by} '${JSON.stringify(options)}'`;
    const type = by === 'serve' ? 'Type=notify' : 'Type=exec';
    await bed.add(echo.#units(service(program, type, ...lines)));
    await bed.systemctl('start', ...echo.#sockets);
    return echo;
  }

  #socket(kind: Target): string {
    return `${this.#name}-${kind}.socket`;
  }

  get #sockets(): readonly string[] {
    return this.#kinds.map((kind) => this.#socket(kind));
  }

  /** The unit files, with no limit of how often the service starts. */
  #units(serviceText: string): Units {
    const addresses: Readonly<Record<Target, string>> = {
      tcp: `ListenStream=127.0.0.1:${this.#port}`,
      unix: `ListenStream=/run/${this.#name}.sock`,
      h2: `ListenStream=127.0.0.1:${this.#port}`,
      udp: `ListenDatagram=127.0.0.1:${this.#port}`,
    };
    const socket = (kind: Target) =>
      [
        ...['[Socket]', addresses[kind], `FileDescriptorName=${kind}`],
        ...[`Service=${this.unit}`, 'TriggerLimitIntervalSec=0', ''],
      ].join('\n');
    return {
      ...Object.fromEntries(this.#kinds.map((kind) => [this.#socket(kind), socket(kind)])),
      [this.unit]: `[Unit]\nStartLimitIntervalSec=0\n${serviceText}`,
    };
  }

  #target(kind: Target): object {
    const at = { host: '127.0.0.1', port: this.#port };
    return { kind, ...(kind === 'unix' ? { socketPath: `/run/${this.#name}.sock` } : at) };
  }

  /** Runs clients of these targets, or of all. Returns and prints the outcome of each target. */
  async load(load: Load, ...names: readonly Target[]): Promise<readonly Outcome[]> {
    const kinds = this.#kinds.filter((kind) => names.length === 0 || names.includes(kind));
    const targets = Object.fromEntries(kinds.map((kind) => [kind, this.#target(kind)]));
    const args = JSON.stringify({ targets, ...load });
    const output = await this.#bed.run('node', 'test/manager/programs/load.mjs', args);
    const outcomes: Readonly<Record<string, Outcome>> = JSON.parse(output);
    console.log(Object.entries(outcomes).map(format).join('\n'));
    return Object.values(outcomes);
  }

  async stop(): Promise<void> {
    await this.#bed.systemctl('stop', ...this.#sockets, this.unit);
  }
}

function format([name, { requests, failures, instances, refused, slowest }]: [
  string,
  Outcome,
]): string {
  const lost = Object.entries(failures).map(([reason, count]) => `${count} ${reason}`);
  return `  ${name}: ${requests} requests to ${instances} processes, lost: ${lost.join(', ') || 0}, refused and sent again: ${refused}, slowest: ${slowest} ms`;
}
