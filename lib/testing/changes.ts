// Waiting for a unit to change.
import { LONGEST_TIMER } from '../base/clock.ts';
import { coalesced } from '../base/coalesced-call.ts';
import { deferred } from '../base/deferred.ts';
import { keepAlive } from './keep-alive.ts';

/** The changes of a unit, as they come. */
export class Changes {
  /** Settled at the next change. */
  #next = deferred<void>();

  /** Wakes those who wait, once for all changes of this moment, because the rules may be in the middle of one. */
  readonly tell = coalesced(() => {
    const { resolve } = this.#next;
    this.#next = deferred();
    resolve();
  });

  /**
   * Waits until the condition holds, which is asked at once and after each change. Returns false if it does not within
   * this time, or `isClosed` returns true before.
   */
  async until(
    condition: () => boolean,
    milliseconds: number,
    isClosed: () => boolean,
  ): Promise<boolean> {
    let isLate = false;
    const late = () => {
      isLate = true;
      this.tell();
    };
    const timer = milliseconds > LONGEST_TIMER ? undefined : setTimeout(late, milliseconds);
    try {
      while (!condition()) {
        if (isLate || isClosed()) return false;
        await keepAlive(this.#next.promise);
      }
      return true;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Waits for a promise, but no longer than so many milliseconds. */
export async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = deferred<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
