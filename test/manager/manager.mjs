// A real systemd as PID 1 of new namespaces, which bed.sh makes. In JavaScript, because not only the tests (bed.ts)
// but also the measurements (bench/bed.mjs) use it.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');

/** The path of the repository in a bed. */
export const REPOSITORY = '/opt/node_modules/libsystemd';

/** The milliseconds that a command in the bed may take. */
const COMMAND_TIMEOUT = 300_000;

/** The milliseconds until the manager is up. */
const START_TIMEOUT = 20_000;

const NAMESPACES = ['--mount', '--pid', '--ipc', '--uts', '--net', '--cgroup'];

/** The reason why this machine can't run a bed; undefined when it can. */
export function whyNoBed() {
  if (process.platform !== 'linux') return 'a service manager needs Linux';
  if (process.getuid?.() !== 0) return 'a service manager needs root';
  for (const program of ['unshare', 'nsenter', 'setpriv', 'pivot_root']) {
    const { error } = spawnSync(program, ['--version']);
    if (error) return `a service manager needs ${program} (util-linux)`;
  }
  if (!existsSync('/lib/systemd/systemd')) return 'there is no /lib/systemd/systemd';
  const mounts = 'mount -t tmpfs t /dev/shm && mkdir /dev/shm/c && mount -t cgroup2 c /dev/shm/c';
  const { status, stderr } = spawnSync('unshare', [...NAMESPACES, '--fork', 'sh', '-c', mounts]);
  return status === 0 ? undefined : `namespaces or their mounts are not allowed: ${stderr}`.trim();
}

export class Manager {
  /** The manager's pid outside of the bed. */
  pid = 0;
  #keeper;
  #keeperExit;

  constructor(keeper) {
    this.#keeper = keeper;
    this.#keeperExit = once(keeper, 'exit');
  }

  /** Starts a manager, and waits until it is up. The manager ends with this process at the latest. */
  static async launch(overlay = '') {
    const args = [String(process.pid), root, process.execPath, overlay];
    const keeper = spawn(join(root, 'test/manager/bed.sh'), args, {
      // A new process group, so that bed.sh can clean up when the group of the test run is killed.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // While a test hangs, Vitest's worker process goes on after a kill of the test run.
    process.once('disconnect', () => keeper.kill('SIGTERM'));
    const manager = new this(keeper);
    try {
      await manager.#waitUntilUp();
    } catch (error) {
      await manager.stop();
      throw error;
    }
    return manager;
  }

  async #waitUntilUp() {
    const errors = text(this.#keeper.stderr);
    const failed = this.#keeperExit.then(async () => {
      throw new Error(`The bed failed:\n${await errors}`);
    });
    failed.catch(() => {}); // `failed` also rejects when the bed ends in order
    const [pid] = await Promise.race([once(this.#keeper.stdout, 'data'), failed]);
    this.pid = Number(String(pid));
    let state = '';
    for (const deadline = Date.now() + START_TIMEOUT; Date.now() < deadline; await sleep(20)) {
      state = await this.systemctl('is-system-running').catch((error) => String(error.stdout));
      if (/^(running|degraded)/.test(state)) return;
      if (this.#keeper.exitCode !== null)
        throw new Error('The manager has ended before it was running');
    }
    const log = await readFile(this.path('/dev/kmsg'), 'utf8').catch(String);
    throw new Error(
      `The manager is ${state} after ${START_TIMEOUT} ms, and should be running. Its log:\n${log}`,
    );
  }

  /** The pid of bed.sh. */
  get keeper() {
    return this.#keeper.pid;
  }

  /** The path outside of the bed for a file or Unix socket in the bed. */
  path(path) {
    return `/proc/${this.pid}/root${path}`;
  }

  /** Runs a command in the bed, and returns its standard output. */
  async run(command, ...args) {
    const enter = ['--target', String(this.pid), ...NAMESPACES, `--wd=${this.path(REPOSITORY)}`];
    const { stdout } = await run('nsenter', [...enter, command, ...args], {
      timeout: COMMAND_TIMEOUT,
    });
    return stdout;
  }

  systemctl(...args) {
    return this.run('systemctl', ...args);
  }

  /** Writes unit files, given as names with texts, and reloads the manager. */
  async addUnits(units) {
    for (const [name, content] of Object.entries(units)) {
      await writeFile(this.path(`/run/units/${name}`), content);
    }
    await this.systemctl('daemon-reload');
  }

  /** Ends the manager with all its processes, and waits until bed.sh has cleaned up. */
  async stop() {
    this.#keeper.kill('SIGTERM');
    await this.#keeperExit;
  }
}
