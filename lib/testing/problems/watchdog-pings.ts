// How often a service pings its watchdog.
import { seconds } from '../text.ts';
import type { Problem } from './codes.ts';

/** The least number of gaps from which a rhythm can be told. */
const LEAST_GAPS = 2;

/** The gaps between the pings of one run of a service. */
export class WatchdogPings {
  readonly #timeout: number;
  #last: bigint | undefined;
  #gaps = 0;
  #shortest = Number.POSITIVE_INFINITY;

  /** @param timeout - the watchdog's, in milliseconds; 0: there is none */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** The clock begins: READY=1 has come. */
  begin(at: bigint): void {
    this.#last = at;
  }

  ping(at: bigint): void {
    if (this.#last !== undefined) {
      this.#gaps++;
      this.#shortest = Math.min(this.#shortest, Number(at - this.#last) / 1000);
    }
    this.#last = at;
  }

  /**
   * The problem of pings that come too late to outlast one that is delayed. The shortest gap counts, because the longer
   * ones may be the fault of a busy machine.
   */
  get problem(): Problem | undefined {
    if (this.#timeout === 0 || this.#gaps < LEAST_GAPS) return undefined;
    const shortest = this.#shortest;
    // sd_watchdog_enabled(3) recommends half of the timeout, and a timer is never early.
    if (shortest <= (this.#timeout / 2) * 1.1) return undefined;
    return {
      code: 'watchdog-late',
      message: `the watchdog is pinged every ${seconds(shortest)}, and kills after ${seconds(this.#timeout)}`,
      hint: 'Ping at half of WATCHDOG_USEC or more often, as watchdog.start() of libsystemd does',
    };
  }
}
