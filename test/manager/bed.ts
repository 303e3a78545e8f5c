// A real systemd as PID 1 of namespaces of its own, for one test file. bed.sh makes it.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe } from 'vitest';
import { root } from '../support/tools.ts';

const run = promisify(execFile);

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

/** Where a bed has the repository. */
const REPOSITORY = '/opt/node_modules/libsystemd';

/** The unpacked packages of another version, made by fetch-systemd.mjs; '': the machine's own. */
export const OVERLAY = process.env.LIBSYSTEMD_TEST_SYSTEMD ?? '';

/** In milliseconds. */
const LONGEST_COMMAND = 300_000;

const NAMESPACES = ['--mount', '--pid', '--ipc', '--uts', '--net', '--cgroup'];

/** Why this machine can't have a bed; undefined when it can. */
export function whyNoBed(): string | undefined {
  if (process.platform !== 'linux') return 'a service manager needs Linux';
  if (process.getuid?.() !== 0) return 'a service manager of the test needs root';
  for (const program of ['unshare', 'nsenter', 'setpriv', 'pivot_root']) {
    const { error } = spawnSync(program, ['--version']);
    if (error) return `a service manager of the test needs ${program} (util-linux)`;
  }
  if (!existsSync('/lib/systemd/systemd')) return 'there is no /lib/systemd/systemd';
  const mounts = 'mount -t tmpfs t /dev/shm && mkdir /dev/shm/c && mount -t cgroup2 c /dev/shm/c';
  const { status, stderr } = spawnSync('unshare', [...NAMESPACES, '--fork', 'sh', '-c', mounts]);
  return status === 0 ? undefined : `namespaces or their mounts are not allowed: ${stderr}`.trim();
}

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

export class Bed {
  /** The version of systemd that runs in it. */
  readonly version: number;
  /** The manager's, seen from outside. */
  readonly pid: number;
  /** That of bed.sh. */
  readonly keeper: number;
  readonly #process: ChildProcess;
  readonly #gone: Promise<unknown>;

  private constructor(process: ChildProcess, gone: Promise<unknown>, pid: number, version: number) {
    this.#process = process;
    this.#gone = gone;
    this.keeper = process.pid as number;
    this.pid = pid;
    this.version = version;
  }

  /** Starts a manager that knows these units, and waits until it is up. */
  static async start(...units: readonly Units[]): Promise<Bed> {
    const args = [String(process.pid), root, process.execPath, OVERLAY];
    const child = spawn(join(root, 'test/manager/bed.sh'), args, {
      // A process group of its own, so that what kills the test run's lets it clean up.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Vitest's worker outlives a test run that was killed, for as long as a test hangs.
    process.once('disconnect', () => child.kill('SIGTERM'));
    const errors = text(child.stderr);
    const gone = once(child, 'exit');
    const pid = await Promise.race([
      once(child.stdout, 'data').then(([data]) => Number(String(data))),
      gone.then(async () => Promise.reject(new Error(`The bed failed:\n${await errors}`))),
    ]);
    const bed = new Bed(child, gone, pid, VERSION);
    try {
      await bed.#untilUp();
      await bed.add(...units);
    } catch (error) {
      await bed.stop();
      throw error;
    }
    return bed;
  }

  async #untilUp(): Promise<void> {
    let state = '';
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
      state = await this.systemctl('is-system-running').catch((error) => String(error.stdout));
      if (/^(running|degraded)/.test(state)) return;
      if (this.#process.exitCode !== null) throw new Error('The manager ended at once');
    }
    const log = await readFile(this.path('/dev/kmsg'), 'utf8').catch(String);
    throw new Error(`The manager did not come up, it is ${state}. It said:\n${log}`);
  }

  /** A path in the bed as a path outside: for its files, and for Unix sockets to connect to. */
  path(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  /** Runs a command beside the manager, and gives its standard output. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const enter = ['--target', String(this.pid), ...NAMESPACES, `--wd=${this.path(REPOSITORY)}`];
    const { stdout } = await run('nsenter', [...enter, command, ...args], {
      timeout: LONGEST_COMMAND,
    });
    return stdout;
  }

  /**
   * Runs a module of JavaScript beside the manager, on its network: what it gives to `result`.
   * The package goes by its name.
   */
  async evaluate<T>(source: string): Promise<T> {
    const end = 'const result = (value) => console.log(JSON.stringify(value));';
    return JSON.parse(await this.run('node', '--input-type=module', '-e', `${end}\n${source}`));
  }

  systemctl(...args: readonly string[]): Promise<string> {
    return this.run('systemctl', ...args);
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
    for (const some of units) {
      for (const [name, content] of Object.entries(await textOf(some))) {
        await writeFile(this.path(`/run/units/${name}`), content);
      }
    }
    if (units.length > 0) await this.systemctl('daemon-reload');
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

  /** Ends the manager and all it started, and waits until nothing of it is left. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.#gone;
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
