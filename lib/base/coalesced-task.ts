// CoalescedTask: runs an asynchronous task, never twice at the same time.
import { type Deferred, deferred } from './deferred.ts';

/** Requests that come during a run share one further run, which begins after that run. */
export class CoalescedTask {
  readonly #task: () => Promise<void>;
  /** The result of the run that was requested and has not begun. */
  #requested: Deferred<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /**
   * Requests a run that begins after this call. The promise settles as that run does. A caller may ignore the
   * promise: its rejection is then no unhandled rejection.
   */
  request(): Promise<void> {
    this.#requested ??= deferred<void>();
    const { promise } = this.#requested;
    this.#running ??= this.#run();
    return promise;
  }

  /** Rejects the run that has not begun with `error`, and waits for the run in progress. */
  async end(error: unknown): Promise<void> {
    this.#requested?.reject(error);
    this.#requested = undefined;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#requested !== undefined) {
      const { resolve, reject } = this.#requested;
      this.#requested = undefined;
      await this.#task().then(resolve, reject);
      // A task that requests its own next run would otherwise keep the event loop busy, and signals unhandled.
      await new Promise(setImmediate);
    }
    this.#running = undefined;
  }
}
