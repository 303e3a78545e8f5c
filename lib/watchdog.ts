// Keep-alive messages, for as long as the event loop turns.
import { LONGEST_TIMER, now } from './clock.ts';
import {
  invalidType,
  outOfRange,
  SystemdError,
  validateMilliseconds,
  validateOptions,
  warn,
} from './errors.ts';
import { watchdogTimeout as timeout } from './manager-environment.ts';
import { notify } from './notify.ts';
import { type OptionNames, takeOptions } from './options.ts';
import { isWaiting } from './sender.ts';

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

/** A running watchdog. */
export interface Watchdog extends Disposable {
  /** Ends the pings. The manager then restarts the service once the timeout has passed. */
  stop(): void;
}

/** Their names, for the check. */
export const WATCHDOG_OPTIONS: OptionNames<WatchdogOptions> = {
  interval: true,
  check: true,
  onError: true,
};

const PING = 'WATCHDOG=1';

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

class Pinger implements Watchdog {
  readonly #timeout: number;
  readonly #ping: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly #check: NonNullable<WatchdogOptions['check']>;
  readonly #onError: NonNullable<WatchdogOptions['onError']>;
  /** When the check that runs now was begun; undefined when none runs. */
  #begun: number | undefined;
  #stopped = false;

  constructor(timeout: number, ping: () => void, options: WatchdogOptions) {
    const { interval = timeout / 2, check, onError } = options;
    this.#timeout = timeout;
    this.#ping = ping;
    this.#check = check ?? (() => true);
    this.#onError = onError ?? warn;
    this.#timer = setInterval(() => this.tick(), Math.min(interval, LONGEST_TIMER));
    // The watchdog watches a service; it is no reason for one to go on.
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    if (running === this) running = undefined;
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** One check at a time: a second would only add to what keeps the first one busy. */
  tick(): void {
    if (this.#begun !== undefined) {
      if (this.#isLate()) this.#report(this.#tooLate());
      return;
    }
    this.#begun = now();
    this.#pingIfHealthy()
      .catch((error) => this.#report(error))
      .finally(() => {
        this.#begun = undefined;
      });
  }

  async #pingIfHealthy(): Promise<void> {
    const healthy = await this.#check();
    if (this.#stopped) return;
    if (healthy === false) throw unhealthy('returned false');
    if (this.#isLate()) throw this.#tooLate();
    this.#ping();
  }

  #isLate(): boolean {
    return now() - (this.#begun ?? 0) > this.#timeout;
  }

  #tooLate(): SystemdError {
    return unhealthy(`takes longer than the timeout of ${this.#timeout} ms`);
  }

  #report(error: unknown): void {
    if (this.#stopped) return;
    try {
      this.#onError(error);
    } catch (another) {
      warn(another);
    }
  }
}

let running: Watchdog | undefined;

/** What start() gives when there is nothing to do. */
const OFF: Watchdog = Object.freeze({ stop() {}, [Symbol.dispose]() {} });

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

function start(asked: WatchdogOptions = {}): Watchdog {
  const options = takeOptions(asked, WATCHDOG_OPTIONS, 'watchdog.start()');
  const limit = timeout();
  validateWatchdog(options, limit);
  if (limit === undefined) return OFF;
  if (running === undefined) {
    const pinger = new Pinger(limit, pingOnce, options);
    running = pinger; // before it asks its check, which may call this
    pinger.tick();
  }
  return running;
}

/** Pings of any kind, by the rules of {@link watchdog.start}: one at once, the others at an interval. */
export function startPings(timeout: number, ping: () => void, options: WatchdogOptions): Watchdog {
  const pinger = new Pinger(timeout, ping, options);
  pinger.tick();
  return pinger;
}

/**
 * The service manager's watchdog (WatchdogSec=). When the unit has none, or it is meant for another
 * process (WATCHDOG_PID), nothing happens.
 *
 * @see sd_watchdog_enabled(3), version 209
 */
export const watchdog = {
  /**
   * The timeout in milliseconds, after which the manager acts.
   *
   * @returns undefined when off
   * @throws SystemdError EINVAL or ERANGE when WATCHDOG_USEC or WATCHDOG_PID are malformed
   * @see sd_watchdog_enabled(3), version 209
   */
  timeout,

  /**
   * Pings now and at an interval, for as long as the event loop turns, through a shutdown too, until
   * stopped. It does not keep the process alive. While one runs, another call returns that one.
   *
   * @param options - default {}: at half the timeout, without a check
   * @returns the running watchdog, also for `using`; one that does nothing when off
   * @throws SystemdError as {@link watchdog.timeout}; failures to ping go to `onError`
   * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE for wrong options
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
