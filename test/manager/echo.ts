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
  /** How many streams of HTTP/2 the service has refused by GOAWAY, unhandled, and were sent again. */
  readonly refused: number;
  /** The slowest answer, in milliseconds. */
  readonly longest: number;
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
   * Has its sockets listen; the first client starts it.
   *
   * @param by - serve, or what Node does by itself: close, none
   * @param options - those of serve(), and `kinds`: what it serves, by default `tcp` and `unix`
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

  /** Nothing limits how often it starts. */
  #units(text: string): Units {
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
      [this.unit]: `[Unit]\nStartLimitIntervalSec=0\n${text}`,
    };
  }

  #target(kind: Target): object {
    const at = { host: '127.0.0.1', port: this.#port };
    return { kind, ...(kind === 'unix' ? { socketPath: `/run/${this.#name}.sock` } : at) };
  }

  /** What clients get of these targets, which goes to the output too. */
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

function format([name, { requests, failures, instances, refused, longest }]: [
  string,
  Outcome,
]): string {
  const lost = Object.entries(failures).map(([reason, count]) => `${count} ${reason}`);
  return `  ${name}: ${requests} requests to ${instances} processes, lost: ${lost.join(', ') || 0}, refused and sent again: ${refused}, the slowest ${longest} ms`;
}
