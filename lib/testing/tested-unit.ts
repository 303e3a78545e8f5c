// A unit under test: its service and its history, and whether it is open. The jobs of jobs/ work on it.
import type { Result } from '../manager/exit.ts';
import { type Describe, ManagedUnit } from '../manager/managed-unit.ts';
import { isEnding } from '../manager/proc.ts';
import type { ServiceRules } from '../manager/service.ts';
import type { StartedProcess } from '../manager/started-process.ts';
import { addressOf, type UnitAddress } from './address.ts';
import { adviceFor } from './advice.ts';
import { Changes, within } from './changes.ts';
import { Failures } from './failures.ts';
import { History } from './history.ts';
import { type Facts, type Job, report } from './report.ts';
import type { Exit, IgnoredSetting, Unit } from './unit.ts';
import { type Origin, UnitError, type UnitErrorCode } from './unit-error.ts';

/** What a unit is made of. */
export interface TestedUnitParts {
  readonly describe: Describe;
  readonly ignored: readonly IgnoredSetting[];
  readonly isExecStart: boolean;
  readonly strict: boolean;
  readonly signal: AbortSignal | undefined;
}

/** How long the output of a process that has ended is waited for: a child that is left may keep the pipe. */
const OUTPUT_TIMEOUT = 100;

/** How long the end of a process that the kernel ends already is waited for: it may have to write a core. */
const EXIT_TIMEOUT = 2000;

/** How long processes that got SIGKILL are waited for, in milliseconds. */
const KILL_TIMEOUT = 2000;

/** What a failure tells, beside all that is known: what did not happen, and in which job. */
export interface Failure {
  readonly job: Job;
  readonly what: string;
  /** Default: that of the unit; the service of a connection has its own. */
  readonly result?: Result;
  /** Default: ERR_SYSTEMD_UNIT. */
  readonly code?: UnitErrorCode;
}

export class TestedUnit {
  readonly parts: TestedUnitParts;
  readonly managed: ManagedUnit;
  readonly history: History;
  readonly failures: Failures;
  readonly #changes = new Changes();
  readonly #abort = () => this.endByForce();
  #sockets: readonly UnitAddress[] = [];
  #isOpen = false;
  #stops = 0;

  constructor(parts: TestedUnitParts) {
    this.parts = parts;
    this.history = new History(() => this.#changes.tell());
    this.managed = new ManagedUnit(parts.describe, this.history);
    this.history.attach(this.managed);
    this.failures = new Failures(this.managed);
  }

  // --- What it is like ---

  /** True while the unit may have processes and open sockets. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get rules(): ServiceRules {
    return this.managed.service.rules;
  }

  get state(): Unit['state'] {
    const { state } = this.rules;
    const { isListening, socketResult } = this.managed;
    if (state !== 'inactive') return state;
    if (socketResult !== 'success') return 'failed';
    return isListening ? 'listening' : state;
  }

  get result(): Result {
    const { result } = this.rules;
    return result === 'success' ? this.managed.socketResult : result;
  }

  /** True while nothing runs, of the unit and of its connections, and nothing is about to. */
  get hasEnded(): boolean {
    return this.managed.services.every(({ rules }) => rules.isAtRest);
  }

  /** True for a unit that has ended, and that nobody but the test starts again: no client does. */
  get isFinal(): boolean {
    return this.hasEnded && this.state !== 'listening';
  }

  /** The addresses of its sockets, also of those that it had before it was stopped. */
  get sockets(): readonly UnitAddress[] {
    return this.#sockets;
  }

  /** The last main process. */
  get main(): StartedProcess | undefined {
    return this.managed.service.lastMain;
  }

  get exit(): Exit {
    const { code = null, signal = null } = this.main?.exit ?? {};
    return { code, signal, result: this.rules.result };
  }

  /** How often the test has asked to stop it: a start that is under way then is given up. */
  get stops(): number {
    return this.#stops;
  }

  /** The test asks to stop it. */
  noteStop(): void {
    this.#stops++;
    this.#changes.tell();
  }

  // --- Waiting ---

  /**
   * Waits until the condition holds. Returns false if it does not within this time, or the unit is closed before.
   *
   * @param milliseconds - default: without end, because the rules have timeouts of their own
   */
  wait(condition: () => boolean, milliseconds = Number.POSITIVE_INFINITY): Promise<boolean> {
    return this.#changes.until(condition, milliseconds, () => !this.#isOpen);
  }

  /** Waits for the output of the processes that have ended. */
  outputRead(): Promise<void> {
    const read = this.managed.services.map((service) => service.outputRead());
    return within(OUTPUT_TIMEOUT, Promise.all(read));
  }

  /** Resolves when everything that was sent so far is processed. */
  async drain(): Promise<void> {
    await Promise.all(this.managed.services.map((service) => service.drain()));
  }

  /** Resolves when the ends of all processes that have ended by now are known. Node hears of them a moment later. */
  async exitsHeard(): Promise<void> {
    const ending = this.managed.services
      .flatMap(({ processes }) => processes)
      .filter(({ pid, endedAt }) => endedAt === undefined && isEnding(pid));
    await this.wait(() => ending.every(({ endedAt }) => endedAt !== undefined), EXIT_TIMEOUT);
  }

  // --- Opening and closing ---

  /** Opens the sockets, unless they are. */
  open(): void {
    this.#isOpen = true;
    try {
      if (!this.managed.open()) return;
      // To look at a socket takes a descriptor, and none may be left.
      this.history.opened();
      this.#sockets = this.managed.sockets.map(({ description, fd }) => addressOf(description, fd));
    } catch (error) {
      this.release();
      throw error;
    }
    this.parts.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Leaves nothing behind. */
  release(): void {
    this.#isOpen = false;
    this.managed.close();
    // What is stored until the next start is released by the abort, after which there is none.
    if (this.rules.stored.length === 0)
      this.parts.signal?.removeEventListener('abort', this.#abort);
    this.#changes.tell();
  }

  /** Leaves nothing behind, and waits until the processes that were killed by that have ended. */
  async releaseAndWait(): Promise<void> {
    this.release();
    const processes = this.managed.services.flatMap((service) => service.processes);
    await within(KILL_TIMEOUT, Promise.all(processes.map(({ closed }) => closed)));
  }

  /** The signal has aborted, so nobody can start the unit again, and take what is stored. */
  endByForce(): void {
    this.release();
    this.rules.releaseStore();
  }

  // --- Failures ---

  /** The error of a call, with the whole story of the unit. */
  error(origin: Origin, failure: Failure): UnitError {
    const { job, what, result = this.result, code = 'ERR_SYSTEMD_UNIT' } = failure;
    this.failures.noteKnown();
    const { description: unit } = this.managed;
    const facts = this.#facts(job, result);
    const message = report(`${unit.name} ${what}`, facts, adviceFor(facts));
    return origin.give(new UnitError(code, message, facts.problems));
  }

  #facts(job: Job, result: Result): Facts {
    const { services, description: unit, sockets, log } = this.managed;
    const { isExecStart } = this.parts;
    const { subState, mainPid, status } = this.rules;
    const { messages, problems, printed, errors } = this.history;
    return {
      ...{ job, unit, isExecStart, state: this.state, subState, result, mainPid, status, log },
      ...{ messages, problems, printed, errors },
      processes: services.flatMap(({ processes }) => processes),
      sockets: this.#isOpen
        ? this.#sockets.map((address, i) => ({ address, fd: sockets[i]?.fd }))
        : [],
    };
  }
}
