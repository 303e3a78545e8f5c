// What serves for a service: the servers of this process, or its cluster workers.
import type { Address } from '../descriptor/address.ts';
import type { DrainContext } from '../traffic/traffic.ts';

/** {@link Servers} and {@link Workers} are the two of them. */
export interface Backend {
  /** How many connections are open. */
  readonly connections: number;
  /** Whether a connection is open, or waits to be accepted. */
  readonly busy: boolean;
  /** What is open, for the drain hook. */
  readonly draining: DrainContext;
  /** Whether the program's own `watchdog.check` is asked where the backend serves, and not here. */
  readonly checksItself: boolean;
  /** Whether all of it has been heard of in time. Asked before each ping. */
  readonly healthy: boolean;
  /** Listens, all of it or nothing. */
  start(): Promise<readonly Address[]>;
  /** Reloads what serves outside of this process; with `roll` by another one in its place. */
  reload(roll: boolean): Promise<void>;
  /** Told to stop before it has started. What fails by that, start() tells. */
  interrupt(reason: string): void;
  /**
   * Takes no more connections, at once, and resolves when the last one has ended.
   *
   * @param answered - when the drain hook has ended
   */
  drain(reason: string, answered: Promise<void>): Promise<void>;
  /** Ends what is open. */
  cut(): void;
}
