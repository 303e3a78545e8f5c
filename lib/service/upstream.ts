// The upstream of a service: the service manager, or in a cluster worker the primary.
import type { Address } from '../descriptor/address.ts';
import type { WatchdogOptions } from '../notification/watchdog/options.ts';
import type { Watchdog } from '../notification/watchdog/participant.ts';

/**
 * Receives the state of a service. The doc of each method lists what is sent: to the manager an assignment of
 * sd_notify(3), to the primary of a cluster worker a member of a `Report`.
 */
export interface Upstream {
  /** True in a worker whose primary runs serve() too. */
  readonly isServePrimary: boolean;
  /**
   * The service serves.
   *
   * - manager: READY=1, STATUS=
   * - primary: `serving`
   *
   * @throws SystemdError when the manager cannot be told
   */
  ready(status: () => string, addresses: readonly Address[]): void;
  /**
   * Begins the pings, which prove that the event loop turns and that `watchdog.check` does not fail.
   *
   * - manager: WATCHDOG=1 at the watchdog's interval
   * - primary: `alive` at half the heartbeat's time
   *
   * @returns undefined when the primary wants no heartbeat
   */
  startPings(options: WatchdogOptions): Watchdog | undefined;
  /**
   * A reload begins.
   *
   * - manager: RELOADING=1, MONOTONIC_USEC=, STATUS=Reloading
   * - primary: nothing, because the primary has ordered the reload
   */
  reloading(): void;
  /**
   * The reload has ended; `failure` is the message of its error.
   *
   * - manager: READY=1, STATUS=
   * - primary: `reloaded`
   */
  reloaded(status: string, failure: string | undefined): void;
  /**
   * The service could not start; `message` says why.
   *
   * - manager: STATUS=Start failed: …
   * - primary: `failed`
   */
  startFailed(message: string): void;
  /**
   * The program wants the whole service to reload.
   *
   * - manager: nothing
   * - primary: `wantsReload`
   *
   * @returns true when the upstream orders the reload; false when the service reloads by itself
   */
  requestReload(): boolean;
  /**
   * The stop begins. From now on no check is called, because the drain or stop hook may close what the check needs.
   *
   * - manager: STOPPING=1, STATUS=
   * - primary: nothing
   */
  stopping(status: string): void;
  /**
   * The last connection has ended.
   *
   * - manager: nothing
   * - primary: `drained`
   */
  drained(): void;
  /**
   * The stop takes more time.
   *
   * - manager: EXTEND_TIMEOUT_USEC=
   * - primary: nothing, because the primary asks for its workers
   */
  extendTimeout(milliseconds: number): void;
  /**
   * The status or the number of connections may have changed.
   *
   * - manager: STATUS=, if the text has changed
   * - primary: `connections`, if the number has changed
   */
  update(status: () => string, connections: number): void;
  /**
   * The service has become idle, or has become active again.
   *
   * - manager: nothing
   * - primary: `idle`
   */
  idle(isIdle: boolean): void;
  /**
   * The service has stopped.
   *
   * - manager: nothing
   * - primary: `stopped`, if the stop succeeded. Then the channel is closed, which would keep the process alive.
   */
  stopped(hasSucceeded: boolean): void;
}
