// The public options of serve().
import type { WatchdogOptions } from '../notification/watchdog/options.ts';
import type { MemoryPressure } from '../pressure/memory-pressure.ts';
import type { DrainContext } from '../traffic/traffic.ts';
import type { ServiceState } from './service.ts';

/** The options of {@link serve}. */
export interface ServeOptions {
  /**
   * Milliseconds without a connection or datagram after which a socket-activated service stops. systemd starts
   * the service again for the next connection. Ignored when the service is not socket-activated, because
   * nothing would start it again. Default 0: the service never stops because it is idle.
   */
  readonly idleTimeout?: number | undefined;
  /**
   * How the service reloads, on SIGHUP and by {@link Service.reload}.
   *
   * A function is called, one call at a time. When it throws or rejects, the service goes on as before, a process
   * warning says so (ERR_SYSTEMD_HOOK), and the status shows the error until a reload succeeds.
   *
   * `'roll'`, which needs `workers`, replaces each cluster worker by a new one, which listens before the old one stops.
   *
   * Default: the service does not reload, and SIGHUP ends the process.
   */
  readonly reload?: (() => unknown) | 'roll' | undefined;
  /**
   * Called when the stop begins, with the reason and the open connections: to say goodbye on connections that would not
   * end by themselves, such as WebSockets, or to put them into the fd store. When it throws or rejects, a process
   * warning says so (ERR_SYSTEMD_HOOK), and the stop goes on. Default: no hook.
   */
  readonly drain?: ((reason: string, open: DrainContext) => unknown) | undefined;
  /**
   * Called with the reason when the last connection has ended, to close what the program has opened. When it throws,
   * rejects or never settles, a process warning says so (ERR_SYSTEMD_HOOK), and the process ends with code 1.
   * Default: no hook.
   */
  readonly stop?: ((reason: string) => unknown) | undefined;
  /**
   * Milliseconds that open connections have to end when the service stops. Then they are closed, with a process
   * warning (ERR_SYSTEMD_CUT). Infinity: no limit. Default 30000.
   */
  readonly stopTimeout?: number | undefined;
  /**
   * Milliseconds that the process has to end by itself once the service has stopped. Then a process warning
   * (ERR_SYSTEMD_HELD) names what keeps the event loop alive, and the process is ended. Infinity: no limit, for
   * a test that starts and stops a service in its own process. Default 5000.
   */
  readonly exitTimeout?: number | undefined;
  /**
   * How other listeners for SIGTERM and SIGINT are treated, such as those of a framework.
   *
   * `'share'`, the default: Node calls them when the signal arrives. A process warning (ERR_SYSTEMD_SIGNALS) names the
   * listeners that exist when the service begins to serve.
   *
   * `'take'`: serve() removes them, also those that are added later, and calls them when the signal has stopped
   * the service, so that they cannot cut requests under way. If the process lives on, they are added again.
   */
  readonly signals?: 'share' | 'take' | undefined;
  /**
   * The options of `watchdog.start()`, which the service calls when it is ready. `false`: the service sends no pings.
   * With workers `check` is called in each worker. Default {}: pings without a check, if the unit has WatchdogSec=.
   */
  readonly watchdog?: WatchdogOptions | false | undefined;
  /**
   * Returns the status that `systemctl status` shows (STATUS=). Called once a second; the manager is told when the text
   * has changed. When the function throws or returns no string, a process warning says so (ERR_SYSTEMD_HOOK), and the
   * default text is shown. Default: `Serving on` and the addresses; during a stop `Stopping:`, the reason and
   * the number of open connections.
   */
  readonly status?: ((service: ServiceState) => string) | undefined;
  /**
   * What happens when memory is short, by {@link onMemoryPressure}.
   *
   * A function is called, to drop caches. When it throws or rejects, a process warning says so (ERR_SYSTEMD_HOOK).
   *
   * `true`: garbage is collected, and free memory is given back to the system, which blocks the event loop for 0.1 to
   * 0.2 seconds where 100 MB are freed.
   *
   * Each process of the service has its own watch, from its readiness to the end of its stop. When the watch can't
   * begin, a process warning says so, and the service serves all the same. Default false: nothing.
   */
  readonly memoryPressure?: boolean | ((event: MemoryPressure) => unknown) | undefined;
  /**
   * The number of cluster workers, or {@link WorkersOptions}. Each worker runs the same program and serves in its own
   * call of serve(); the primary serves no connections, but notifies the service manager. The hooks are called in each
   * worker and in the primary, whose `reload` and `stop` hooks come last. Default: no workers, this process serves.
   */
  readonly workers?: number | WorkersOptions | undefined;
  /**
   * What becomes of NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID in `process.env`.
   *
   * `false`, the default: serve() removes them, as {@link notify.unsetEnvironment} does, so that child processes
   * cannot notify the manager.
   *
   * `true`: they stay, for another library that calls sd_notify(3) itself, or for a child process that has to notify.
   */
  readonly keepEnvironment?: boolean | undefined;
}

/** The options of the cluster workers of {@link serve}. */
export interface WorkersOptions {
  /** The number of workers, from 1 to 1024. */
  readonly count: number;
  /**
   * Milliseconds within which each worker must report that its event loop turns and that `watchdog.check` did not
   * fail. A worker that is late is killed and replaced; until then the primary does not ping the manager.
   * `false` or Infinity: workers need not report. Default: the watchdog timeout (WatchdogSec=), if the unit has one.
   */
  readonly heartbeat?: number | false | undefined;
}
