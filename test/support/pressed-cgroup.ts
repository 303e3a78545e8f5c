// A cgroup whose processes wait for memory, so that the kernel reports memory pressure.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

let groups = 0;

/** Enters the groups $1 and $2, and runs a command there. */
const inGroups = (command: string) =>
  `sh -c 'echo $$ > "$1/cgroup.procs" && echo $$ > "$2/cgroup.procs" && ${command}' sh "$1" "$2"`;

/**
 * Needs far more of the page cache than the group may have, for as long as the test runs. The loop itself is not in the
 * group, because the kernel may kill any process there.
 */
const WHILE_TESTED = `while kill -0 $PPID; do ${inGroups('head -c 16M /dev/zero > "$F"; cat "$F" > /dev/null')}; done`;

/** The same for a few milliseconds. */
const SHORTLY = inGroups('head -c 3M /dev/zero > "$F"');

export class PressedCgroup implements AsyncDisposable {
  /** The group, in which the kernel counts the waiting. */
  readonly folder: string;
  /** The group that limits memory, which may be the same one. */
  readonly #limit: string;
  readonly #isOwn: boolean;
  readonly #file = join(temporaryFolder(), 'file');
  #squeezing: ChildProcess | undefined;

  /** @param folder - an existing cgroup of version 2, in which the processes shall be. Default: one of its own */
  constructor(folder?: string) {
    const name = `libsystemd-test-${process.pid}-${groups++}`;
    this.#isOwn = folder === undefined;
    this.folder = folder ?? join(UNIFIED as string, name);
    this.#limit = IS_LIMITED_HERE ? this.folder : join(MOUNT, 'memory', name);
    mkdirSync(this.folder, { recursive: true });
    mkdirSync(this.#limit, { recursive: true });
    if (IS_LIMITED_HERE) writeFileSync(join(this.#limit, 'memory.high'), '4M');
    else writeFileSync(join(this.#limit, 'memory.limit_in_bytes'), '2M');
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

  /** Removes the group, as soon as its last process is gone. */
  async remove(): Promise<void> {
    await this.relax();
    for (const folder of new Set([...(this.#isOwn ? [this.folder] : []), this.#limit])) {
      while (existsSync(folder)) {
        try {
          rmdirSync(folder);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
          await sleep(10);
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}
