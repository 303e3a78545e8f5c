// A real systemd as PID 1 of namespaces of its own, for one test file.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe } from 'vitest';
import { Manager, REPOSITORY, whyNoBed } from './manager.mjs';

/** Unit files: by their names, the text; or the path of a folder, all that is in it. */
export type Units = Readonly<Record<string, string>> | string;

/** A unit's properties, by systemctl show. */
export interface Unit {
  readonly ActiveState: string;
  readonly SubState: string;
  readonly Result: string;
  readonly StatusText: string;
  readonly StatusErrno: number;
  readonly MainPID: number;
  readonly NRestarts: number;
  readonly NFileDescriptorStore: number;
  readonly [property: string]: string | number;
}

/** The unpacked packages of another version, made by fetch-systemd.mjs; '': the machine's own. */
export const OVERLAY = process.env.LIBSYSTEMD_TEST_SYSTEMD ?? '';

function versionIn(output: string): number {
  return Number(/^systemd (\d+)/.exec(output)?.[1]);
}

/** The version of the manager that a bed will run, for tests that only some versions have. */
export const VERSION = ((): number => {
  const lib = join(OVERLAY, '/usr/lib');
  const paths = readdirSync(lib).map((triplet) => join(lib, triplet, 'systemd'));
  const env = OVERLAY === '' ? process.env : { LD_LIBRARY_PATH: paths.join(':') };
  const { stdout } = spawnSync(join(OVERLAY, '/usr/bin/systemctl'), ['--version'], { env });
  return versionIn(String(stdout));
})();

async function textOf(units: Units): Promise<Readonly<Record<string, string>>> {
  if (typeof units !== 'string') return units;
  const names = (await readdir(units)).filter((name) => /\.(service|socket)$/.test(name));
  const texts = names.map(async (name) => [name, await readFile(join(units, name), 'utf8')]);
  return Object.fromEntries(await Promise.all(texts));
}

/** A service whose program is one of programs/, with these lines. It runs where the package is. */
export function service(program: string, ...lines: readonly string[]): string {
  const start = `ExecStart=/usr/bin/node ${REPOSITORY}/test/manager/programs/${program}`;
  return ['[Service]', `WorkingDirectory=${REPOSITORY}`, start, ...lines, ''].join('\n');
}

/** A service that does what {@link Bed.tell} tells it. */
export function puppet(...lines: readonly string[]): string {
  return service('puppet.mjs /run/%N.puppet', ...lines);
}

export class Bed extends Manager {
  /** The version of systemd that runs in it. */
  readonly version = VERSION;

  /** Starts a manager that knows these units. */
  static async start(...units: readonly Units[]): Promise<Bed> {
    const bed = await Bed.launch(OVERLAY);
    try {
      await bed.add(...units);
    } catch (error) {
      await bed.stop();
      throw error;
    }
    return bed;
  }

  /**
   * Runs a module of JavaScript beside the manager, on its network: what it gives to `result`.
   * The package goes by its name.
   */
  async evaluate<T>(source: string): Promise<T> {
    const end = 'const result = (value) => console.log(JSON.stringify(value));';
    return JSON.parse(await this.run('node', '--input-type=module', '-e', `${end}\n${source}`));
  }

  /** A unit's properties, the numbers as numbers. */
  async show(unit: string): Promise<Unit> {
    const lines = (await this.systemctl('show', unit)).trimEnd().split('\n');
    const properties = lines.map((line) => {
      const at = line.indexOf('=');
      const value = line.slice(at + 1);
      return [line.slice(0, at), /^\d{1,15}$/.test(value) ? Number(value) : value];
    });
    return Object.fromEntries(properties) as Unit;
  }

  /** Waits until a unit's properties are as wanted; an error says what they were. */
  async until(unit: string, wanted: (state: Unit) => boolean, timeout = 15_000): Promise<Unit> {
    let state = await this.show(unit);
    for (const deadline = Date.now() + timeout; !wanted(state); state = await this.show(unit)) {
      if (Date.now() > deadline) {
        const { ActiveState, SubState, Result, StatusText, NRestarts } = state;
        const facts = JSON.stringify({ ActiveState, SubState, Result, StatusText, NRestarts });
        const said = await this.journal(unit);
        throw new Error(`${unit} is ${facts}, and ${wanted} does not hold\n${said}`);
      }
      await sleep(20);
    }
    return state;
  }

  /** What a unit, and the manager about it, wrote to the journal: the messages, a line each. */
  async journal(unit: string): Promise<string> {
    await this.run('journalctl', '--sync');
    return await this.run('journalctl', '--no-pager', '--output=cat', `--unit=${unit}`);
  }

  /** Adds units, or writes them anew, and lets the manager know. */
  async add(...units: readonly Units[]): Promise<void> {
    const texts = await Promise.all(units.map(textOf));
    if (texts.length > 0) await this.addUnits(Object.assign({}, ...texts));
  }

  /**
   * Has a {@link puppet} run JavaScript, the body of an async function that knows all names of
   * libsystemd, `sd`, `require`, and `keep`, an object that it keeps. Gives what it returns. Waits
   * for a puppet that is just starting.
   */
  async tell<T>(unit: string, source: string): Promise<T> {
    const path = this.path(`/run/${unit}.puppet`);
    for (const deadline = Date.now() + 10_000; ; await sleep(10)) {
      const socket = connect({ path, allowHalfOpen: true });
      try {
        await once(socket, 'connect');
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        const starting = code === 'ENOENT' || code === 'ECONNREFUSED';
        if (starting && Date.now() < deadline) continue;
        throw new Error(`${unit} can't be told: ${code}\n${await this.journal(unit)}`);
      }
      socket.end(source);
      const answer = await text(socket);
      if (answer === '') throw new Error(`${unit} ended instead\n${await this.journal(unit)}`);
      const { value, error } = JSON.parse(answer);
      if (error) throw Object.assign(new Error(error.message), error);
      return value;
    }
  }
}

/** Tests that share a bed, or say why they are skipped where none can be had. */
export function describeInBed(
  what: string,
  units: readonly Units[],
  tests: (bed: () => Bed) => void,
): void {
  const reason = whyNoBed();
  describe.skipIf(reason)(reason === undefined ? what : `${what} (skipped: ${reason})`, () => {
    let bed: Bed | undefined;
    beforeAll(async () => {
      bed = await Bed.start(...units);
    });
    afterAll(() => bed?.stop());
    tests(() => bed as Bed);
  });
}
