// The service of one program in a bed, and the clients that load it.
import { expect } from 'vitest';
import type { Bed } from '../manager/bed.ts';
import { VERSION } from '../manager/bed.ts';
import { REPOSITORY } from '../manager/manager.mjs';
import { expectNothingLost } from '../support/nothing-lost.ts';
import { appInBed, nodeInBed, packages } from './packages.ts';
import type { Program } from './programs.ts';

/** The folder in which each program runs as its page shows it. */
export const AS_SHOWN = '/opt/programs';

/** The folder in which serve() has an idle timeout and a reload hook beside the options of the page. */
export const WITH_OPTIONS = '/opt/with-options';

/** Type=notify-reload needs systemd 253. Before, ExecReload= sends the signal. */
const RELOADABLE =
  VERSION < 253 ? ['Type=notify', 'ExecReload=kill -HUP $MAINPID'] : ['Type=notify-reload'];

export interface Outcome {
  readonly exchanges: number;
  /** The number of lost exchanges by the reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** The milliseconds of the slowest exchange. */
  readonly slowest: number;
}

/** Puts the programs, the clients and the packages into a bed. */
export async function furnish(bed: Bed, programs: readonly Program[]): Promise<void> {
  const from = `${REPOSITORY}/test/programs`;
  const modules = await packages();
  const sources = [`${from}/servers/.`, `${REPOSITORY}/examples/frameworks/.`];
  for (const folder of [AS_SHOWN, WITH_OPTIONS]) {
    await bed.run('mkdir', folder, `${folder}/node_modules`);
    await bed.run('cp', '-r', ...sources, folder);
    await bed.run('sh', '-c', `ln -s ${modules}/* ${folder}/node_modules`);
  }
  await bed.run('cp', '-r', `${from}/load.mjs`, `${from}/clients`, AS_SHOWN);
  const wrapper = `${WITH_OPTIONS}/node_modules/libsystemd`;
  await bed.run('mkdir', wrapper);
  await bed.run('cp', `${from}/with-options.mjs`, `${wrapper}/index.mjs`);
  await bed.run('cp', `${from}/with-options.cjs`, `${wrapper}/index.cjs`);
  await bed.run('cp', `${from}/with-options.json`, `${wrapper}/package.json`);
  await bed.run('ln', '-s', '/opt/node_modules/libsystemd/dist', wrapper); // for its other entries
  await addCredentials(bed);
  await Promise.all(programs.map((program) => addApp(bed, program)));
}

/** Makes the folder of a program with an app in each of the two folders: the app, and beside it the programs. */
async function addApp(bed: Bed, { name, app, node }: Program): Promise<void> {
  if (app === undefined) return;
  const home = await appInBed(app, node);
  for (const folder of [AS_SHOWN, WITH_OPTIONS]) {
    await bed.run('mkdir', `${folder}/${name}`);
    await bed.run('sh', '-c', `ln -s ${home}/* ${home}/.[a-z]* ${folder}/${name}`);
    await bed.run('cp', '-r', `${REPOSITORY}/test/programs/servers/.`, `${folder}/${name}`);
  }
}

/** Makes the keys of TLS and SSH. */
async function addCredentials(bed: Bed): Promise<void> {
  const store = '/etc/credstore';
  await bed.run('mkdir', store);
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${store}/tls.key`];
  const certificate = ['-x509', '-out', `${store}/tls.crt`, '-days', '2', '-subj', '/CN=localhost'];
  await bed.run('openssl', 'req', ...key, ...certificate);
  await bed.run('openssl', 'genrsa', '-traditional', '-out', `${store}/ssh.key`, '2048');
}

let lastPort = 8300;

export class ProgramService {
  readonly unit: string;
  readonly #bed: Bed;
  readonly #program: Program;
  readonly #socket: string;
  readonly #port: number;
  /** The path of node. */
  readonly #node: string;

  private constructor(bed: Bed, program: Program, node: string) {
    this.#bed = bed;
    this.#node = node;
    this.#program = program;
    this.#port = ++lastPort;
    const name = `${program.name}-${this.#port}`;
    this.unit = `${name}.service`;
    this.#socket = `${name}.socket`;
  }

  /** Starts the sockets of a program, which runs in the folder. Its first client starts the service. */
  static async listen(bed: Bed, program: Program, folder: string): Promise<ProgramService> {
    const service = new ProgramService(bed, program, await nodeInBed(program.node));
    await bed.add(service.#units(folder));
    await bed.systemctl('start', service.#socket);
    return service;
  }

  #units(folder: string): Readonly<Record<string, string>> {
    const { name, app, command, sockets = ['stream'] } = this.#program;
    const cwd = app === undefined ? folder : `${folder}/${name}`;
    const listen = { stream: 'ListenStream', dgram: 'ListenDatagram' };
    const socket = [
      ...['[Socket]', ...sockets.map((type) => `${listen[type]}=127.0.0.1:${this.#port}`)],
      // For the datagrams that come while no process reads.
      ...(sockets.includes('dgram') ? ['ReceiveBuffer=8M'] : []),
      ...['TriggerLimitIntervalSec=0', ''],
    ];
    const service = [
      ...['[Unit]', 'StartLimitIntervalSec=0', '[Service]', ...RELOADABLE],
      ...[`WorkingDirectory=${cwd}`, `ExecStart=${this.#node} ${command ?? `${name}.mjs`}`],
      ...['WatchdogSec=3', 'WatchdogSignal=SIGKILL', 'Restart=on-failure', 'StateDirectory=%N'],
      ...['tls.key', 'tls.crt', 'ssh.key'].map((key) => `LoadCredential=${key}`),
      '',
    ];
    return { [this.#socket]: socket.join('\n'), [this.unit]: service.join('\n') };
  }

  /** Runs the clients while `systemctl VERB` runs some times. Expects that no exchange was lost. */
  async load(verb: 'restart' | 'reload' | 'show', times: number): Promise<Outcome> {
    const { client = 'http', target = {}, clients = 6, pause = 10 } = this.#program;
    const args = {
      client,
      target: { host: '127.0.0.1', port: this.#port, ...target },
      clients,
      pause,
      command: ['systemctl', verb, this.unit],
      times,
    };
    const outcome: Outcome = JSON.parse(await this.#runClients(args));
    expectNothingLost(outcome.failures);
    return outcome;
  }

  /** Runs load.mjs. Its failure is told together with what the program and the manager have said. */
  async #runClients(args: object): Promise<string> {
    try {
      return await this.#bed.run('node', `${AS_SHOWN}/load.mjs`, JSON.stringify(args));
    } catch (error) {
      throw new Error(`The clients failed, and the journal has:\n${await this.journal()}`, {
        cause: error,
      });
    }
  }

  /** The lines of the program, and those of the manager about it. */
  async journal(): Promise<string> {
    return await this.#bed.journal(this.unit);
  }

  async stop(): Promise<void> {
    await this.#bed.systemctl('stop', this.#socket, this.unit);
  }

  /** Expects that each process has ended in order, and that the package had nothing to warn of. */
  async expectOrder(): Promise<void> {
    const { ActiveState, Result } = await this.#bed.show(this.unit);
    expect({ ActiveState, Result }).toEqual({ ActiveState: 'inactive', Result: 'success' });
    const isWrong = /ERR_SYSTEMD_|Main process exited|Failed with/;
    const lines = (await this.journal()).split('\n');
    expect(lines.filter((line) => isWrong.test(line))).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
