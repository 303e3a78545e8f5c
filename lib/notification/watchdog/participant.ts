// A participant of the watchdog: one call of watchdog.start(), with its interval, check and onError.
import { SystemdError } from '../../base/errors.ts';
import { warnOfHook } from '../../base/hooks.ts';
import type { WatchdogOptions } from './options.ts';

/** The handle that {@link watchdog.start} returns. */
export interface Watchdog extends Disposable {
  /**
   * Ends the share of this caller in the pings: its check is not called any more. The pings end once every caller has
   * stopped. When the watchdog timeout has passed without a ping, the manager ends the service by
   * WatchdogSignal=, and starts it again if Restart= says so.
   */
  stop(): void;
}

export class Participant implements Watchdog {
  // A program knows it as the Watchdog of watchdog.start(), and Node prints an object with the name of its class.
  static {
    Object.defineProperty(Participant, 'name', { value: 'Watchdog' });
  }

  readonly options: WatchdogOptions;
  readonly #onStop: (participant: Participant) => void;
  #isStopped = false;

  constructor(options: WatchdogOptions, onStop: (participant: Participant) => void) {
    this.options = options;
    this.#onStop = onStop;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  stop(): void {
    this.#isStopped = true;
    this.#onStop(this);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

/** The error for a check that did not pass. `failure` is a verb phrase, such as `returned false`. */
export function unhealthyError(failure: string): SystemdError {
  return new SystemdError(
    'ERR_SYSTEMD_UNHEALTHY',
    `The watchdog's check ${failure}, so no ping was sent`,
  );
}

/**
 * Reports to participants why no ping was sent. A stopped participant is left out, and an onError that
 * several share is called once. `byDefault` reports for all participants without an onError.
 */
export function reportError(
  participants: Iterable<Participant>,
  error: unknown,
  byDefault: (error: unknown) => void,
): void {
  const running = [...participants].filter(({ isStopped }) => !isStopped);
  for (const report of new Set(running.map(({ options }) => options.onError ?? byDefault))) {
    try {
      report(error);
    } catch (ownError) {
      warnOfHook('watchdog.onError', ownError);
    }
  }
}
