// Backend: the part of a service that accepts connections. It is the servers of this process, or the cluster workers.
import type { Address } from '../descriptor/address.ts';
import type { CutCause, DrainContext } from '../traffic/traffic.ts';

/** Implemented by {@link Servers} and {@link WorkerPool}. */
export interface Backend {
  /** The number of open connections. */
  readonly connections: number;
  /** True when a connection is open, or waits to be accepted. With cluster workers: when one of them is not idle. */
  readonly isBusy: boolean;
  /** The open connections and responses, for the drain hook. */
  readonly drainContext: DrainContext;
  /** True when the program's `watchdog.check` is called in other processes, and not in this one. */
  readonly runsCheckElsewhere: boolean;
  /** True when the other processes that serve have sent their heartbeats in time. Asked before each ping. */
  readonly isHealthy: boolean;
  /**
   * Begins to listen. When this rejects, some servers may listen, and the caller has to end them by cut() and drain().
   */
  start(): Promise<readonly Address[]>;
  /**
   * Reloads the cluster workers, if there are any.
   *
   * @param roll - true replaces the workers instead
   */
  reload(roll: boolean): Promise<void>;
  /** Ends a start in progress, because the service was told to stop. start() may reject then. */
  interrupt(reason: string): void;
  /**
   * Stops accepting connections at once, and resolves when the last connection has ended.
   *
   * @param drainHookEnded - resolves when the drain hook has ended
   */
  drain(reason: string, drainHookEnded: Promise<void>): Promise<void>;
  /** Closes the connections that are open. */
  cut(cause: CutCause): void;
}
