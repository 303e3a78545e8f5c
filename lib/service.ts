// A whole service in one call: its sockets, its state, its signals and its end.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { type Address, formatAddress } from './address.ts';
import { isWorker } from './cluster.ts';
import { deferred } from './deferred.ts';
import { invalidType, messageOf, SystemdError, validateOptionalString, warn } from './errors.ts';
import { endWithin } from './exit.ts';
import { IdleWatch } from './idle.ts';
import type { ListenFdOptions } from './listen.ts';
import { unsetEnvironment } from './manager-environment.ts';
import { type PreparedServer, prepareServers, type ServedServer, Servers } from './servers.ts';
import {
  type ServeOptions,
  type ServiceState,
  takeServeOptions,
  validateServe,
  workersOf,
} from './service-options.ts';
import { handleSignals, type SignalHandlers } from './signals.ts';
import { findSupervisor, type Supervisor } from './supervisor.ts';
import { Turns } from './turns.ts';
import type { Watchdog, WatchdogOptions } from './watchdog.ts';
import { onOrder } from './worker-link.ts';
import { Workers } from './workers.ts';

/** A service that {@link serve} has started. */
export interface Service extends ServiceState, AsyncDisposable {
  /** Whether all its servers listen on what systemd opened. */
  readonly activated: boolean;
  /** What its servers listen on, in their order. */
  readonly addresses: readonly Address[];
  /**
   * Stops it, as SIGTERM does; does nothing once it stops. The process then ends as soon as nothing
   * else holds it.
   *
   * @param reason - for the hooks and the status; default 'stop'
   * @returns {@link Service.stopped}
   */
  stop(reason?: string): Promise<string>;
  /**
   * Resolves with the reason when it has stopped: `SIGTERM`, `SIGINT`, `idle`, or what
   * {@link Service.stop} was given. Rejects with what the stop hook failed with.
   */
  readonly stopped: Promise<string>;
}

const STOP_TIMEOUT = 30_000;
const EXIT_TIMEOUT = 5_000;

/** How often the status is looked at, in milliseconds. */
const REFRESH_INTERVAL = 1_000;

/** While connections take their time to end, the manager is asked every second for 10 more. */
const EXTEND_INTERVAL = 1_000;
const EXTENSION = 10_000;

class RunningService implements Service {
  readonly activated: boolean;
  addresses: readonly Address[] = [];
  readonly #options: ServeOptions;
  readonly #isWorker: boolean;
  readonly #supervisor: Supervisor;
  readonly #crew: Servers | Workers;
  readonly #idle: IdleWatch | undefined;
  readonly #reloads = new Turns(() => this.#reload());
  /** What the last reload failed with. */
  #reloadFailure: string | undefined;
  #statusFailure: string | undefined;
  #refresh: NodeJS.Timeout | undefined;
  #unhandle: () => void = () => {};
  #signalled = false;
  #isStarted = false;
  #stopReason: string | undefined;
  /** Settled when it serves, when it no longer waits for connections, and when it has stopped. */
  readonly #started = deferred<void>();
  readonly #cut = deferred<void>();
  readonly #stopped = deferred<string>();

  constructor(prepared: readonly PreparedServer[], options: ServeOptions, isWorker: boolean) {
    this.activated = prepared.every(({ descriptor }) => descriptor !== undefined);
    this.#options = options;
    this.#isWorker = isWorker;
    this.#supervisor = findSupervisor(isWorker);
    const workers = isWorker ? undefined : workersOf(options);
    const onActivity = () => this.#idle?.touch();
    this.#crew = workers
      ? new Workers(workers.count, workers.heartbeat, onActivity)
      : new Servers(prepared, onActivity);
    this.#idle = this.#watchIdle(isWorker || workers !== undefined);
  }

  get connections(): number {
    return this.#crew.connections;
  }

  get stopped(): Promise<string> {
    return this.#stopped.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** With workers, half of the time passes in each of them, and half when all have said so. */
  #watchIdle(shared: boolean): IdleWatch | undefined {
    const { idleTimeout } = this.#options;
    const never = idleTimeout === undefined || idleTimeout === Number.POSITIVE_INFINITY;
    if (never || !this.activated) return undefined;
    const onChange = (idle: boolean) => {
      this.#supervisor.idle(idle);
      if (idle && !this.#isWorker) this.stop('idle');
    };
    return new IdleWatch(shared ? idleTimeout / 2 : idleTimeout, () => this.#crew.busy, onChange);
  }

  #signalHandlers(): SignalHandlers {
    const stop = {
      SIGTERM: () => this.#onStopSignal('SIGTERM'),
      SIGINT: () => this.#onStopSignal('SIGINT'),
    };
    if (this.#options.reload === undefined) return stop;
    // In a worker it is for the primary to say when; the signal may reach both.
    return { ...stop, SIGHUP: this.#isWorker ? () => {} : () => this.#requestReload() };
  }

  /** The second one is impatient, and the third does what it does by default. */
  #onStopSignal(signal: string): void {
    if (this.#signalled) {
      this.#unhandle();
      this.#endWaiting();
    }
    this.#signalled = true;
    this.stop(signal);
  }

  #obeyPrimary(): void {
    onOrder(({ reload, stop, cut }) => {
      if (reload) this.#requestReload();
      if (stop !== undefined) this.stop(stop);
      if (cut) this.#endWaiting();
    });
  }

  /** First the signals: from systemd 262 on, SIGHUP must be handled when it is told of READY=1. */
  async start(): Promise<void> {
    this.#unhandle = handleSignals(this.#signalHandlers());
    if (this.#isWorker) this.#obeyPrimary();
    try {
      this.addresses = Object.freeze([...(await this.#crew.start())]);
      if (this.#stopReason === undefined) this.#tellReady();
    } catch (error) {
      this.#crew.cut();
      await this.#crew.drain('failed to start', Promise.resolve()).catch(() => {});
      // Who is told to stop and then can't start has stopped, and that is all.
      if (this.#stopReason === undefined) {
        this.#unhandle();
        throw error;
      }
    }
    this.#isStarted = true;
    this.#started.resolve();
  }

  #tellReady(): void {
    const { watchdog, status } = this.#options;
    this.#supervisor.ready(this.#status(), this.addresses);
    pings?.stop();
    pings =
      watchdog === false ? undefined : this.#supervisor.watch(this.#watchdogOptions(watchdog));
    if (status !== undefined || this.#isWorker) {
      const refresh = () => this.#supervisor.refresh(() => this.#status(), this.connections);
      this.#refresh = setInterval(refresh, REFRESH_INTERVAL).unref();
    }
    this.#idle?.touch();
  }

  /** Where workers serve, they ask the check. */
  #watchdogOptions(options: WatchdogOptions = {}): WatchdogOptions {
    const crew = this.#crew;
    return crew instanceof Workers ? { ...options, check: () => crew.healthy } : options;
  }

  #status(): string {
    const text = this.#askStatus() ?? this.#ownStatus();
    const failure = this.#reloadFailure;
    return failure === undefined ? text : `${text} (reload failed: ${failure})`;
  }

  #ownStatus(): string {
    if (this.#stopReason !== undefined) return `Stopping: ${this.#stopReason}`;
    return `Serving on ${this.addresses.map(formatAddress).join(', ')}`;
  }

  /** One warning for each way to fail, though it is asked every second. */
  #askStatus(): string | undefined {
    const { status } = this.#options;
    if (status === undefined) return undefined;
    try {
      const text: unknown = status(this);
      if (typeof text === 'string') return text;
      // A promise's rejection would end the process, and who returns one is told of that already.
      Promise.resolve(text).catch(() => {});
      throw invalidType('the result of options.status', 'of type string', text);
    } catch (error) {
      if (messageOf(error) !== this.#statusFailure) warn(error);
      this.#statusFailure = messageOf(error);
      return undefined;
    }
  }

  #requestReload(): void {
    this.#started.promise.then(() => {
      if (this.#stopReason === undefined) this.#reloads.request();
    });
  }

  async #reload(): Promise<void> {
    this.#supervisor.reloading();
    try {
      await this.#reloadAll();
      this.#reloadFailure = undefined;
    } catch (error) {
      this.#reloadFailure = messageOf(error);
      warn(error);
    }
    // After STOPPING=1 there is no way back to READY=1.
    if (this.#stopReason !== undefined) return;
    this.#supervisor.reloaded(this.#status(), this.#reloadFailure);
  }

  async #reloadAll(): Promise<void> {
    const { reload } = this.#options;
    const crew = this.#crew;
    if (crew instanceof Workers) await (reload === 'roll' ? crew.roll() : crew.reload());
    if (typeof reload === 'function') await reload();
  }

  stop(reason = 'stop'): Promise<string> {
    validateOptionalString('reason', reason);
    if (this.#stopReason === undefined) {
      this.#stopReason = reason;
      this.#started.promise.then(() => this.#end(reason));
      // Workers may take their time to start, or hang; what fails by this is told by start().
      const crew = this.#crew;
      if (!this.#isStarted && crew instanceof Workers) crew.drain(reason).catch(() => {});
    }
    return this.stopped;
  }

  async #end(reason: string): Promise<void> {
    this.#idle?.stop();
    const failures: unknown[] = [];
    await this.#drain(reason).catch((error) => failures.push(error));
    this.#supervisor.drained();
    await this.#callStopHook(reason).catch((error) => failures.push(error));
    this.#leave(failures);
    if (failures.length === 0) this.#stopped.resolve(reason);
    else this.#stopped.reject(failures[0]);
  }

  /** Takes no more connections, at once, and waits for those that are open. */
  async #drain(reason: string): Promise<void> {
    const { stopTimeout = STOP_TIMEOUT } = this.#options;
    const answered = deferred<void>();
    const ended = this.#crew.drain(reason, answered.promise);
    this.#supervisor.stopping(this.#status());
    const extending = setInterval(() => this.#supervisor.extendTimeout(EXTENSION), EXTEND_INTERVAL);
    this.#cut.promise.then(() => clearInterval(extending)); // from then on the unit's own time runs
    const timer =
      stopTimeout === Number.POSITIVE_INFINITY
        ? undefined
        : setTimeout(() => this.#endWaiting(), stopTimeout);
    try {
      await Promise.race([
        Promise.all([
          ended,
          this.#callDrainHook(reason).then(answered.resolve),
          this.#reloads.end(),
        ]),
        this.#cut.promise.then(() => ended),
      ]);
    } finally {
      clearInterval(extending);
      clearTimeout(timer);
    }
  }

  /** A process that has nothing left to do while the hook waits for what never comes has not stopped well. */
  async #callStopHook(reason: string): Promise<void> {
    const { exitCode } = process;
    let failed = false;
    const fail = () => {
      failed = true;
      process.exitCode = 1;
    };
    process.once('beforeExit', fail);
    try {
      await this.#options.stop?.(reason);
    } finally {
      process.off('beforeExit', fail);
      if (failed) process.exitCode = exitCode ?? 0; // it was not the end
    }
  }

  async #callDrainHook(reason: string): Promise<void> {
    try {
      await this.#options.drain?.(reason);
    } catch (error) {
      warn(error);
    }
  }

  #endWaiting(): void {
    this.#crew.cut();
    this.#cut.resolve();
  }

  /** The watchdog goes on to the very end of the process, or until that serves again. */
  #leave(failures: readonly unknown[]): void {
    clearInterval(this.#refresh);
    for (const failure of failures) {
      warn(failure);
      process.exitCode = 1;
      this.#supervisor.refresh(() => `Stop failed: ${messageOf(failure)}`, 0);
    }
    this.#supervisor.end(Number(process.exitCode ?? 0) === 0);
    // A worker may still get the manager's signal, after its primary's word: that must not kill it.
    if (!this.#isWorker) this.#unhandle();
    letLive = endWithin(this.#options.exitTimeout ?? EXIT_TIMEOUT);
  }
}

let running: RunningService | undefined;

/** Calls the end off that a service has set to the process, which serves again. */
let letLive: () => void = () => {};

/** Those of the service that served last, which go on when that has stopped. */
let pings: Watchdog | undefined;

/**
 * Runs a whole service: takes the sockets that systemd opened, or listens on the fallbacks, all of
 * them or none; says READY=1; answers the watchdog; reloads on SIGHUP; and on SIGTERM and SIGINT
 * stops without losing a request. Without a service manager it does the same, and tells nobody.
 *
 * To stop is to take no more connections: those that wait in the kernel's queue wait for the next
 * instance. Requests that are under way are answered; an answer of HTTP then has `Connection: close`,
 * HTTP/2 says GOAWAY, and kept-alive connections are closed after a second without a request. The
 * manager is asked for more time as long as that takes. A second signal, or `stopTimeout`, closes what
 * is left. Then the `stop` hook is called, and the process ends with 0 when nothing holds it any more.
 *
 * @param server - a server of net, http, https, http2 or tls, or a socket of dgram, that does not
 * listen yet; or a list of `{ server, name, fallback, backlog }`
 * @param options - those of `listen()`, for one server, and {@link ServeOptions}; default {}
 * @returns the service, once it serves. One that was told to stop meanwhile is just stopping
 * @throws SystemdError what {@link listen} throws, before anything is touched; what `notify.ready`
 * throws; ERR_SYSTEMD_WORKER when a worker ended before it listened, or could not be started;
 * ERR_SYSTEMD_SERVING when this process has a service already. Then none of the servers listens, and the same
 * ones may be given to another call, but for sockets of dgram: Node opens none again that was closed
 * @throws Error of Node when a server can't listen: EADDRINUSE …
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for
 * wrong arguments: no server, one that listens already, two for one descriptor, a negative time …
 * @see daemon(7), sd_listen_fds(3), sd_notify(3), systemd.socket(5)
 */
export async function serve(
  server: Server | DgramSocket,
  options?: ServeOptions & ListenFdOptions,
): Promise<Service>;
export async function serve(
  servers: readonly ServedServer[],
  options?: ServeOptions,
): Promise<Service>;
export async function serve(
  servers: Server | DgramSocket | readonly ServedServer[],
  given: ServeOptions & ListenFdOptions = {},
): Promise<Service> {
  const options = takeServeOptions(given);
  const entries = validateServe(servers, options);
  if (running !== undefined) {
    const message = 'A service runs in this process already: give serve() all servers at once';
    throw new SystemdError('ERR_SYSTEMD_SERVING', message);
  }
  const service = new RunningService(
    prepareServers(entries, Array.isArray(servers)),
    options,
    isWorker(),
  );
  running = service;
  if (options.keepEnvironment !== true) unsetEnvironment();
  letLive();
  const forget = () => {
    running = undefined;
  };
  service.stopped.then(forget, forget);
  try {
    await service.start();
  } catch (error) {
    forget();
    throw error;
  }
  return service;
}
