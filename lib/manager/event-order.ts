// The events of a service in their order: each is told once the messages that came before it were.
import { throwLater } from '../base/throw-later.ts';
import type { Receiver } from './receiver.ts';

export class EventOrder {
  readonly #receiver: () => Receiver | undefined;
  /** Settled when the last event was told. */
  #told: Promise<void> = Promise.resolve();

  /** @param receiver - the present one of the service; undefined while the service is closed */
  constructor(receiver: () => Receiver | undefined) {
    this.#receiver = receiver;
  }

  /** Calls `event` after the messages that have come by now, and after the events before it. */
  afterMessages(event: () => void): void {
    const receiver = this.#receiver();
    const tell = async () => {
      await receiver?.drain();
      event();
    };
    // An error is the program's own, as that of a timer is, and the other events are told all the same.
    this.#told = this.#told.then(tell).catch(throwLater);
  }

  /** The same for an event of the service that is open now: once that is closed, it is not told any more. */
  tell(event: () => void): void {
    const receiver = this.#receiver();
    this.afterMessages(() => {
      // Of a service that was opened again the event is none.
      if (receiver !== undefined && receiver === this.#receiver()) event();
    });
  }

  /** Resolves when every message that was sent was handed over, and every event that the event loop has was told. */
  async drain(): Promise<void> {
    await this.#receiver()?.drain();
    await this.#told;
  }
}
