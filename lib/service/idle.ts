// The idle timeout: stops a service that has had no connection for a while.
import { now } from '../base/clock.ts';
import type { ServiceParts } from './parts.ts';

/** Milliseconds that a timer may fire too early. */
const TIMER_SLACK = 1;

export class IdleWatch {
  readonly #timeout: number;
  readonly #isBusy: () => boolean;
  readonly #onChange: (isIdle: boolean) => void;
  #timer: NodeJS.Timeout | undefined;
  #lastActivity = 0;
  #isIdle = false;

  /**
   * @param timeout - milliseconds
   * @param isBusy - returns true while a connection is open
   * @param onChange - called with true after the timeout without activity, and with false at the next activity
   */
  constructor(timeout: number, isBusy: () => boolean, onChange: (isIdle: boolean) => void) {
    this.#timeout = timeout;
    this.#isBusy = isBusy;
    this.#onChange = onChange;
  }

  /**
   * Notes that a connection has begun or ended, or that a datagram has come. There may be thousands of calls a second,
   * so they share one timer.
   */
  recordActivity(): void {
    this.#lastActivity = now();
    this.#timer ??= this.#checkIn(this.#timeout);
    if (!this.#isIdle) return;
    this.#isIdle = false;
    this.#onChange(false);
  }

  stop(): void {
    clearTimeout(this.#timer);
    // A timer that does nothing, so that the next activity starts no other one.
    this.#timer = setTimeout(() => {}, 0).unref();
  }

  #checkIn(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#check(), milliseconds).unref();
  }

  #check(): void {
    this.#timer = undefined;
    const left = this.#lastActivity + this.#timeout - now();
    if (left > TIMER_SLACK) this.#timer = this.#checkIn(left);
    else if (this.#isBusy()) this.#timer = this.#checkIn(this.#timeout);
    else {
      this.#isIdle = true;
      this.#onChange(true);
    }
  }
}

/**
 * Stops a service that is idle. In a cluster worker, reports to the primary that the worker is idle.
 *
 * With cluster workers the idle time is split: half passes in each worker, and half in the primary once all workers are
 * idle.
 *
 * @returns undefined when the service has no idle timeout, or is not socket-activated
 */
export function watchIdle(
  { options, isWorker, backend, upstream }: ServiceParts,
  activated: boolean,
  stop: (reason: string) => void,
): IdleWatch | undefined {
  const { idleTimeout = 0, workers } = options;
  if (!activated || idleTimeout === 0 || idleTimeout === Number.POSITIVE_INFINITY) return undefined;
  const isSplit = isWorker || workers !== undefined;
  const onChange = (isIdle: boolean) => {
    upstream.idle(isIdle);
    if (isIdle && !isWorker) stop('idle');
  };
  return new IdleWatch(isSplit ? idleTimeout / 2 : idleTimeout, () => backend.isBusy, onChange);
}
