// The public type of a service that serve() has started.
import type { Address } from '../descriptor/address.ts';

/** The part of a service that {@link ServeOptions.status} is given. */
export interface ServiceState {
  /** The number of open connections. With workers the number is up to a second old. */
  readonly connections: number;
}

/** A service that {@link serve} has started. */
export interface Service extends ServiceState, AsyncDisposable {
  /** True when every server listens on sockets that systemd opened. */
  readonly activated: boolean;
  /** The addresses that the servers listen on, in the order of the servers. */
  readonly addresses: readonly Address[];
  /**
   * Stops the service, as SIGTERM does. A further call changes nothing. Once the service has stopped, the process
   * ends as soon as nothing else keeps its event loop alive.
   *
   * @param reason - shown in the status and passed to the hooks; default 'stop'
   * @returns the promise {@link Service.stopped}. In a hook the call returns a promise that resolves at once, with a
   * process warning (ERR_SYSTEMD_HOOK_WAITS), because the stop waits for that hook
   * @throws TypeError ERR_INVALID_ARG_TYPE when `reason` is not a string
   */
  stop(reason?: string): Promise<string>;
  /**
   * Reloads the service, as SIGHUP does: the manager is told RELOADING=1, the `reload` hook is called, and the manager
   * is told READY=1. Calls during a reload lead to one more reload after it. In a cluster worker the call
   * asks the primary to reload the whole service.
   *
   * @returns a promise that resolves when a reload that began after this call has ended. In a hook it
   * resolves at once, with a process warning (ERR_SYSTEMD_HOOK_WAITS), because a reload may have to wait for that hook.
   * The promise may be ignored: a failed reload is also a process warning
   * @throws the error of the failed reload; in a worker an Error with the same message
   * @throws SystemdError ERR_SYSTEMD_STOPPED when the service stops before the reload begins
   * @throws TypeError ERR_INVALID_ARG_VALUE when the service has no `reload` option
   * @see sd_notify(3), RELOADING=1: version 217
   */
  reload(): Promise<void>;
  /**
   * The outcome of the stop.
   *
   * - Resolves when the service has stopped, with the reason: `SIGTERM`, `SIGINT`, `idle`, or the argument of
   *   {@link Service.stop}. In a cluster worker that `reload: 'roll'` replaces the reason is `reload`.
   * - Rejects when the stop failed, with the error of the `stop` hook, or of a worker that did not stop well.
   */
  readonly stopped: Promise<string>;
}
