// A task of which one call runs at a time.

/** Requests while it runs lead to one more call after it, however many they are. */
export class Turns {
  readonly #task: () => Promise<void>;
  #wanted = false;
  #running: Promise<void> | undefined;

  /** @param task - which never rejects */
  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  request(): void {
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  /** Takes back what has not begun, and waits for what has. */
  async end(): Promise<void> {
    this.#wanted = false;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#wanted) {
      this.#wanted = false;
      await this.#task();
    }
    this.#running = undefined;
  }
}
