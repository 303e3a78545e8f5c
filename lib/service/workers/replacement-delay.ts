// The delay before a dead worker is replaced.

/** Milliseconds. The delay doubles with each worker that dies soon after its start. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 10_000;

/**
 * After a worker that lived for this many milliseconds, the delay is FIRST_DELAY again: its start was not the cause.
 */
const LONG_LIFE = 10_000;

export class ReplacementDelay {
  #shortLives = 0;

  /**
   * The milliseconds to wait now.
   *
   * @param lifetime - the milliseconds that the dead worker lived
   */
  after(lifetime: number): number {
    if (lifetime >= LONG_LIFE) this.#shortLives = 0;
    return Math.min(FIRST_DELAY * 2 ** this.#shortLives++, LONGEST_DELAY);
  }
}
