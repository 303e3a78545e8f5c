// Keep-alive messages, for as long as the event loop turns.
import { LONGEST_TIMER, now } from '../base/clock.ts';
import { SystemdError } from '../base/errors.ts';
import { warnOfHook } from '../base/hooks.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { processState } from '../base/process-state.ts';
import {
  invalidType,
  outOfRange,
  validateMilliseconds,
  validateOptions,
} from '../base/validate.ts';
import { warn } from '../base/warn.ts';
import { watchdogTimeout } from './manager-environment.ts';
import { notify } from './notify.ts';
import { isWaiting } from './queue.ts';
import { onWatchdogSent, sentWatchdogUsec } from './sent-state.ts';

/** What {@link watchdog.start} may be told. */
export interface WatchdogOptions {
  /** Milliseconds between two pings, less than the timeout. Default: half the timeout. */
  readonly interval?: number;
  /**
   * Asked before each ping. There is none when it returns false or a promise of false, throws,
   * rejects, or takes longer than the timeout. Any other answer, undefined too, is health. Default:
   * no check.
   */
  readonly check?: () => unknown;
  /** Told why a ping was not sent: the check's error, or ERR_SYSTEMD_UNHEALTHY. Default: a process warning. */
  readonly onError?: (error: unknown) => void;
}

/** The handle of one caller of {@link watchdog.start}. */
export interface Watchdog extends Disposable {
  /**
   * Ends this caller's part: its check is no longer asked. The pings end with the last caller's; the
   * manager then restarts the service once the timeout has passed.
   */
  stop(): void;
}

/** The names of these options, for the check. */
export const WATCHDOG_OPTIONS: OptionNames<WatchdogOptions> = {
  interval: true,
  check: true,
  onError: true,
};

const PING = 'WATCHDOG=1';
const USEC_PER_MSEC = 1000;

/** What the manager was told last counts; before, what it has told this process by the environment. */
function timeout(): number | undefined {
  const told = sentWatchdogUsec();
  if (told === undefined) return watchdogTimeout();
  return told === 0n ? undefined : Number(told) / USEC_PER_MSEC;
}

function ping(): boolean {
  return notify.send(PING);
}

/** While the manager doesn't read, one ping waits for it, and more would say no more. */
function pingOnce(): void {
  if (!isWaiting(PING)) ping();
}

function unhealthy(what: string): SystemdError {
  return new SystemdError(
    'ERR_SYSTEMD_UNHEALTHY',
    `The watchdog's check ${what}: no ping was sent`,
  );
}

/** One caller's part in the pings: its check, its interval, and whom it tells why there was no ping. */
class Watch implements Watchdog {
  readonly options: WatchdogOptions;
  readonly #onStop: (watch: Watch) => void;

  constructor(options: WatchdogOptions, onStop: (watch: Watch) => void) {
    this.options = options;
    this.#onStop = onStop;
  }

  stop(): void {
    this.#onStop(this);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

/** The checks that are asked for one ping. */
interface Round {
  readonly begun: number;
  /** Those that have not answered yet. */
  readonly asked: Set<Watch>;
  healthy: boolean;
}

const warnOfCheck = (error: unknown) => warnOfHook('watchdog.check', error);

/** Pings at an interval, as long as somebody wants them and every check is content. */
export class Pings {
  readonly #ping: () => void;
  readonly #watches = new Set<Watch>();
  /** Milliseconds; undefined: there are no pings. */
  #timeout: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #interval: number | undefined;
  /** undefined when no check is asked now. */
  #round: Round | undefined;
  #relaxed = false;

  constructor(ping: () => void) {
    this.#ping = ping;
  }

  /**
   * Takes part in the pings until the returned handle is stopped. The first part begins the pings, and the end
   * of the last one ends them.
   *
   * @param timeout - as it is known now; a program may have taken it out of the environment since
   */
  add(options: WatchdogOptions, timeout: number | undefined): Watchdog {
    const watch = new Watch(options, (ended) => this.#remove(ended));
    this.#watches.add(watch);
    const isFirst = this.#watches.size === 1;
    this.#timeout = isFirst ? timeout : (timeout ?? this.#timeout);
    this.#schedule();
    if (isFirst) this.#tick();
    return watch;
  }

  #remove(watch: Watch): void {
    this.#watches.delete(watch);
    this.#schedule();
    if (this.#round !== undefined) this.#answer(this.#round, watch, true);
  }

  /** Pings now, and from then on as this timeout wants it. */
  follow(timeout: number | undefined): void {
    this.#timeout = timeout;
    this.#schedule();
    this.#tick();
  }

  /** From now on no check is asked: that the event loop turns is enough. Or they are asked again. */
  relax(relaxed: boolean): void {
    this.#relaxed = relaxed;
    this.#round = undefined;
  }

  #schedule(): void {
    const interval = this.#wantedInterval();
    if (interval === this.#interval) return;
    this.#interval = interval;
    clearInterval(this.#timer);
    if (interval === undefined) return;
    this.#timer = setInterval(() => this.#tick(), Math.min(interval, LONGEST_TIMER));
    // The watchdog watches a service; it is no reason for one to go on.
    this.#timer.unref();
  }

  /** The shortest one that is asked for; half of a timeout that has become shorter than that. */
  #wantedInterval(): number | undefined {
    const timeout = this.#timeout;
    if (timeout === undefined || this.#watches.size === 0) return undefined;
    const intervals = [...this.#watches].map(({ options }) => options.interval ?? timeout / 2);
    const shortest = Math.min(...intervals);
    return shortest < timeout ? shortest : timeout / 2;
  }

  /** One round at a time: a second check would only add to what keeps the first one busy. */
  #tick(): void {
    if (this.#interval === undefined) return;
    if (this.#round !== undefined) {
      if (this.#isLate(this.#round)) {
        this.#report([...this.#round.asked], unhealthy(this.#lateness()), warn);
      }
      return;
    }
    const asked = this.#relaxed ? [] : [...this.#watches].filter(({ options }) => options.check);
    const round = { begun: now(), asked: new Set(asked), healthy: true };
    this.#round = round;
    for (const watch of asked) this.#ask(watch, round);
    this.#finish(round);
  }

  #ask(watch: Watch, round: Round): void {
    const isCurrent = () => this.#round === round; // else what it answers does not matter any more
    this.#askCheck(watch, round)
      .then(
        (what) => {
          if (what !== undefined && isCurrent()) this.#report([watch], unhealthy(what), warn);
          return what === undefined;
        },
        (error) => {
          if (isCurrent()) this.#report([watch], error, warnOfCheck);
          return false;
        },
      )
      .then((healthy) => {
        if (isCurrent()) this.#answer(round, watch, healthy);
      });
  }

  /** What is wrong; undefined when it is content. */
  async #askCheck({ options }: Watch, round: Round): Promise<string | undefined> {
    if ((await options.check?.()) === false) return 'returned false';
    return this.#isLate(round) ? this.#lateness() : undefined;
  }

  #answer(round: Round, watch: Watch, healthy: boolean): void {
    if (!round.asked.delete(watch)) return;
    round.healthy &&= healthy;
    this.#finish(round);
  }

  #finish(round: Round): void {
    if (this.#round !== round || round.asked.size > 0) return;
    this.#round = undefined;
    if (!round.healthy || this.#interval === undefined) return;
    try {
      this.#ping();
    } catch (error) {
      this.#report([...this.#watches], error, warn);
    }
  }

  #isLate({ begun }: Round): boolean {
    return now() - begun > (this.#timeout ?? Number.POSITIVE_INFINITY);
  }

  #lateness(): string {
    return `takes longer than the timeout of ${this.#timeout} ms`;
  }

  /** To none that was stopped, and by one warning for all that have no onError. */
  #report(watches: readonly Watch[], error: unknown, byDefault: (error: unknown) => void): void {
    const running = watches.filter((watch) => this.#watches.has(watch));
    for (const tell of new Set(running.map(({ options }) => options.onError ?? byDefault))) {
      try {
        tell(error);
      } catch (another) {
        warnOfHook('watchdog.onError', another);
      }
    }
  }
}

/**
 * @param limit - the timeout, where it is known
 * @param name - of the options, for the message
 */
export function validateWatchdog(
  options: WatchdogOptions,
  limit: number | undefined,
  name = 'options',
): void {
  validateOptions(options, name);
  const { interval, check, onError } = options;
  if (interval !== undefined) {
    validateMilliseconds(`${name}.interval`, interval);
    if (interval < 1 || (limit !== undefined && interval >= limit)) {
      const below = limit === undefined ? '' : ` and below the timeout of ${limit} ms`;
      throw outOfRange(`${name}.interval`, `1 millisecond or more${below}`, interval);
    }
  }
  for (const [key, value] of Object.entries({ check, onError })) {
    if (value !== undefined && typeof value !== 'function') {
      throw invalidType(`${name}.${key}`, 'of type function', value);
    }
  }
}

/** Those of this process, whichever copy of the package begins them. */
const ofProcess = processState('watchdog', () => {
  const pings = new Pings(pingOnce);
  onWatchdogSent(() => pings.follow(timeout()));
  return { pings };
});

function start(options: WatchdogOptions = {}): Watchdog {
  const taken = takeOptions(options, WATCHDOG_OPTIONS, 'watchdog.start()');
  const limit = timeout();
  validateWatchdog(taken, limit);
  return ofProcess.pings.add(taken, limit);
}

/**
 * From when a service stops no check is asked, because it may ask for what the stop hook has closed by
 * then. A service that starts has them asked again.
 */
export function relaxChecks(relaxed: boolean): void {
  ofProcess.pings.relax(relaxed);
}

/**
 * The service manager's watchdog (WatchdogSec=). When the unit has none, or it is meant for another
 * process (WATCHDOG_PID), nothing happens.
 *
 * @see sd_watchdog_enabled(3), version 209
 */
export const watchdog = {
  /**
   * The timeout in milliseconds, after which the manager acts: the unit's, or what
   * `notify.send({ watchdogTimeout })` has told the manager since.
   *
   * @returns undefined when off
   * @throws SystemdError EINVAL or ERANGE when WATCHDOG_USEC or WATCHDOG_PID are malformed
   * @see sd_watchdog_enabled(3), version 209
   */
  timeout,

  /**
   * Pings now and at an interval, for as long as the event loop turns, through a shutdown too, until
   * stopped. It does not keep the process alive. Several callers share the pings: the shortest
   * interval counts, every check must be content, and the pings end when all have stopped. They
   * follow a timeout that `notify.send({ watchdogTimeout })` tells the manager, and begin with it when
   * the unit has none.
   *
   * @param options - default {}: at half the timeout, without a check
   * @returns a handle of this caller's, also for `using`; when off it does nothing
   * @throws SystemdError as {@link watchdog.timeout}; failures to ping go to `onError`
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong
   * options
   * @see sd_watchdog_enabled(3), version 209
   */
  start,

  /**
   * WATCHDOG=1, once.
   *
   * @returns as {@link notify.send}, and so the errors
   * @see sd_notify(3)
   */
  ping,

  /**
   * WATCHDOG=trigger: has the manager act as if the timeout had passed.
   *
   * @param reason - STATUS= in the same message; default: none
   * @returns as {@link notify.send}, and so the errors
   * @see sd_notify(3), version 243
   */
  trigger: (reason?: string): boolean =>
    notify.send(
      reason === undefined ? { watchdog: 'trigger' } : { watchdog: 'trigger', status: reason },
    ),
};
