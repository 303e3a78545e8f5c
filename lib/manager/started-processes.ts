// The processes that were started for a service, one after another.
import type { StartedProcess } from './started-process.ts';

/** So many processes that have ended are remembered: one that restarts for days must not fill the memory. */
const MOST_ENDED = 100;

export class StartedProcesses {
  readonly #all: StartedProcess[] = [];

  /** The oldest first; of those that have ended, the last hundred or so. */
  get all(): readonly StartedProcess[] {
    return this.#all;
  }

  add(started: StartedProcess): void {
    const ended = this.#all.findIndex(({ endedAt }) => endedAt !== undefined);
    if (this.#all.length >= MOST_ENDED && ended >= 0) this.#all.splice(ended, 1);
    this.#all.push(started);
  }

  /** The last main process. */
  get lastMain(): StartedProcess | undefined {
    return this.#all.findLast(({ role }) => role === 'main');
  }

  /** The last process of this pid, which may have ended. */
  find(pid: number): StartedProcess | undefined {
    return this.#all.findLast((one) => one.pid === pid);
  }

  /** True for a process of which Node will tell that it has ended. */
  isRunning(pid: number): boolean {
    return this.#all.some((one) => one.pid === pid && one.endedAt === undefined);
  }

  /** Resolves when all that the ended processes had written was read. */
  async outputRead(): Promise<void> {
    const ended = this.#all.filter(({ endedAt }) => endedAt !== undefined);
    await Promise.all(ended.map(({ closed }) => closed));
  }
}
