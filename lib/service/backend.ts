// The part of a service that accepts connections: the servers of this process, or the cluster workers.
import type { Address } from '../descriptor/address.ts';
import type { DrainContext } from '../traffic/traffic.ts';

/** Implemented by {@link Servers} and {@link WorkerPool}. */
export interface Backend {
  /** The number of open connections. */
  readonly connections: number;
  /** True when a connection is open, or waits to be accepted. */
  readonly isBusy: boolean;
  /** The open connections and responses, for the drain hook. */
  readonly drainContext: DrainContext;
  /** True when the program's `watchdog.check` is called in other processes, and not in this one. */
  readonly runsCheckElsewhere: boolean;
  /** True when the other processes that serve have sent their heartbeats in time. Asked before each ping. */
  readonly isHealthy: boolean;
  /** Begins to listen. When it rejects, the caller has to end the part that listens, by cut() and drain(). */
  start(): Promise<readonly Address[]>;
  /**
   * Reloads the other processes that serve, if there are any.
   *
   * @param roll - replaces them instead
   */
  reload(roll: boolean): Promise<void>;
  /** Ends what is still starting, because the service was told to stop. start() may reject then. */
  interrupt(reason: string): void;
  /**
   * Stops accepting connections at once, and resolves when the last connection has ended.
   *
   * @param drainHookEnded - resolves when the drain hook has ended
   */
  drain(reason: string, drainHookEnded: Promise<void>): Promise<void>;
  /** Closes the connections that are open. */
  cut(): void;
}
