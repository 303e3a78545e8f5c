// A cgroup whose processes wait for memory, so that the kernel reports memory pressure.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

const MOUNT = '/sys/fs/cgroup';

/** Where cgroups of version 2 are: of their own, or beside those of version 1. */
const UNIFIED = [MOUNT, join(MOUNT, 'unified')].find((folder) =>
  existsSync(join(folder, 'cgroup.controllers')),
);

/** True when version 2 limits memory here. Otherwise version 1 does, in a group of its own. */
const IS_LIMITED_HERE =
  UNIFIED !== undefined &&
  readFileSync(join(UNIFIED, 'cgroup.subtree_control'), 'utf8').split(/\s/).includes('memory');

/** The reason why this machine can't make such a cgroup; undefined when it can. */
export function whyNoPressure(): string | undefined {
  if (process.getuid?.() !== 0) return 'a cgroup needs root';
  if (UNIFIED === undefined) return 'there are no cgroups of version 2';
  if (!existsSync('/proc/pressure/memory')) return 'the kernel has no /proc/pressure/memory';
  if (IS_LIMITED_HERE || existsSync(join(MOUNT, 'memory'))) return undefined;
  return 'no cgroup limits memory here';
}

/** The bytes that a group may have beside the processes that are in it from the start. */
const ROOM = 2 * 1024 * 1024;

const groups: PressedCgroup[] = [];

// A test that has timed out never comes to the end of its block, where `await using` removes the group.
afterAll(async () => {
  for (const group of groups.splice(0)) await group.remove();
});

/** Enters the groups $1 and $2, and runs a command there. */
const inGroups = (command: string) =>
  `sh -c 'echo $$ > "$1/cgroup.procs" && echo $$ > "$2/cgroup.procs" && ${command}' sh "$1" "$2"`;

/**
 * Needs far more memory than the group may have. memory.high lets a process wait that has it for itself; the page cache is
 * freed without waiting. The limit of version 1 kills such a process, and a writer waits for the page cache.
 */
const NEEDS_MEMORY = IS_LIMITED_HERE
  ? 'head -c 8M /dev/zero | tail > /dev/null'
  : 'head -c 16M /dev/zero > "$F"; cat "$F" > /dev/null';

/** As long as the test runs. The loop itself is not in the group, because the kernel may kill any process there. */
const WHILE_TESTED = `while kill -0 $PPID; do ${inGroups(NEEDS_MEMORY)}; done`;

/** The same for a few milliseconds. */
const SHORTLY = inGroups('head -c 3M /dev/zero > "$F"');

/** Removes a cgroup as soon as its last process is gone. */
async function removeCgroup(folder: string): Promise<void> {
  while (existsSync(folder)) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      await sleep(10);
    }
  }
}

export class PressedCgroup implements AsyncDisposable {
  /** The group, in which the kernel counts the waiting. */
  readonly folder: string;
  /** The group that limits memory, which may be the same one. */
  readonly #limit: string;
  /** The groups of the constructor. */
  readonly #made: readonly string[];
  readonly #file = join(temporaryFolder(), 'file');
  #squeezing: ChildProcess | undefined;

  /** @param folder - an existing cgroup of version 2, in which the processes shall be. Default: one of its own */
  constructor(folder?: string) {
    const name = `libsystemd-test-${process.pid}-${groups.push(this)}`;
    this.folder = folder ?? join(UNIFIED as string, name);
    this.#limit = IS_LIMITED_HERE ? this.folder : join(MOUNT, 'memory', name);
    this.#made = [this.folder, this.#limit].filter((one) => one !== folder);
    for (const one of this.#made) mkdirSync(one, { recursive: true });
    this.#setLimit();
  }

  /** Lets the group have some more than the processes that it has already. */
  #setLimit(): void {
    const [limit, used] = IS_LIMITED_HERE
      ? ['memory.high', 'memory.current']
      : ['memory.limit_in_bytes', 'memory.usage_in_bytes'];
    const bytes = Number(readFileSync(join(this.#limit, used), 'utf8'));
    writeFileSync(join(this.#limit, limit), String(bytes + ROOM));
  }

  /** The file for MEMORY_PRESSURE_WATCH. */
  get file(): string {
    return join(this.folder, 'memory.pressure');
  }

  #run(command: string): ChildProcess {
    return spawn('sh', ['-c', command, 'sh', this.#limit, this.folder], {
      env: { ...process.env, F: this.#file },
      stdio: 'ignore',
      detached: true,
    });
  }

  /** Begins to make processes of the group wait for memory, about half of the time. */
  squeeze(): void {
    this.#squeezing = this.#run(WHILE_TESTED);
  }

  /** Makes them wait for a few milliseconds. */
  async squeezeShortly(): Promise<void> {
    await once(this.#run(SHORTLY), 'exit');
  }

  /** Ends what {@link squeeze} has begun. */
  async relax(): Promise<void> {
    const child = this.#squeezing;
    this.#squeezing = undefined;
    if (child?.pid === undefined) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }

  /** The milliseconds of waiting so far. */
  get stalled(): number {
    const [, total] = /^some .* total=(\d+)/m.exec(readFileSync(this.file, 'utf8')) ?? [];
    return Number(total) / 1000;
  }

  /** Waits until processes of the group have waited for so many milliseconds. */
  async hasStalled(milliseconds: number): Promise<void> {
    while (this.stalled < milliseconds) await sleep(20);
  }

  /** Removes what the constructor has made, also when called again. */
  async remove(): Promise<void> {
    await this.relax();
    for (const folder of this.#made) await removeCgroup(folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}
