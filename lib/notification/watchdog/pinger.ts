// The pinger: pings at an interval, for as long as there are participants and all of their checks pass.
//
// The timer runs in the event loop, so an event loop that is blocked sends no pings. That is what the
// watchdog is for.
import { LONGEST_TIMER } from '../../base/clock.ts';
import { warn } from '../../base/warn.ts';
import { CheckRound } from './check-round.ts';
import type { WatchdogOptions } from './options.ts';
import { Participant, reportError, type Watchdog } from './participant.ts';

export class Pinger {
  readonly #ping: () => void;
  readonly #participants = new Set<Participant>();
  /** The watchdog timeout in milliseconds; undefined while the watchdog is off. */
  #timeout: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds between two pings; undefined while there are none. */
  #interval: number | undefined;
  /** The round of checks that runs now. */
  #round: CheckRound | undefined;
  #hasChecks = true;

  /** @param ping - sends one ping */
  constructor(ping: () => void) {
    this.#ping = ping;
  }

  /**
   * Adds a participant, until the returned handle is stopped. The first participant starts the pings,
   * and they end when the last one has stopped.
   *
   * @param timeout - the watchdog timeout in milliseconds. With undefined the earlier participants'
   * timeout stays, because the program may have removed WATCHDOG_USEC from the environment since
   */
  add(options: WatchdogOptions, timeout: number | undefined): Watchdog {
    const participant = new Participant(options, (stopped) => this.#remove(stopped));
    this.#participants.add(participant);
    const isFirst = this.#participants.size === 1;
    this.#timeout = isFirst ? timeout : (timeout ?? this.#timeout);
    this.#schedule();
    if (isFirst) this.#tick();
    return participant;
  }

  #remove(participant: Participant): void {
    this.#participants.delete(participant);
    this.#schedule();
    this.#round?.leave(participant);
  }

  /** Pings now, and from now on as often as this watchdog timeout needs. */
  changeTimeout(timeout: number | undefined): void {
    this.#timeout = timeout;
    this.#schedule();
    this.#tick();
  }

  /** From now on pings are sent without any check. */
  pauseChecks(): void {
    this.#hasChecks = false;
    this.#cancelRound();
  }

  resumeChecks(): void {
    this.#hasChecks = true;
    this.#cancelRound();
  }

  #cancelRound(): void {
    this.#round?.cancel();
    this.#round = undefined;
  }

  #schedule(): void {
    const interval = this.#shortestInterval();
    if (interval === this.#interval) return;
    this.#interval = interval;
    clearInterval(this.#timer);
    if (interval === undefined) return;
    this.#timer = setInterval(() => this.#tick(), Math.min(interval, LONGEST_TIMER));
    // A process that has nothing else to do may end: the watchdog does not keep it alive.
    this.#timer.unref();
  }

  /** The shortest interval of all participants; half the timeout when the timeout has become shorter. */
  #shortestInterval(): number | undefined {
    const timeout = this.#timeout;
    if (timeout === undefined || this.#participants.size === 0) return undefined;
    const intervals = [...this.#participants].map(({ options }) => options.interval ?? timeout / 2);
    const shortest = Math.min(...intervals);
    return shortest < timeout ? shortest : timeout / 2;
  }

  /** Begins a round of checks, which ends with a ping. One round runs at a time, however slow it is. */
  #tick(): void {
    if (this.#interval === undefined) return;
    if (this.#round !== undefined) {
      this.#round.reportIfLate();
      return;
    }
    this.#round = new CheckRound({
      participants: this.#hasChecks ? this.#participantsWithCheck() : [],
      timeout: () => this.#timeout,
      onEnd: (allPassed) => this.#endRound(allPassed),
    });
    this.#round.begin();
  }

  #participantsWithCheck(): readonly Participant[] {
    return [...this.#participants].filter(({ options }) => options.check !== undefined);
  }

  #endRound(allPassed: boolean): void {
    this.#round = undefined;
    if (!allPassed || this.#interval === undefined) return;
    try {
      this.#ping();
    } catch (error) {
      reportError(this.#participants, error, warn);
    }
  }
}
