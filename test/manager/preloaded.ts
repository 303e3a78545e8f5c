// A program that knows nothing of systemd, in a bed: its units, by which `libsystemd/auto` is loaded, and its visitors.
import { expect } from 'vitest';
import type { Bed, Unit } from './bed.ts';

/** A program, and how it is started. */
export interface Program {
  readonly name: string;
  /** The folder in the bed from which it runs. */
  readonly cwd: string;
  /** The path of node in the bed. Default: that of this machine. */
  readonly node?: string;
  /** The arguments of node after those that load `libsystemd/auto`. PORT stands for the port. */
  readonly args: readonly string[];
  /** The variables of the service. PORT stands for the port. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further lines of [Service]. PORT stands for the port. */
  readonly service?: readonly string[];
  /** The address of the socket unit; default: the port of 127.0.0.1. */
  readonly listen?: string;
  /** The page that the visitors get. Default: `/`. */
  readonly page?: string;
  /** The options of node that load the preload. Default: --import. */
  readonly preload?: readonly string[];
}

/** What the visitors have met with. */
export interface Visits {
  readonly requests: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly slowest: number;
}

export interface VisitOptions {
  readonly clients?: number;
  readonly requests?: number;
  readonly times?: number;
  readonly verb?: 'restart' | 'stop';
}

let lastPort = 8400;

export class Preloaded {
  readonly unit: string;
  readonly port = ++lastPort;
  readonly #bed: Bed;
  readonly #program: Program;
  readonly #socket: string;

  private constructor(bed: Bed, program: Program) {
    this.#bed = bed;
    this.#program = program;
    const id = `${program.name.replace(/\W+/g, '-')}-${this.port}`;
    this.unit = `${id}.service`;
    this.#socket = `${id}.socket`;
  }

  /** Starts the socket unit. The first visitor starts the service. */
  static async listen(bed: Bed, program: Program): Promise<Preloaded> {
    const preloaded = new Preloaded(bed, program);
    await bed.add(preloaded.#units());
    await bed.systemctl('start', preloaded.#socket);
    return preloaded;
  }

  /** Starts the service by visitors, and waits until it has stopped for idleness: twice. */
  static async expectIdleStops(bed: Bed, program: Program, idleTimeout: number): Promise<void> {
    const env = { ...program.env, LIBSYSTEMD_AUTO_IDLE_TIMEOUT: String(idleTimeout) };
    const preloaded = await Preloaded.listen(bed, { ...program, env });
    for (let i = 0; i < 2; i++) {
      const { failures } = await preloaded.visit({ clients: 2, requests: 20, times: 0 });
      expect(failures).toEqual({});
      expect(await preloaded.until('inactive')).toMatchObject({ Result: 'success' });
    }
    await preloaded.stop();
  }

  #fill(text: string): string {
    return text.replaceAll('PORT', String(this.port));
  }

  #units(): Record<string, string> {
    const { cwd, args, env = {}, service = [], listen = '127.0.0.1:PORT' } = this.#program;
    const { node = '/usr/bin/node' } = this.#program;
    const preload = this.#program.preload ?? ['--import', 'libsystemd/auto'];
    const words = [node, ...preload, ...args.map((word) => this.#fill(word))];
    const variables = Object.entries(env).map(
      ([name, value]) => `Environment="${name}=${this.#fill(value)}"`,
    );
    return {
      [this.#socket]: `[Socket]\nListenStream=${this.#fill(listen)}\nTriggerLimitIntervalSec=0\n`,
      [this.unit]: [
        ...['[Unit]', 'StartLimitIntervalSec=0', '[Service]', 'Type=notify'],
        ...[`WorkingDirectory=${cwd}`, `ExecStart=${words.join(' ')}`],
        ...[...variables, ...service.map((line) => this.#fill(line)), ''],
      ].join('\n'),
    };
  }

  get #target(): object {
    const { listen = '', page = '/' } = this.#program;
    const at = listen.startsWith('/')
      ? { socketPath: this.#fill(listen) }
      : { host: '127.0.0.1', port: this.port };
    return { ...at, path: page };
  }

  /** Visitors get the page while the unit is restarted some times. */
  async visit(options: VisitOptions = {}): Promise<Visits> {
    const { clients = 4, requests = 400, times = 10, verb = 'restart' } = options;
    const command = ['systemctl', verb, this.unit];
    const load = { target: this.#target, clients, requests, command, times };
    const output = await this.#bed.run(
      'node',
      'test/manager/programs/visitors.mjs',
      JSON.stringify(load),
    );
    const visits: Visits = JSON.parse(output);
    const lost = Object.entries(visits.failures).map(([reason, count]) => `${count} ${reason}`);
    console.log(
      `  ${this.#program.name}: ${visits.requests} requests over ${times} × ${verb}, lost: ${lost.join(', ') || 0}, slowest: ${visits.slowest} ms`,
    );
    return visits;
  }

  /** Waits until the service is active, or inactive. */
  until(state: 'active' | 'inactive', timeout?: number): Promise<Unit> {
    return this.#bed.until(this.unit, ({ ActiveState }) => ActiveState === state, timeout);
  }

  async stop(): Promise<Unit> {
    await this.#bed.systemctl('stop', this.#socket, this.unit);
    return await this.#bed.show(this.unit);
  }
}
