// What happens to a unit, as its owner is told of it.
import type { Instance } from './instance.ts';
import type { ServiceObserver } from './service-observer.ts';

/** What happens to a unit, as its owner is told of it. */
export interface UnitObserver extends ServiceObserver {
  /**
   * A connection has come (Accept=yes), and this service is going to be started for it.
   *
   * @returns who is told of what happens to that service. Default: the unit's own observer
   */
  accepted?(instance: Instance): ServiceObserver;
  /** The manager would log this line about the sockets. */
  logged?(line: string): void;
}
