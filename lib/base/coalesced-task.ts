// A task of which one call runs at a time.
import { type Deferred, deferred } from './deferred.ts';

/** Requests while it runs lead to one more call after it, however many they are. */
export class CoalescedTask {
  readonly #task: () => Promise<void>;
  /** Settled by the call that is wanted, and has not begun. */
  #wanted: Deferred<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /** Settles as the first call does that begins after this. Who does not ask for it misses no error. */
  request(): Promise<void> {
    this.#wanted ??= deferred<void>();
    const { promise } = this.#wanted;
    this.#running ??= this.#run();
    return promise;
  }

  /** Takes back what has not begun, which rejects with this, and waits for what has. */
  async end(error: unknown): Promise<void> {
    this.#wanted?.reject(error);
    this.#wanted = undefined;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#wanted !== undefined) {
      const { resolve, reject } = this.#wanted;
      this.#wanted = undefined;
      await this.#task().then(resolve, reject);
      // A task that asks for the next one would keep the event loop, and so a signal, from its turn.
      await new Promise(setImmediate);
    }
    this.#running = undefined;
  }
}
