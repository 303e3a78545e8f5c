// What a bed does to the machine that it is on: nothing, while it runs and when it is gone.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm, rmdir, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { Bed } from './bed.ts';
import { whyNoBed } from './manager.mjs';

const reason = whyNoBed();
const why = reason === undefined ? '' : ` (skipped: ${reason})`;

const SYSCTLS = [
  ...['fs/file-max', 'fs/nr_open', 'kernel/core_pattern', 'kernel/hostname', 'kernel/pid_max'],
  ...['kernel/printk', 'net/core/somaxconn', 'net/unix/max_dgram_qlen', 'vm/overcommit_memory'],
];

/** A folder's entries as they are, without those that other tests make meanwhile. */
function entries(folder: string, only = /^/): string[] {
  const names = readdirSync(folder).filter((name) => only.test(name));
  return names.sort().map((name) => {
    const path = join(folder, name);
    const { mode, ino, size, mtimeMs } = lstatSync(path);
    return `${path} ${mode} ${ino} ${only.test('') ? `${size} ${mtimeMs}` : ''}`;
  });
}

function host(): unknown {
  return {
    temporary: ['/tmp', '/var/tmp', '/dev/shm'].map((folder) =>
      entries(folder, /systemd-private|libsystemd-bed|scribble/),
    ),
    folders: ['/etc', '/usr/bin', '/opt', '/var/lib'].map((folder) => entries(folder)),
    run: readdirSync('/run'),
    dev: readdirSync('/dev').filter((name) => name !== 'mqueue'), // by test/support/descriptors.ts
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
    cgroup: readFileSync('/proc/self/cgroup', 'utf8'),
    sysctls: SYSCTLS.map((name) => readFileSync(join('/proc/sys', name), 'utf8')),
  };
}

/** The cgroups of a bed, wherever this machine has mounted them. */
function cgroups(keeper: number): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const roots = mounts.filter((line) => / - cgroup2 /.test(line)).map((line) => line.split(' ')[4]);
  return roots.map((path) => `${path}/libsystemd-bed-${keeper}`).filter(existsSync);
}

function pidNamespace(pid: number | string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined; // it has ended
  }
}

/** The processes in a pid namespace. */
function inNamespace(namespace: string | undefined): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => namespace !== undefined && pidNamespace(pid) === namespace);
}

function runs(pid: number): boolean {
  return pidNamespace(pid) !== undefined; // a zombie has none
}

// Has a /tmp and a /var/tmp of its own, and then writes wherever the whole bed may. Kernel settings
// that every namespace shares are only asked for.
const SCRIBBLER = `[Service]
Type=oneshot
RemainAfterExit=yes
DynamicUser=yes
StateDirectory=scribbler
ExecStart=/bin/sh -c 'echo x > /tmp/scribble && echo x > /var/tmp/scribble'
ExecStart=+/bin/sh -c 'for folder in /tmp /var/tmp /run /dev/shm /dev /etc /usr/bin /var/lib /opt \\
  /opt/hello /opt/node_modules/libsystemd /usr/lib /root; do \\
  echo x > $$folder/scribble && echo $$folder; done; \\
  for setting in kernel/core_pattern fs/file-max net/unix/max_dgram_qlen; do \\
  test ! -w /proc/sys/$$setting || echo $$setting; done'
`;
/** All in memory, or on the bed's own network. */
const WRITABLE = [
  ...['/tmp', '/var/tmp', '/run', '/dev/shm', '/dev', '/etc', '/usr/bin', '/var/lib', '/opt'],
  'net/unix/max_dgram_qlen',
];

describe.skipIf(reason)(`a bed on its machine${why}`, () => {
  test('changes nothing outside, whatever is written in it', async () => {
    const before = host();
    const bed = await Bed.start({ 'scribbler.service': SCRIBBLER });
    const namespace = pidNamespace(bed.pid);
    try {
      await bed.systemctl('start', 'scribbler');
      const written = (await bed.journal('scribbler')).match(/^\/\S+$|^\w+\/\S+$/gm);
      expect(written).toEqual(WRITABLE);
      expect(host()).toEqual(before);
      expect(cgroups(bed.keeper)).toHaveLength(1);
    } finally {
      await bed.stop();
    }
    expect(inNamespace(namespace)).toEqual([]);
    expect(cgroups(bed.keeper)).toEqual([]);
    expect(host()).toEqual(before);
  });

  test('what is old in /tmp and /var/tmp is still there', async () => {
    // The host's own units would have systemd-tmpfiles remove it.
    const old = await Promise.all(
      ['/tmp', '/var/tmp'].map((folder) => mkdtemp(join(folder, 'canary-'))),
    );
    const longAgo = new Date(0);
    for (const folder of old) await utimes(folder, longAgo, longAgo);
    const bed = await Bed.start();
    await bed.stop();
    expect(old.map((folder) => existsSync(folder))).toEqual([true, true]);
    for (const folder of old) await rmdir(folder);
  });

  test.each([15, 25, 30, 35, 40, 45, 50])(
    'nothing is left of a bed that is ended after %d ms, while it starts',
    async (ms) => {
      const args = [String(process.pid), root, process.execPath, ''];
      const keeper = spawn(join(root, 'test/manager/bed.sh'), args, { stdio: 'ignore' });
      const ended = once(keeper, 'exit');
      await sleep(ms);
      keeper.kill('SIGTERM');
      await ended;
      expect(cgroups(keeper.pid as number)).toEqual([]);
    },
    10_000,
  );

  test.each<[who: string, kill: (run: ChildProcess, worker: number) => void]>([
    ['the test run', (run) => run.kill('SIGKILL')],
    ['the process that started the bed', (_run, worker) => process.kill(worker, 'SIGKILL')],
    ['the whole process group', (run) => process.kill(-(run.pid as number), 'SIGKILL')],
  ])('nothing is left of a bed when %s is killed', async (_who, kill) => {
    const folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
    const path = join(folder, 'held');
    const source = `
      import { startVitest } from 'vitest/node';
      const include = ['test/manager/programs/held-bed.ts'];
      await startVitest('test', [], { config: false, include, pool: 'forks', watch: false });
    `;
    const run = spawn(process.execPath, ['--input-type=module', '-e', source], {
      cwd: root,
      detached: true,
      env: { ...process.env, HELD_BED: path },
      stdio: 'ignore',
    });
    try {
      const ended = once(run, 'exit');
      await expect.poll(() => existsSync(path), { timeout: 20_000 }).toBe(true);
      const { worker, keeper, manager } = JSON.parse(await readFile(path, 'utf8'));
      const namespace = pidNamespace(manager);
      expect(inNamespace(namespace)).toContain(String(manager));
      expect(cgroups(keeper)).toHaveLength(1);
      kill(run, worker);
      const gone = { timeout: 10_000 };
      await expect.poll(() => inNamespace(namespace), gone).toEqual([]);
      await expect.poll(() => runs(keeper), gone).toBe(false);
      expect(cgroups(keeper)).toEqual([]);
      // The one of them that is not dead yet: neither is what this is about.
      run.kill('SIGKILL');
      if (runs(worker)) process.kill(worker, 'SIGKILL');
      await ended;
    } finally {
      run.kill('SIGKILL');
      await rm(folder, { recursive: true });
    }
  });
});
