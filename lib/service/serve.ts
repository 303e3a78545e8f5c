// A whole service in one call: its sockets, its state, its signals and its end.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { warnOfUntaken } from '../activation/candidates.ts';
import { isWorker } from '../activation/cluster/worker.ts';
import type { ListenFdOptions } from '../activation/listen.ts';
import { deferred } from '../base/deferred.ts';
import { SystemdError } from '../base/errors.ts';
import { callAtExit, Hooks, warnOfHook } from '../base/hooks.ts';
import { isMainThread } from '../base/main-thread.ts';
import { processState } from '../base/process-state.ts';
import { invalidType, validateOptionalString } from '../base/validate.ts';
import { messageOf, warn, warnAtExit } from '../base/warn.ts';
import type { Address } from '../descriptor/address.ts';
import { formatAddress } from '../descriptor/format.ts';
import { unsetEnvironment } from '../notification/manager-environment.ts';
import { hasSentStopping } from '../notification/sent-state.ts';
import { type Watchdog, type WatchdogOptions, watchdog } from '../notification/watchdog.ts';
import { formatCount } from '../traffic/traffic.ts';
import type { Backend } from './backend.ts';
import { onExit, type ProcessEnd, setExitDeadline, warnOfExit } from './exit-deadline.ts';
import { IdleWatch } from './idle.ts';
import { type Event, type State, transition } from './lifecycle.ts';
import {
  type ServeOptions,
  type ServiceState,
  takeServeOptions,
  validateServe,
  workersOf,
} from './options.ts';
import { type Reloadable, Reloads } from './reloads.ts';
import { type PreparedServer, prepareServers, type ServedServer, Servers } from './servers.ts';
import { Signals } from './signals.ts';
import { findUpstream, type Upstream } from './upstream.ts';
import { type Order, onOrder } from './workers/channel.ts';
import { WorkerPool } from './workers/pool.ts';
import type { WorkerProcess } from './workers/process.ts';

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
   * @returns {@link Service.stopped}; called in a hook, which the stop waits for, a promise that
   * resolves at once, with a process warning (ERR_SYSTEMD_HOOK_WAITS)
   * @throws TypeError ERR_INVALID_ARG_TYPE when `reason` is no string
   */
  stop(reason?: string): Promise<string>;
  /**
   * Reloads it, as SIGHUP does, and so that systemd sees it (RELOADING=1, READY=1). While a reload
   * runs, one more follows it. In a cluster worker it has the primary reload the whole service.
   *
   * @returns a promise that resolves when a reload that has begun after this call has ended. Called in
   * a hook it resolves at once, with a process warning (ERR_SYSTEMD_HOOK_WAITS). Who does not wait
   * for it misses no error: a failed reload is a process warning besides
   * @throws what the reload failed with, in a worker an Error with its message; SystemdError
   * ERR_SYSTEMD_STOPPED when the service stops; TypeError ERR_INVALID_ARG_VALUE without `options.reload`
   */
  reload(): Promise<void>;
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

/** What the process has of its service, whichever copy of the package runs it. */
const ofProcess = processState('service', () => ({
  isServing: false,
  /** Takes back what a service that has stopped has set to the process, which serves again. */
  cancelExitDeadline() {},
  /** Those of the service that served last, which go on when that has stopped. */
  pings: undefined as Watchdog | undefined,
}));

/** Whether the service is told to stop, or has stopped. */
const STOPPING: ReadonlySet<State> = new Set(['interrupted', 'draining', 'stopping', 'stopped']);

class RunningService implements Service {
  readonly activated: boolean;
  addresses: readonly Address[] = [];
  readonly #options: ServeOptions;
  readonly #isWorker: boolean;
  readonly #prepared: readonly PreparedServer[];
  readonly #upstream: Upstream;
  readonly #backend: Backend;
  readonly #idle: IdleWatch | undefined;
  readonly #hooks = new Hooks();
  readonly #reloads: Reloads;
  #state: State = 'starting';
  /** Why it stops. */
  #reason: string | undefined;
  #statusFailure: string | undefined;
  #isDrainCalled = false;
  #refresh: NodeJS.Timeout | undefined;
  #signals: Signals | undefined;
  #disobey: () => void = () => {};
  #forgetExit: () => void = () => {};
  /** Settled when it serves, when it no longer waits for connections, and when it has stopped. */
  readonly #started = deferred<void>();
  readonly #cut = deferred<void>();
  readonly #stopped = deferred<string>();

  constructor(prepared: readonly PreparedServer[], options: ServeOptions, isWorker: boolean) {
    this.activated = prepared.every(({ descriptors }) => descriptors.length > 0);
    this.#options = options;
    this.#prepared = prepared;
    this.#isWorker = isWorker;
    this.#upstream = findUpstream(isWorker);
    const workers = isWorker ? undefined : workersOf(options);
    const onIdle = () => this.#idle?.touch();
    const onWish = (child: WorkerProcess) => this.#reloads.grant(child);
    this.#backend = workers
      ? new WorkerPool(workers.count, workers.heartbeat, { onIdle, onWish })
      : new Servers(prepared, onIdle);
    this.#idle = this.#watchIdle(isWorker || workers !== undefined);
    this.#reloads = new Reloads(this.#reloadable(), options.reload);
  }

  #reloadable(): Reloadable {
    const isStopping = () => STOPPING.has(this.#state);
    return {
      backend: this.#backend,
      upstream: this.#upstream,
      hooks: this.#hooks,
      started: this.#started.promise,
      get isStopping() {
        return isStopping();
      },
      enter: (event) => this.#enter(event),
      status: () => this.#status(),
    };
  }

  get connections(): number {
    return this.#backend.connections;
  }

  get stopped(): Promise<string> {
    return this.#stopped.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Whether the event leads to another state; where it does not, nothing is to be done. */
  #enter(event: Event): boolean {
    const to = transition(this.#state, event);
    if (to !== undefined) this.#state = to;
    return to !== undefined;
  }

  /** With workers, the idle time is split: half in each worker, half here once all workers are idle. */
  #watchIdle(shared: boolean): IdleWatch | undefined {
    const { idleTimeout = 0 } = this.#options;
    const never = idleTimeout === 0 || idleTimeout === Number.POSITIVE_INFINITY;
    if (never || !this.activated) return undefined;
    const onChange = (idle: boolean) => {
      this.#upstream.idle(idle);
      if (idle && !this.#isWorker) this.stop('idle');
    };
    return new IdleWatch(
      shared ? idleTimeout / 2 : idleTimeout,
      () => this.#backend.busy,
      onChange,
    );
  }

  #handleSignals(): Signals {
    const { reload, signals } = this.#options;
    const actions = {
      stop: (signal: string) => this.stop(signal),
      cut: () => this.#endWaiting(),
      reload: () => this.#reloads.request(),
      isStopping: () => STOPPING.has(this.#state),
    };
    // In a worker it is for the primary to say when; the signal may reach both.
    const onHangup = this.#isWorker ? 'nothing' : 'reload';
    const hangup = reload === undefined ? 'default' : onHangup;
    return new Signals(actions, { take: signals === 'take', hangup });
  }

  #obey({ reload, stop, cut, reloaded }: Order): void {
    if (reload) this.#reloads.request();
    if (stop !== undefined) this.stop(stop);
    if (cut) this.#endWaiting();
    if (reloaded !== undefined) this.#reloads.settle(reloaded);
  }

  /** First the signals: from systemd 262 on, SIGHUP must be handled when it is told of READY=1. */
  async start(): Promise<void> {
    this.#signals = this.#handleSignals();
    if (this.#isWorker) this.#disobey = onOrder((order) => this.#obey(order));
    try {
      this.addresses = Object.freeze([...(await this.#backend.start())]);
      if (this.#state === 'starting') this.#tellReady();
      this.#enter('listening');
    } catch (error) {
      await this.#giveUp(error);
    }
    this.#started.resolve();
    // The primary of serve() runs the same program, and warns for its workers.
    if (this.#state === 'serving' && !this.#upstream.isPrimary) this.#signals.warnOfOthers();
  }

  /**
   * Who is told to stop and then can't start stops, and that is all: a part of it may serve already, and
   * what that has under way is answered.
   */
  async #giveUp(error: unknown): Promise<void> {
    this.#enter('failed');
    if (this.#state !== 'failed') return;
    this.#backend.cut();
    await this.#backend.drain('failed to start', Promise.resolve()).catch(() => {});
    this.#signals?.release();
    this.#disobey();
    this.#upstream.failed(messageOf(error));
    throw error;
  }

  #tellReady(): void {
    const { watchdog, status } = this.#options;
    this.#upstream.ready(this.#status(), this.addresses);
    if (!this.#isWorker) warnOfUntaken(this.#prepared.flatMap(({ descriptors }) => descriptors));
    ofProcess.pings?.stop();
    ofProcess.pings =
      watchdog === false ? undefined : this.#upstream.watch(this.#watchdogOptions(watchdog));
    if (status !== undefined || this.#isWorker) {
      const refresh = () => this.#upstream.refresh(() => this.#status(), this.connections);
      this.#refresh = setInterval(refresh, REFRESH_INTERVAL).unref();
    }
    this.#idle?.touch();
  }

  #watchdogOptions(options: WatchdogOptions = {}): WatchdogOptions {
    const backend = this.#backend;
    return backend.checksItself ? { ...options, check: () => backend.healthy } : options;
  }

  #status(): string {
    const text = this.#askStatus() ?? this.#ownStatus();
    const { failure } = this.#reloads;
    return failure === undefined ? text : `${text} (reload failed: ${failure})`;
  }

  #ownStatus(): string {
    if (this.#reason !== undefined) {
      const left =
        this.connections > 0 ? `, ${formatCount(this.connections, 'connection')} left` : '';
      return `Stopping: ${this.#reason}${left}`;
    }
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
      if (messageOf(error) !== this.#statusFailure) warnOfHook('The status hook', error);
      this.#statusFailure = messageOf(error);
      return undefined;
    }
  }

  reload(): Promise<void> {
    return this.#reloads.requestByProgram();
  }

  stop(reason = 'stop'): Promise<string> {
    validateOptionalString('reason', reason);
    if (this.#enter('stop')) {
      this.#reason = reason;
      // At once, because another listener of the same signal may end the process next.
      this.#forgetExit = onExit((end) => this.#onExit(end, reason));
      if (this.#state === 'interrupted') this.#backend.interrupt(reason);
      this.#started.promise.then(() => this.#end(reason));
    }
    const then = 'the service has stopped when this hook has ended too';
    if (!this.#hooks.isWaitedFor('stop', then)) return this.stopped;
    return Promise.resolve(this.#reason ?? reason);
  }

  async #end(reason: string): Promise<void> {
    this.#idle?.stop();
    const failures: unknown[] = [];
    await this.#drain(reason).catch((error) => {
      warn(error);
      failures.push(error);
    });
    this.#enter('drained');
    this.#upstream.drained();
    await this.#callStopHook(reason).catch((error) => failures.push(error));
    this.#forgetExit();
    this.#enter('ended');
    this.#leave(failures);
    if (failures.length === 0) this.#stopped.resolve(reason);
    else this.#stopped.reject(failures[0]);
  }

  /** Takes no more connections, at once, and waits for those that are open. */
  async #drain(reason: string): Promise<void> {
    const { stopTimeout = STOP_TIMEOUT } = this.#options;
    const answered = deferred<void>();
    const ended = this.#backend.drain(reason, answered.promise);
    this.#upstream.stopping(this.#status());
    const refresh = () => this.#upstream.refresh(() => this.#status(), this.connections);
    const extending = setInterval(() => {
      this.#upstream.extendTimeout(EXTENSION);
      refresh();
    }, EXTEND_INTERVAL);
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
      refresh();
    }
  }

  /** A failed drain hook is told of, and the service stops all the same. */
  async #callDrainHook(reason: string): Promise<void> {
    const { drain } = this.#options;
    this.#isDrainCalled = true;
    if (!drain) return;
    await this.#hooks.call('drain', () => drain(reason, this.#backend.draining)).catch(() => {});
  }

  async #callStopHook(reason: string): Promise<void> {
    const { stop } = this.#options;
    if (stop) await this.#hooks.call('stop', () => stop(reason));
  }

  #endWaiting(): void {
    this.#backend.cut();
    this.#cut.resolve();
  }

  /** The process ends before the service has stopped. */
  #onExit({ code, caller }: ProcessEnd, reason: string): void {
    const isOfHook = this.#state === 'stopping' && this.#hooks.current !== undefined;
    if (isOfHook) return; // the stop hook may end the process
    if (caller === undefined) {
      // Another end than by having nothing to do is by an error, which Node tells.
      if (this.#state === 'stopping' && code === 0) this.#failAtExit();
    } else if (this.#state === 'draining' || this.#state === 'interrupted') {
      this.#endEarly(code, caller, reason);
    } else if (this.#state === 'stopping') {
      warnOfExit(code, 'while the stop hook ran, and has cut it', caller);
    }
  }

  /** The hooks are called now: what they do synchronously can still be done. */
  #endEarly(code: number, caller: string, reason: string): void {
    const open = this.connections;
    const are = open === 1 ? 'connection was' : 'connections were';
    warnOfExit(code, `before all was answered: ${open} ${are} open`, caller);
    const { drain, stop } = this.#options;
    if (!this.#isDrainCalled && drain) {
      callAtExit('drain', () => drain(reason, this.#backend.draining));
    }
    if (stop) callAtExit('stop', () => stop(reason));
  }

  /** A stop hook that never settles while the event loop is empty counts as a failed stop. */
  #failAtExit(): void {
    process.exitCode = 1;
    const message = 'The stop hook has not ended, and the process has nothing left to do';
    warnAtExit(message, { code: 'ERR_SYSTEMD_HOOK' });
    this.#upstream.refresh(() => `Stop failed: ${message}`, 0);
  }

  /** The watchdog goes on to the very end of the process, or until that serves again. */
  #leave(failures: readonly unknown[]): void {
    clearInterval(this.#refresh);
    this.#reloads.settle('The service has stopped before it was reloaded');
    for (const failure of failures) {
      process.exitCode ||= 1; // what the hook has set counts
      this.#upstream.refresh(() => `Stop failed: ${messageOf(failure)}`, 0);
    }
    this.#upstream.end(Number(process.exitCode ?? 0) === 0);
    this.#signals?.callTaken(this.#reason);
    const { exitTimeout = EXIT_TIMEOUT } = this.#options;
    const cancel = setExitDeadline(exitTimeout);
    const release = () => this.#signals?.release();
    // A signal may come once more, to a process that is about to end: that must not kill it.
    if (exitTimeout === Number.POSITIVE_INFINITY && !this.#isWorker) release();
    ofProcess.cancelExitDeadline = () => {
      cancel();
      release();
    };
  }
}

/**
 * Runs a whole service: takes the sockets that systemd opened, or listens on the fallbacks, all of
 * them or none; says READY=1; answers the watchdog; reloads on SIGHUP; and on SIGTERM and SIGINT
 * stops without losing a request. Without a service manager it does the same, and tells nobody.
 *
 * To stop is to take no more connections: those that wait in the kernel's queue wait for the next
 * instance. Requests that are under way are answered, the last of each HTTP/1 connection with
 * `Connection: close`. Kept-alive connections are closed after a second without a request. HTTP/2 takes new
 * streams for a second, then says GOAWAY, and goes on until its streams have ended. The manager is asked for
 * more time as long as that takes. Another SIGTERM changes nothing; `stopTimeout`, or a second Ctrl-C (SIGINT)
 * after more than a second, closes what is left. Then the `stop` hook is called, and the process ends with 0
 * when nothing holds it any more, or with 1 when that hook failed.
 *
 * SIGTERM and SIGINT are handled to the end of the process, SIGHUP too; other listeners for them are told of by
 * a process warning (ERR_SYSTEMD_SIGNALS), or wait until the service has stopped (`signals: 'take'`).
 *
 * @param server - a server of net, http, https, http2 or tls, or a socket of dgram, that does not
 * listen yet; or a list of {@link ServedServer}, `{ server, name, descriptor, fallback, backlog }`
 * @param options - those of `listen()`, for one server, and {@link ServeOptions}; default {}
 * @returns the service, once it serves. One that was told to stop meanwhile is stopping then
 * @throws SystemdError what {@link listen} and `watchdog.timeout` throw, before anything is touched; what
 * `notify.ready` throws; ERR_SYSTEMD_WORKER when a worker ended before it listened, or could not be started;
 * ERR_SYSTEMD_SERVING when this process has a service already, ERR_SYSTEMD_STOPPED when its manager was
 * told STOPPING=1, ERR_SYSTEMD_THREAD in a worker thread. Then none of the servers listens, and the same
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
  assertMayServe();
  const service = prepare(entries, Array.isArray(servers), options);
  ofProcess.isServing = true;
  if (options.keepEnvironment !== true) unsetEnvironment();
  ofProcess.cancelExitDeadline();
  const forget = () => {
    ofProcess.isServing = false;
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

/** A process has one state to tell of. */
function assertMayServe(): void {
  if (!isMainThread()) {
    const message =
      'Signals reach the main thread alone, and end the process where that does not handle them: call serve() there, and in worker threads listen()';
    throw new SystemdError('ERR_SYSTEMD_THREAD', message);
  }
  if (ofProcess.isServing) {
    const message = 'A service runs in this process already: give serve() all servers at once';
    throw new SystemdError('ERR_SYSTEMD_SERVING', message);
  }
  if (hasSentStopping()) {
    const message =
      'The service manager was told STOPPING=1, which can not be taken back: it will end this process. Serve in a new one';
    throw new SystemdError('ERR_SYSTEMD_STOPPED', message);
  }
}

/** Matches the servers with their descriptors. What systemd has passed may not be what is expected. */
function prepare(
  entries: readonly ServedServer[],
  isList: boolean,
  options: ServeOptions,
): RunningService {
  try {
    // Throws what is wrong with WATCHDOG_USEC, before the manager is told READY=1.
    if (options.watchdog !== false) watchdog.timeout();
    const prepared = prepareServers(entries, isList);
    return new RunningService(prepared, options, isWorker());
  } catch (error) {
    if (error instanceof SystemdError) findUpstream(isWorker()).failed(messageOf(error));
    throw error;
  }
}
