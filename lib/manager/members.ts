// The processes of one unit. A service manager knows them by a cgroup; this one, which needs no privilege, by their
// session, their process group and their environment.
import { isOutOfDescriptors } from '../base/errors.ts';
import { initialEnvironment, type ProcessFacts, readProcess, runningProcesses } from './proc.ts';
import { keepSpareDescriptor } from './spare-descriptor.ts';

/** Sends a signal. Returns false when there is no such process or group, or it belongs to another user. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}

/** The most rounds of SIGKILL: processes that fork faster than they are found must not keep the caller for ever. */
const MOST_ROUNDS = 50;

/** More starts than these are only remembered while processes of theirs run. */
const MOST_INVOCATIONS = 100;

/** True when the number of a leader belongs to nobody, or to a stranger, by now. */
function isOwnerless(
  leader: number,
  startedAt: number | undefined,
  running: readonly ProcessFacts[],
): boolean {
  const left = running.filter(({ group, session }) => group === leader || session === leader);
  if (left.some((one) => one.pid === leader && one.startedAt !== startedAt)) return true;
  // The leader may have forked and ended while /proc was read. The kernel knows whether its group is empty; a zombie in
  // the group is no harm, because nobody else gets the number before it is gone.
  return left.length === 0 && !sendSignal(-leader, 0);
}

/** The processes of one unit. */
export class Members {
  /** INVOCATION_ID of each start of the unit. A process that calls setsid(2) keeps it. */
  readonly #invocations = new Set<string>();
  /** The processes that were started for the unit, with their starts in ticks. Each leads a session. */
  readonly #leaders = new Map<number, number | undefined>();
  readonly #onForgotten: () => void;
  /** When the first one was started, in ticks. Older processes are none of this unit's. */
  #since: number | undefined;
  #seen: readonly ProcessFacts[] | undefined;

  /** @param onForgotten - called when one of {@link leaders} has nobody left in its session, and so is forgotten */
  constructor(onForgotten: () => void) {
    this.#onForgotten = onForgotten;
  }

  get invocations(): readonly string[] {
    return [...this.#invocations];
  }

  get leaders(): readonly number[] {
    return [...this.#leaders.keys()];
  }

  /** Returns an INVOCATION_ID for the processes that are started from now on. */
  invoke(): string {
    if (this.#invocations.size >= MOST_INVOCATIONS && this.all().length === 0)
      this.#invocations.clear();
    const invocation = crypto.randomUUID().replaceAll('-', '');
    this.#invocations.add(invocation);
    return invocation;
  }

  /** A process that was started for this unit, as the leader of a session and a process group. */
  add(leader: number): void {
    keepSpareDescriptor();
    const startedAt = readProcess(leader)?.startedAt;
    this.#leaders.set(leader, startedAt);
    this.#since ??= startedAt;
  }

  /** True for a process of this unit. */
  has(pid: number): boolean {
    const facts = readProcess(pid);
    return facts !== undefined && this.#includes(facts);
  }

  /**
   * All processes of this unit that run. To ask all processes of a machine takes milliseconds, so the answer is the
   * same until the present call from the event loop has ended.
   */
  all(): readonly ProcessFacts[] {
    if (this.#seen === undefined) queueMicrotask(() => this.#forget());
    this.#seen ??= this.#find();
    return this.#seen;
  }

  #forget(): void {
    this.#seen = undefined;
  }

  #find(): readonly ProcessFacts[] {
    const running = runningProcesses();
    const { size } = this.#leaders;
    for (const [leader, startedAt] of this.#leaders)
      if (isOwnerless(leader, startedAt, running)) this.#leaders.delete(leader);
    if (this.#leaders.size < size) this.#onForgotten();
    return running.filter((facts) => this.#includes(facts));
  }

  #includes({ pid, group, session, startedAt }: ProcessFacts): boolean {
    if (this.#leaders.has(session) || this.#leaders.has(group)) return true;
    // The environment is asked last, because that takes longest.
    if (this.#since === undefined || startedAt < this.#since) return false;
    return this.#invocations.has(initialEnvironment(pid)?.get('INVOCATION_ID') ?? '');
  }

  /** Kills all processes of this unit, also those that are started meanwhile. */
  kill(): void {
    if (this.#since === undefined) return;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      this.#forget();
      if (this.all().length === 0) break;
      for (const { pid } of this.all()) sendSignal(pid, 'SIGKILL');
    }
    this.#forget();
  }

  /**
   * Kills all processes of this unit, and calls `release`, which closes what the unit has open. Where no descriptor is
   * left to read /proc, the processes are found after that.
   */
  killAnd(release: () => void): void {
    let isKilled = false;
    try {
      this.kill();
      isKilled = true;
    } catch (error) {
      if (!isOutOfDescriptors(error)) throw error;
    }
    release();
    if (!isKilled) this.kill();
  }
}
