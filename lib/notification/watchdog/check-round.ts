// A round of health checks: before a ping every participant's check is called once, and all of them
// have to pass.
import { now } from '../../base/clock.ts';
import { warnOfHook } from '../../base/hooks.ts';
import { warn } from '../../base/warn.ts';
import { type Participant, reportError, unhealthyError } from './participant.ts';

const warnOfCheck = (error: unknown) => warnOfHook('watchdog.check', error);

export interface CheckRoundOptions {
  /** The participants that have a check. */
  readonly participants: readonly Participant[];
  /** The watchdog timeout in milliseconds, as it is at the time of the call. */
  readonly timeout: () => number | undefined;
  /** Called once all checks have answered. */
  readonly onEnd: (allPassed: boolean) => void;
}

export class CheckRound {
  readonly #begun = now();
  readonly #unanswered: Set<Participant>;
  readonly #timeout: () => number | undefined;
  readonly #onEnd: (allPassed: boolean) => void;
  #allPassed = true;
  /** True once all checks have answered, or the round was cancelled. Later answers do not matter. */
  #isOver = false;

  constructor({ participants, timeout, onEnd }: CheckRoundOptions) {
    this.#unanswered = new Set(participants);
    this.#timeout = timeout;
    this.#onEnd = onEnd;
  }

  /** Calls all checks. Without a check the round ends at once. */
  begin(): void {
    for (const participant of [...this.#unanswered]) this.#runCheck(participant);
    this.#endIfAllAnswered();
  }

  /** Ends the round without a result. */
  cancel(): void {
    this.#isOver = true;
  }

  /** Goes on without this participant, whose check counts as passed. */
  leave(participant: Participant): void {
    this.#recordAnswer(participant, true);
  }

  /** Reports the checks that have not answered within the watchdog timeout. */
  reportIfLate(): void {
    if (this.#isLate()) reportError(this.#unanswered, unhealthyError(this.#lateness()), warn);
  }

  #runCheck(participant: Participant): void {
    this.#failureOf(participant)
      .then(
        (failure) => {
          if (failure === undefined) return true;
          if (!this.#isOver) reportError([participant], unhealthyError(failure), warn);
          return false;
        },
        (error) => {
          if (!this.#isOver) reportError([participant], error, warnOfCheck);
          return false;
        },
      )
      .then((hasPassed) => this.#recordAnswer(participant, hasPassed));
  }

  /** Resolves with how the check failed; with undefined when it passed. Rejects as the check does. */
  async #failureOf({ options }: Participant): Promise<string | undefined> {
    if ((await options.check?.()) === false) return 'returned false';
    return this.#isLate() ? this.#lateness() : undefined;
  }

  #recordAnswer(participant: Participant, hasPassed: boolean): void {
    if (!this.#unanswered.delete(participant)) return;
    this.#allPassed &&= hasPassed;
    this.#endIfAllAnswered();
  }

  #endIfAllAnswered(): void {
    if (this.#isOver || this.#unanswered.size > 0) return;
    this.#isOver = true;
    this.#onEnd(this.#allPassed);
  }

  #isLate(): boolean {
    return now() - this.#begun > (this.#timeout() ?? Number.POSITIVE_INFINITY);
  }

  #lateness(): string {
    return `takes longer than the timeout of ${this.#timeout()} ms`;
  }
}
