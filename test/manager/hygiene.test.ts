// A bed changes nothing on its machine, neither while it runs nor after its end.
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
const skipped = reason === undefined ? '' : ` (skipped: ${reason})`;

const SYSCTLS = [
  ...['fs/file-max', 'fs/nr_open', 'kernel/core_pattern', 'kernel/hostname', 'kernel/pid_max'],
  ...['kernel/printk', 'net/core/somaxconn', 'net/unix/max_dgram_qlen', 'vm/overcommit_memory'],
];

/** Describes the entries of a folder whose names match `only`, because other tests make further entries meanwhile. */
function describeEntries(folder: string, only = /^/): string[] {
  const names = readdirSync(folder).filter((name) => only.test(name));
  return names.sort().map((name) => {
    const path = join(folder, name);
    const { mode, ino, size, mtimeMs } = lstatSync(path);
    return `${path} ${mode} ${ino} ${only.test('') ? `${size} ${mtimeMs}` : ''}`;
  });
}

/** The state of this machine that a bed could change. */
function hostState(): unknown {
  return {
    temporary: ['/tmp', '/var/tmp', '/dev/shm'].map((folder) =>
      describeEntries(folder, /systemd-private|libsystemd-bed|scribble/),
    ),
    folders: ['/etc', '/usr/bin', '/opt', '/var/lib'].map((folder) => describeEntries(folder)),
    run: readdirSync('/run'),
    dev: readdirSync('/dev').filter((name) => name !== 'mqueue'), // by test/support/descriptors.ts
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
    cgroup: readFileSync('/proc/self/cgroup', 'utf8'),
    sysctls: SYSCTLS.map((name) => readFileSync(join('/proc/sys', name), 'utf8')),
  };
}

/** The cgroups of a bed, in all places where this machine has mounted cgroups. */
function cgroupsOf(keeper: number): string[] {
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

/** The pids of the processes in a pid namespace. */
function processesIn(namespace: string | undefined): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => namespace !== undefined && pidNamespace(pid) === namespace);
}

function isRunning(pid: number): boolean {
  return pidNamespace(pid) !== undefined; // a zombie has no namespace
}

// A unit that writes to its private /tmp and /var/tmp, and then to every folder that is writable in the bed. For kernel
// settings that all namespaces share, the unit only tests whether they are writable.
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
/** What the bed can write: folders in memory, and settings of its own network. */
const WRITABLE = [
  ...['/tmp', '/var/tmp', '/run', '/dev/shm', '/dev', '/etc', '/usr/bin', '/var/lib', '/opt'],
  'net/unix/max_dgram_qlen',
];

describe.skipIf(reason)(`a bed on its machine${skipped}`, () => {
  test('changes nothing outside, whatever a service in the bed writes', async () => {
    const before = hostState();
    const bed = await Bed.start({ 'scribbler.service': SCRIBBLER });
    const namespace = pidNamespace(bed.pid);
    try {
      await bed.systemctl('start', 'scribbler');
      const written = (await bed.journal('scribbler')).match(/^\/\S+$|^\w+\/\S+$/gm);
      expect(written).toEqual(WRITABLE);
      expect(hostState()).toEqual(before);
      expect(cgroupsOf(bed.keeper)).toHaveLength(1);
    } finally {
      await bed.stop();
    }
    expect(processesIn(namespace)).toEqual([]);
    expect(cgroupsOf(bed.keeper)).toEqual([]);
    expect(hostState()).toEqual(before);
  });

  test('keeps old folders in /tmp and /var/tmp', async () => {
    // The host's own units would let systemd-tmpfiles remove them.
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
    'leaves nothing when it is ended %d ms after its start',
    async (ms) => {
      const args = [String(process.pid), root, process.execPath, ''];
      const keeper = spawn(join(root, 'test/manager/bed.sh'), args, { stdio: 'ignore' });
      const ended = once(keeper, 'exit');
      await sleep(ms);
      keeper.kill('SIGTERM');
      await ended;
      expect(cgroupsOf(keeper.pid as number)).toEqual([]);
    },
    10_000,
  );

  test.each<[killed: string, kill: (run: ChildProcess, worker: number) => void]>([
    ['the test run', (run) => run.kill('SIGKILL')],
    ['the process that started the bed', (_run, worker) => process.kill(worker, 'SIGKILL')],
    ['the whole process group', (run) => process.kill(-(run.pid as number), 'SIGKILL')],
  ])('leaves nothing when %s is killed', async (_killed, kill) => {
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
      expect(processesIn(namespace)).toContain(String(manager));
      expect(cgroupsOf(keeper)).toHaveLength(1);
      kill(run, worker);
      const patiently = { timeout: 10_000 };
      await expect.poll(() => processesIn(namespace), patiently).toEqual([]);
      await expect.poll(() => isRunning(keeper), patiently).toBe(false);
      expect(cgroupsOf(keeper)).toEqual([]);
      // Ends whichever of the two the test has not killed.
      run.kill('SIGKILL');
      if (isRunning(worker)) process.kill(worker, 'SIGKILL');
      await ended;
    } finally {
      run.kill('SIGKILL');
      await rm(folder, { recursive: true });
    }
  });
});
