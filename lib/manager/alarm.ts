// One alarm, which rings only after everything that happened before its time has been told.
import { LONGEST_TIMER } from '../base/clock.ts';
import { throwLater } from '../base/throw-later.ts';

/** Microseconds of CLOCK_MONOTONIC, as the receiver's thread has them too. */
export const monotonicNow = (): bigint => process.hrtime.bigint() / 1000n;

/**
 * An alarm. A test may keep its event loop busy for longer than a timeout of its daemon, and then the timer runs before
 * the loop has seen messages and ends of processes that came in time. So the alarm first lets the loop turn and waits
 * until they have been told, and rings only if nobody has set it anew for one of them. PID 1 has the same order: its
 * watchdog timer comes last (core/manager.h).
 */
export class Alarm {
  readonly #ring: () => void;
  readonly #everythingTold: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #at: bigint | undefined;

  /** @param everythingTold - resolves when all that the event loop has seen so far has been told */
  constructor(ring: () => void, everythingTold: () => Promise<void>) {
    this.#ring = ring;
    this.#everythingTold = everythingTold;
  }

  set(at: bigint | undefined): void {
    this.#at = at;
    clearTimeout(this.#timer);
    if (at === undefined) return;
    const delay = Math.ceil(Number(at - monotonicNow()) / 1000);
    this.#timer = setTimeout(
      () => this.#due().catch(throwLater),
      Math.min(Math.max(delay, 0), LONGEST_TIMER),
    );
    this.#timer.unref();
  }

  async #due(): Promise<void> {
    const at = this.#at;
    // Two turns: in the first one the loop may be behind the phase in which it learns of ended processes.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    await this.#everythingTold();
    if (this.#at !== at || at === undefined) return;
    if (monotonicNow() < at) this.set(at);
    else {
      this.#at = undefined;
      this.#ring();
    }
  }
}
