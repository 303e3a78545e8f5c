// serve(): a whole service in one call.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { isWorker } from '../activation/cluster/worker.ts';
import type { ListenFdOptions } from '../activation/listen-options.ts';
import { SystemdError } from '../base/errors.ts';
import { isMainThread } from '../base/main-thread.ts';
import { messageOf } from '../base/warn.ts';
import type { UnixServer } from '../descriptor/unix-server.ts';
import { unsetEnvironment } from '../notification/manager-environment.ts';
import { hasSentStopping } from '../notification/sent-state.ts';
import { watchdog } from '../notification/watchdog.ts';
import { listServers, type TakenServeOptions, takeServeOptions } from './check-options.ts';
import { ManagerUpstream } from './manager-upstream.ts';
import type { ServeOptions } from './options.ts';
import { RunningService } from './running-service.ts';
import { prepareServers, type ServedServer } from './servers.ts';
import type { Service } from './service.ts';
import { sharedState } from './shared-state.ts';
import { PrimaryUpstream } from './workers/primary-upstream.ts';

// The call with one server comes last: some compilers tell of a mistake, such as an unknown option, only what the last
// one expects.
/**
 * Runs a whole service around several servers, in the same way as the call below around one. When one server cannot
 * listen, none does.
 *
 * @param servers - a list of {@link ServedServer}: each has its own `name`, `descriptor`, `fallback` and `backlog`. Two
 * servers of one kind need different names, or descriptors
 * @param options - {@link ServeOptions}, for all servers; default {}
 * @returns a promise of the service, as for one server. When the promise rejects, no server listens
 * @throws SystemdError, TypeError, RangeError, Error as for one server; TypeError ERR_INVALID_ARG_VALUE also for an
 * empty list, a server that is listed twice, or two servers for one name or descriptor
 */
export async function serve(
  servers: readonly ServedServer[],
  options?: ServeOptions,
): Promise<Service>;
/**
 * Runs a whole service around a server. Without a service manager it does the same, and notifies nobody.
 *
 * **Start:** The server listens on the sockets that systemd opened, or on its fallback. Then the manager is told
 * READY=1, and the watchdog is pinged.
 *
 * **Reload:** SIGHUP calls `options.reload`, between RELOADING=1 and READY=1.
 *
 * **Stop:** SIGTERM or SIGINT stops the service without the loss of a request:
 *
 * 1. The manager is told STOPPING=1. The server takes no more connections: those in the kernel's queue wait for the
 * next start of the service. 2. `options.drain` is called. Requests under way are answered, the last one of each HTTP/1
 * connection with `Connection: close`. A kept-alive connection is closed after a second without a request. HTTP/2 takes
 * new streams for a second, then sends GOAWAY, and ends with its last stream. Meanwhile the manager is asked for more
 * time. 3. Connections that are still open after `options.stopTimeout` are closed. A second Ctrl-C (SIGINT), at least a
 * second after the first one, closes them at once. Another SIGTERM changes nothing. 4. `options.stop` is called. 5. The
 * process ends when nothing keeps its event loop alive any more, or after `options.exitTimeout`: with code 1 if the
 * stop failed, else with `process.exitCode`.
 *
 * **Signals:** SIGTERM, SIGINT and SIGHUP are handled until the process ends. A process warning (ERR_SYSTEMD_SIGNALS)
 * names other listeners for SIGTERM and SIGINT; with `signals: 'take'` they wait until the service has stopped.
 *
 * @param server - a server of net, http, https, http2 or tls, a socket of dgram, or a server of `libsystemd/unix`, that
 * does not listen yet
 * @param options - {@link ServeOptions}, and the options of {@link listen}; default {}
 * @returns a promise of the service, which resolves once the service serves, or stops because it was told to stop
 * meanwhile. When the promise rejects, the server does not listen. It may be given to another call, except a
 * socket of dgram, because Node cannot open a closed one again
 * @throws SystemdError what {@link listen} and `watchdog.timeout` throw, before anything is touched
 * @throws SystemdError what `notify.ready` throws, when the manager cannot be told READY=1
 * @throws SystemdError ERR_SYSTEMD_WORKER when a worker could not be started, or ended before it listened
 * @throws SystemdError ERR_SYSTEMD_SERVING when this process has a service already
 * @throws SystemdError ERR_SYSTEMD_STOPPED when the manager was told STOPPING=1 for this process, or while
 * `libsystemd/auto` drains it
 * @throws SystemdError ERR_SYSTEMD_THREAD in a worker thread
 * @throws Error of Node when a server cannot listen, such as EADDRINUSE
 * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for a wrong argument,
 * such as a server that listens already, or a negative time
 * @see daemon(7), sd_listen_fds(3), sd_notify(3), systemd.socket(5)
 */
export async function serve(
  server: Server | DgramSocket | UnixServer,
  options?: ServeOptions & ListenFdOptions,
): Promise<Service>;
export async function serve(
  servers: Server | DgramSocket | UnixServer | readonly ServedServer[],
  given: ServeOptions & ListenFdOptions = {},
): Promise<Service> {
  const options = takeServeOptions(given);
  const entries = listServers(servers, options);
  sharedState.replaceAutomatic();
  assertMayServe();
  const service = prepareService(entries, Array.isArray(servers), options);
  sharedState.isServing = true;
  if (options.keepEnvironment !== true) unsetEnvironment();
  sharedState.cancelExitDeadline();
  const recordEnd = () => {
    sharedState.isServing = false;
  };
  service.stopped.then(recordEnd, recordEnd);
  try {
    await service.start();
  } catch (error) {
    recordEnd();
    throw error;
  }
  return service;
}

/**
 * Throws when this process or thread may not serve. A process runs one service, because its manager knows one state.
 */
function assertMayServe(): void {
  if (!isMainThread()) {
    const message =
      'serve() was called in a worker thread, but only the main thread receives signals: call serve() in the main thread, and listen() in worker threads';
    throw new SystemdError('ERR_SYSTEMD_THREAD', message);
  }
  if (sharedState.isServing) {
    const message =
      'A service runs in this process already: give all servers to one call of serve()';
    throw new SystemdError('ERR_SYSTEMD_SERVING', message);
  }
  if (hasSentStopping()) {
    const message =
      'The service manager was told STOPPING=1, which cannot be taken back: it will end this process. Call serve() in a new process';
    throw new SystemdError('ERR_SYSTEMD_STOPPED', message);
  }
}

/** Matches the servers with their descriptors. When that fails, the manager is told why (STATUS=Start failed: …). */
function prepareService(
  entries: readonly ServedServer[],
  isList: boolean,
  options: TakenServeOptions,
): RunningService {
  const upstream = isWorker() ? new PrimaryUpstream() : new ManagerUpstream();
  try {
    // Throws when WATCHDOG_USEC is malformed, which must be found before READY=1.
    if (options.watchdog !== false) watchdog.timeout();
    const prepared = prepareServers(entries, isList);
    return new RunningService(prepared, options, upstream, isWorker());
  } catch (error) {
    if (error instanceof SystemdError) upstream.startFailed(messageOf(error));
    throw error;
  }
}
