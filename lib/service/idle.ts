// Since when nothing has been going on.
import { now } from '../base/clock.ts';

/** A timer may fire this much early, in milliseconds. */
const TIMER_SLACK = 1;

/** Tells when nothing has been going on for a time, and when something does again. */
export class IdleWatch {
  readonly #timeout: number;
  readonly #isBusy: () => boolean;
  readonly #onChange: (idle: boolean) => void;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;
  #idle = false;

  /**
   * @param timeout - milliseconds
   * @param isBusy - whether something goes on now
   */
  constructor(timeout: number, isBusy: () => boolean, onChange: (idle: boolean) => void) {
    this.#timeout = timeout;
    this.#isBusy = isBusy;
    this.#onChange = onChange;
  }

  /** Something began or ended: of thousands a second, so there is one timer for all of them. */
  touch(): void {
    this.#last = now();
    this.#timer ??= this.#wait(this.#timeout);
    if (!this.#idle) return;
    this.#idle = false;
    this.#onChange(false);
  }

  stop(): void {
    clearTimeout(this.#timer);
    // Not undefined: nothing starts it again.
    this.#timer = setTimeout(() => {}, 0).unref();
  }

  #wait(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), milliseconds).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const left = this.#last + this.#timeout - now();
    if (left > TIMER_SLACK) this.#timer = this.#wait(left);
    else if (this.#isBusy()) this.#timer = this.#wait(this.#timeout);
    else {
      this.#idle = true;
      this.#onChange(true);
    }
  }
}
