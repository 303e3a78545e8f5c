// The watchdog clock of a service.
import { Deadline, NEVER, toUsec } from './deadline.ts';

export class WatchdogClock {
  readonly deadline = new Deadline();
  readonly #configured: bigint;
  #override: bigint | undefined;

  /** @param timeout - WatchdogSec=, in milliseconds; 0: none */
  constructor(timeout: number) {
    this.#configured = toUsec(timeout) ?? 0n;
  }

  /** The timeout in microseconds; undefined: there is no watchdog. */
  get timeout(): bigint | undefined {
    const timeout = this.#override ?? this.#configured;
    return timeout === 0n || timeout === NEVER ? undefined : timeout;
  }

  /** The service was seen alive at this time. */
  restart(at: bigint): void {
    this.deadline.set(at, this.timeout);
  }

  /** WATCHDOG_USEC=: another timeout until the next start; 0 and {@link NEVER} turn the watchdog off. */
  override(timeout: bigint, at: bigint): void {
    this.#override = timeout;
    this.restart(at);
  }

  stop(): void {
    this.deadline.clear();
  }

  /** Forgets what the service has asked for. */
  reset(): void {
    this.#override = undefined;
  }
}
