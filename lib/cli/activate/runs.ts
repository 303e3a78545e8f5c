// The runs of the program of a unit, one after another, as they are told.
import type { StartedProcess } from '../../manager/started-process.ts';
import type { ProcessExit } from '../../manager/world.ts';
import type { History } from '../../testing/history.ts';
import type { Next, Tell } from './events.ts';
import { waitingConnections } from './listening.ts';
import { ProgramRun, type RunningUnit } from './program-run.ts';

const now = () => performance.now();

export class Runs {
  readonly #unit: RunningUnit;
  readonly #history: History;
  readonly #tell: Tell;
  readonly #onSlow: () => void;
  /** The present run, as long as its end was not told. */
  #present: ProgramRun | undefined;
  #lastStarted: StartedProcess | undefined;
  #lastEnded: StartedProcess | undefined;
  /** When the program was told to stop for a change. */
  #leftAt: number | undefined;

  /** @param onSlow - called when a start has taken too long */
  constructor(unit: RunningUnit, history: History, tell: Tell, onSlow: () => void) {
    this.#unit = unit;
    this.#history = history;
    this.#tell = tell;
    this.#onSlow = onSlow;
  }

  /** True from the start of the program until its end was told. */
  get isRunning(): boolean {
    return this.#present !== undefined;
  }

  /** True while a start is under way, and has not taken too long. */
  get isStarting(): boolean {
    return this.#present?.isStarting === true;
  }

  /** How the program has ended last. */
  get lastExit(): ProcessExit | undefined {
    return this.#lastEnded?.exit;
  }

  /** Tells of main processes that were started since the last call. Returns true when there are any. */
  follow(): boolean {
    const { processes } = this.#unit.service;
    const known = this.#lastStarted === undefined ? -1 : processes.indexOf(this.#lastStarted);
    this.#lastStarted = processes.at(-1);
    const started = processes.slice(known + 1).filter(({ role }) => role === 'main');
    for (const process of started) {
      if (this.isRunning) this.tellExit('now');
      this.#present = new ProgramRun(process, this.#unit, this.#tell, this.#onSlow);
    }
    return started.length > 0;
  }

  /** Tells that the start is complete, once. Returns true when it has just become so. */
  tellReadiness(): boolean {
    const away = this.#leftAt === undefined ? undefined : now() - this.#leftAt;
    if (!this.#present?.tellReadiness(away)) return false;
    this.#leftAt = undefined;
    this.#history.look();
    return true;
  }

  /** Tells that the program is told to stop, if it runs, after a last look at it. */
  tellStop(signal: NodeJS.Signals, why: 'change' | NodeJS.Signals): void {
    if (!this.isRunning) return;
    if (why === 'change') this.#leftAt = now();
    this.#history.look();
    this.#tell({ event: 'stopping', signal, why });
  }

  /** Tells how the present run has ended. */
  tellExit(next: Next): void {
    const run = this.#present;
    this.#lastEnded = run?.process;
    this.#present = undefined;
    run?.tellExit(next, waitingConnections(this.#unit.sockets));
  }

  close(): void {
    this.#present?.close();
  }
}
