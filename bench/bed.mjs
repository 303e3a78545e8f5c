// A real systemd as PID 1 of namespaces of its own, made by test/manager/bed.sh, for as long as a
// measurement takes. It knows servers/ as /opt/servers, and beside them in /opt/node_modules this
// package and `empty`, a package of an empty file.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '..');
const NAMESPACES = ['--mount', '--pid', '--ipc', '--uts', '--net', '--cgroup'];

/** bench/ as the bed sees it. */
const BENCH = '/opt/node_modules/libsystemd/bench';

const UP_MS = 20_000;

/** Why there can be no bed here; undefined when there can. */
export function whyNoBed() {
  if (process.getuid() !== 0) return 'that needs root';
  for (const program of ['unshare', 'nsenter', 'setpriv']) {
    if (spawnSync(program, ['--version']).error) return `that needs ${program} (util-linux)`;
  }
  return existsSync('/lib/systemd/systemd') ? undefined : 'there is no /lib/systemd/systemd';
}

/** A service unit for one of servers/, which may be started as often as one likes. */
export function service(server, ...lines) {
  const start = `ExecStart=/usr/bin/node /opt/servers/${server}.mjs`;
  return ['[Unit]', 'StartLimitIntervalSec=0', '[Service]', start, ...lines, ''].join('\n');
}

/** The socket unit of the service of the same name. */
export function socket(port) {
  return `[Socket]\nListenStream=127.0.0.1:${port}\nTriggerLimitIntervalSec=0\n`;
}

class Bed {
  #pid;

  constructor(pid) {
    this.#pid = pid;
  }

  /** Runs a command beside the manager, on its network, and gives what it prints. */
  async run(command, ...args) {
    const enter = ['--target', this.#pid, ...NAMESPACES];
    const { stdout } = await run('nsenter', [...enter, command, ...args.map(String)]);
    return stdout;
  }

  /** Runs a program of bench/, whose answer is JSON. */
  async ask(program, ...args) {
    return JSON.parse(await this.run('/usr/bin/node', `${BENCH}/${program}`, ...args));
  }

  async untilUp() {
    let state = '';
    for (const end = Date.now() + UP_MS; Date.now() < end; await sleep(20)) {
      state = await this.run('systemctl', 'is-system-running').catch(({ stdout }) => stdout);
      if (/^(running|degraded)/.test(state)) return;
    }
    throw new Error(`The manager did not come up, it is ${state}`);
  }

  async furnish(units) {
    const path = (inBed) => `/proc/${this.#pid}/root${inBed}`;
    const empty = path('/opt/node_modules/empty');
    await mkdir(empty);
    await writeFile(join(empty, 'package.json'), '{ "exports": "./index.mjs" }');
    await writeFile(join(empty, 'index.mjs'), '');
    await cp(join(ROOT, 'bench/servers'), path('/opt/servers'), { recursive: true });
    for (const [name, content] of Object.entries(units)) {
      await writeFile(path(`/run/units/${name}`), content);
    }
    await this.run('systemctl', 'daemon-reload');
  }
}

/**
 * Gives what `use` makes of a bed whose manager knows these units, texts by their names. The bed ends
 * with that, and also with this process.
 */
export async function inBed(units, use) {
  const args = [String(process.pid), ROOT, process.execPath];
  const keeper = spawn(join(ROOT, 'test/manager/bed.sh'), args, {
    // A process group of its own, so that what kills this one's lets it clean up.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors = text(keeper.stderr);
  const gone = once(keeper, 'exit');
  const failed = gone.then(async () => Promise.reject(new Error(`No bed:\n${await errors}`)));
  failed.catch(() => {}); // also when it ends as it should
  try {
    const [pid] = await Promise.race([once(keeper.stdout, 'data'), failed]);
    const bed = new Bed(String(pid).trim());
    await bed.untilUp();
    await bed.furnish(units);
    return await use(bed);
  } finally {
    keeper.kill();
    await gone;
  }
}
