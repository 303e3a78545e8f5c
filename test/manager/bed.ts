// A bed for one test file: a real systemd as PID 1 of new namespaces, with the units of the test.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe } from 'vitest';
import { root } from '../support/tools.ts';
import { Manager, REPOSITORY, whyNoBed } from './manager.mjs';

/** Unit files: names with texts, or the path of a folder that has them. */
export type Units = Readonly<Record<string, string>> | string;

/** The properties of a unit, as `systemctl show` prints them. */
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

/**
 * The folder with the unpacked packages of another version of systemd, made by scripts/fetch-systemd.mjs. Empty: the
 * systemd of this machine.
 */
export const OVERLAY = process.env.LIBSYSTEMD_TEST_SYSTEMD ?? '';

function parseVersion(output: string): number {
  return Number(/^systemd (\d+)/.exec(output)?.[1]);
}

/** The version of systemd in a bed, for tests that need a minimal version. */
export const VERSION = ((): number => {
  const lib = join(OVERLAY, '/usr/lib');
  const paths = readdirSync(lib).map((triplet) => join(lib, triplet, 'systemd'));
  const env = OVERLAY === '' ? process.env : { LD_LIBRARY_PATH: paths.join(':') };
  const { stdout } = spawnSync(join(OVERLAY, '/usr/bin/systemctl'), ['--version'], { env });
  return parseVersion(String(stdout));
})();

async function readUnits(units: Units): Promise<Readonly<Record<string, string>>> {
  if (typeof units !== 'string') return units;
  const names = (await readdir(units)).filter((name) => /\.(service|socket)$/.test(name));
  const texts = names.map(async (name) => [name, await readFile(join(units, name), 'utf8')]);
  return Object.fromEntries(await Promise.all(texts));
}

/** The path in a bed of a file or folder of the repository. */
export function inBed(path: string): string {
  return join(REPOSITORY, relative(root, path));
}

/** The text of a unit file for one of programs/, with further lines of its [Service] section. */
export function service(program: string, ...lines: readonly string[]): string {
  const start = `ExecStart=/usr/bin/node ${REPOSITORY}/test/manager/programs/${program}`;
  return ['[Service]', `WorkingDirectory=${REPOSITORY}`, start, ...lines, ''].join('\n');
}

/** The text of a unit file for a puppet: a service that runs the code that {@link Bed.runInService} passes. */
export function puppet(...lines: readonly string[]): string {
  return service('puppet.mjs /run/%N.puppet', ...lines);
}

export class Bed extends Manager {
  /** The version of systemd in this bed. */
  readonly version = VERSION;

  /** Starts a manager with these units. */
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
   * Runs a JavaScript module in the bed, outside of any service. Returns the value that the module passes to
   * `result()`. The module can import `libsystemd`.
   */
  async evaluate<T>(source: string): Promise<T> {
    const prelude = 'const result = (value) => console.log(JSON.stringify(value));';
    return JSON.parse(await this.run('node', '--input-type=module', '-e', `${prelude}\n${source}`));
  }

  /** Reads the properties of a unit, with whole numbers as numbers. */
  async show(unit: string): Promise<Unit> {
    const lines = (await this.systemctl('show', unit)).trimEnd().split('\n');
    const properties = lines.map((line) => {
      const at = line.indexOf('=');
      const value = line.slice(at + 1);
      return [line.slice(0, at), /^\d{1,15}$/.test(value) ? Number(value) : value];
    });
    // Newer versions of systemctl leave out an empty status.
    return { StatusText: '', ...Object.fromEntries(properties) } as Unit;
  }

  /** Waits until the properties of a unit meet a condition. Throws after `timeout` milliseconds. */
  async until(unit: string, condition: (state: Unit) => boolean, timeout = 60_000): Promise<Unit> {
    let state = await this.show(unit);
    for (const deadline = Date.now() + timeout; !condition(state); state = await this.show(unit)) {
      if (Date.now() > deadline) {
        const { ActiveState, SubState, Result, StatusText, NRestarts } = state;
        const facts = JSON.stringify({ ActiveState, SubState, Result, StatusText, NRestarts });
        const log = await this.journal(unit);
        throw new Error(`${unit} is ${facts}, and should meet ${condition}\n${log}`);
      }
      await sleep(20);
    }
    return state;
  }

  /** Reads the journal of a unit: its own messages and the manager's about it, a line each. */
  async journal(unit: string): Promise<string> {
    await this.run('journalctl', '--sync');
    return await this.run('journalctl', '--no-pager', '--output=cat', `--unit=${unit}`);
  }

  /** Adds or overwrites unit files, and reloads the manager. */
  async add(...units: readonly Units[]): Promise<void> {
    const texts = await Promise.all(units.map(readUnits));
    if (texts.length > 0) await this.addUnits(Object.assign({}, ...texts));
  }

  /**
   * Runs JavaScript in a {@link puppet}, and returns what the code returns. The code is the body of an async
   * function that can use all exports of libsystemd, `sd` (libsystemd/sd), `require`, and `keep`, an object that
   * stays the same for all calls. Waits while the puppet starts.
   */
  async runInService<T>(unit: string, source: string): Promise<T> {
    const path = this.path(`/run/${unit}.puppet`);
    for (const deadline = Date.now() + 10_000; ; await sleep(10)) {
      const socket = connect({ path, allowHalfOpen: true });
      try {
        await once(socket, 'connect');
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        const isStarting = code === 'ENOENT' || code === 'ECONNREFUSED';
        if (isStarting && Date.now() < deadline) continue;
        throw new Error(`${unit} can't be reached: ${code}\n${await this.journal(unit)}`);
      }
      socket.end(source);
      const answer = await text(socket);
      if (answer === '')
        throw new Error(
          `${unit} has ended instead of returning a value\n${await this.journal(unit)}`,
        );
      const { value, error } = JSON.parse(answer);
      if (error) throw Object.assign(new Error(error.message), error);
      return value;
    }
  }
}

/** Defines tests that share a bed. On a machine without beds, they are skipped, and their name says why. */
export function describeInBed(
  name: string,
  units: readonly Units[],
  tests: (bed: () => Bed) => void,
): void {
  const reason = whyNoBed();
  describe.skipIf(reason)(reason === undefined ? name : `${name} (skipped: ${reason})`, () => {
    let bed: Bed | undefined;
    beforeAll(async () => {
      bed = await Bed.start(...units);
    });
    afterAll(() => bed?.stop());
    tests(() => bed as Bed);
  });
}
