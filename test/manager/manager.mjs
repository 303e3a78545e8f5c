// A real systemd as PID 1 of namespaces of its own, which bed.sh makes: for the tests (bed.ts) and for
// measurements (bench/bed.mjs), and so in JavaScript.
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

/** Where a bed has the repository. */
export const REPOSITORY = '/opt/node_modules/libsystemd';

/** In milliseconds. */
const LONGEST_COMMAND = 300_000;
const LONGEST_START = 20_000;

const NAMESPACES = ['--mount', '--pid', '--ipc', '--uts', '--net', '--cgroup'];

/** Why this machine can't have a bed; undefined when it can. */
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
  /** The manager's, seen from outside. */
  pid = 0;
  #keeper;
  #gone;

  constructor(keeper) {
    this.#keeper = keeper;
    this.#gone = once(keeper, 'exit');
  }

  /** Starts a manager, and waits until it is up. It ends with this process at the latest. */
  static async launch(overlay = '') {
    const args = [String(process.pid), root, process.execPath, overlay];
    const keeper = spawn(join(root, 'test/manager/bed.sh'), args, {
      // A process group of its own, so that what kills the test run's lets it clean up.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Vitest's worker outlives a test run that was killed, for as long as a test hangs.
    process.once('disconnect', () => keeper.kill('SIGTERM'));
    const manager = new this(keeper);
    try {
      await manager.#untilUp();
    } catch (error) {
      await manager.stop();
      throw error;
    }
    return manager;
  }

  async #untilUp() {
    const errors = text(this.#keeper.stderr);
    const failed = this.#gone.then(async () => {
      throw new Error(`The bed failed:\n${await errors}`);
    });
    failed.catch(() => {}); // also when it ends as it should
    const [pid] = await Promise.race([once(this.#keeper.stdout, 'data'), failed]);
    this.pid = Number(String(pid));
    let state = '';
    for (const deadline = Date.now() + LONGEST_START; Date.now() < deadline; await sleep(20)) {
      state = await this.systemctl('is-system-running').catch((error) => String(error.stdout));
      if (/^(running|degraded)/.test(state)) return;
      if (this.#keeper.exitCode !== null) throw new Error('The manager ended at once');
    }
    const log = await readFile(this.path('/dev/kmsg'), 'utf8').catch(String);
    throw new Error(`The manager did not come up, it is ${state}. It said:\n${log}`);
  }

  /** The pid of bed.sh. */
  get keeper() {
    return this.#keeper.pid;
  }

  /** A path in the bed as a path outside: for its files, and for Unix sockets to connect to. */
  path(path) {
    return `/proc/${this.pid}/root${path}`;
  }

  /** Runs a command beside the manager, on its network, and gives its standard output. */
  async run(command, ...args) {
    const enter = ['--target', String(this.pid), ...NAMESPACES, `--wd=${this.path(REPOSITORY)}`];
    const { stdout } = await run('nsenter', [...enter, command, ...args], {
      timeout: LONGEST_COMMAND,
    });
    return stdout;
  }

  systemctl(...args) {
    return this.run('systemctl', ...args);
  }

  /** Adds units, texts by their names, or writes them anew, and lets the manager know. */
  async addUnits(units) {
    for (const [name, content] of Object.entries(units)) {
      await writeFile(this.path(`/run/units/${name}`), content);
    }
    await this.systemctl('daemon-reload');
  }

  /** Ends the manager and all it started, and waits until nothing of it is left. */
  async stop() {
    this.#keeper.kill('SIGTERM');
    await this.#gone;
  }
}
