// RunningService: starts a service, and handles signals, orders of a cluster primary and calls of the program.
import { warnOfUntaken } from '../activation/candidates.ts';
import type { PreparedServer } from '../activation/prepared-server.ts';
import { deferred } from '../base/deferred.ts';
import { Hooks } from '../base/hooks.ts';
import { validateOptionalString } from '../base/validate.ts';
import { messageOf } from '../base/warn.ts';
import type { Address } from '../descriptor/address.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import type { WatchdogOptions } from '../notification/watchdog/options.ts';
import { watchdog } from '../notification/watchdog.ts';
import type { CutCause } from '../traffic/traffic.ts';
import type { Backend } from './backend.ts';
import type { TakenServeOptions } from './check-options.ts';
import { type IdleWatch, watchIdle } from './idle.ts';
import { Lifecycle } from './lifecycle.ts';
import { watchMemory } from './memory-watch.ts';
import type { ServiceParts } from './parts.ts';
import { Reloads } from './reloads.ts';
import { Servers } from './servers.ts';
import type { Service } from './service.ts';
import { sharedState } from './shared-state.ts';
import { type SignalActions, type SignalHandling, Signals } from './signals.ts';
import { STATUS_INTERVAL, StatusText } from './status-text.ts';
import { StopSequence } from './stop-sequence.ts';
import type { Upstream } from './upstream.ts';
import { onOrder } from './workers/channel.ts';
import type { Order } from './workers/messages.ts';
import { WorkerPool } from './workers/pool.ts';

/** Milliseconds within which each cluster worker must send a heartbeat; undefined when no heartbeats are sent. */
function heartbeatOf({ workers, watchdog: pings }: TakenServeOptions): number | undefined {
  const byDefault = pings === false ? undefined : watchdog.timeout();
  const heartbeat = workers?.heartbeat ?? byDefault;
  return heartbeat === false || heartbeat === Number.POSITIVE_INFINITY ? undefined : heartbeat;
}

/** Parts of a service that a preloaded program has in place of those of serve(). */
export interface ServicePieces {
  /** True when systemd starts the service again for the next connection. */
  readonly activated: boolean;
  /** @param onActivity - to call when a connection begins or ends, and for each datagram */
  createBackend(onActivity: () => void): Backend;
  createSignals(actions: SignalActions): SignalHandling;
  /** The inherited sockets that have a server. */
  served(): readonly InheritedDescriptor[];
  /** Says how an inherited socket of this name gets a server. */
  readonly adviseUntaken: (name: string) => string;
}

export class RunningService implements Service {
  readonly activated: boolean;
  addresses: readonly Address[] = [];
  readonly #prepared: readonly PreparedServer[];
  readonly #parts: ServiceParts;
  readonly #idle: IdleWatch | undefined;
  readonly #reloads: Reloads;
  readonly #stopSequence: StopSequence;
  readonly #pieces: ServicePieces | undefined;
  #signals: SignalHandling | undefined;
  #endOrders: () => void = () => {};
  #statusTimer: NodeJS.Timeout | undefined;
  #endMemoryWatch: () => void = () => {};
  #isAbandoned = false;
  /** Resolved when the start has ended, also when it was interrupted. */
  readonly #started = deferred<void>();
  readonly #stopped = deferred<string>();

  constructor(
    prepared: readonly PreparedServer[],
    options: TakenServeOptions,
    upstream: Upstream,
    isWorker: boolean,
    pieces?: ServicePieces,
  ) {
    this.activated =
      pieces?.activated ?? prepared.every(({ descriptors }) => descriptors.length > 0);
    this.#prepared = prepared;
    this.#pieces = pieces;
    this.#parts = {
      options,
      isWorker,
      upstream,
      lifecycle: new Lifecycle(),
      backend: this.#createBackend(options, isWorker),
      hooks: new Hooks(),
      status: new StatusText(this, options.status),
    };
    this.#idle = watchIdle(this.#parts, this.activated, (reason) => this.stop(reason));
    this.#reloads = new Reloads(this.#parts, this.#started.promise);
    this.#stopSequence = new StopSequence(this.#parts, this.#reloads);
  }

  /** In a cluster worker `options.workers` is set too, because the worker runs the same program. */
  #createBackend(options: TakenServeOptions, isWorker: boolean): Backend {
    const onActivity = () => this.#idle?.recordActivity();
    if (this.#pieces !== undefined) return this.#pieces.createBackend(onActivity);
    if (isWorker || options.workers === undefined) return new Servers(this.#prepared, onActivity);
    return new WorkerPool(options.workers.count, heartbeatOf(options), {
      onIdleChange: onActivity,
      onReloadRequest: (worker) => this.#reloads.requestByWorker(worker),
    });
  }

  get connections(): number {
    return this.#parts.backend.connections;
  }

  get stopped(): Promise<string> {
    return this.#stopped.promise;
  }

  /** Resolves when the service serves, or when a stop has interrupted its start. */
  async start(): Promise<void> {
    const { isWorker, lifecycle, backend, upstream } = this.#parts;
    // First, because from systemd 262 on SIGHUP must be handled when the manager is told READY=1.
    this.#signals = this.#handleSignals();
    if (isWorker) this.#endOrders = onOrder((order) => this.#obey(order));
    try {
      this.addresses = Object.freeze([...(await backend.start())]);
      if (this.#isAbandoned) return;
      if (lifecycle.state === 'starting') this.#becomeReady();
      lifecycle.apply('listening');
    } catch (error) {
      await this.#handleFailedStart(error);
    }
    this.#started.resolve();
    // Not in a worker of serve(): its primary runs the same program, and warns for the workers.
    if (lifecycle.state === 'serving' && !upstream.isServePrimary) this.#signals.warnOfOthers();
  }

  #handleSignals(): SignalHandling {
    const { options, isWorker, lifecycle } = this.#parts;
    const actions = {
      stop: (signal: string) => this.stop(signal),
      cut: (cause: CutCause) => this.#stopSequence.cut(cause),
      reload: () => this.#reloads.request(),
      isStopping: () => lifecycle.isStopping,
    };
    if (this.#pieces !== undefined) return this.#pieces.createSignals(actions);
    // A worker ignores SIGHUP and reloads by order of its primary, because the signal may reach both.
    const onHangup = isWorker ? 'nothing' : 'reload';
    const hangup = options.reload === undefined ? 'default' : onHangup;
    return new Signals(actions, { take: options.signals === 'take', hangup });
  }

  /** In a cluster worker: carries out an order of the primary. */
  #obey({ reload, stop, cut, reloaded }: Order): void {
    if (reload) this.#reloads.request();
    if (stop !== undefined) this.stop(stop);
    if (cut !== undefined) this.#stopSequence.cut(cut);
    if (reloaded !== undefined) this.#reloads.handleOutcome(reloaded);
  }

  #becomeReady(): void {
    const { options, isWorker, backend, upstream, status } = this.#parts;
    upstream.ready(() => status.make(), this.addresses);
    if (!isWorker) warnOfUntaken(this.#served, this.#pieces?.adviseUntaken);
    sharedState.pings?.stop();
    sharedState.pings =
      options.watchdog === false
        ? undefined
        : upstream.startPings(this.#watchdogOptions(options.watchdog));
    if (options.status !== undefined || isWorker) {
      const update = () => upstream.update(() => status.make(), backend.connections);
      this.#statusTimer = setInterval(update, STATUS_INTERVAL).unref();
    }
    this.#endMemoryWatch = watchMemory(options.memoryPressure);
    this.#idle?.recordActivity();
  }

  get #served(): readonly InheritedDescriptor[] {
    return this.#pieces?.served() ?? this.#prepared.flatMap(({ descriptors }) => descriptors);
  }

  #watchdogOptions(options: WatchdogOptions = {}): WatchdogOptions {
    const { backend } = this.#parts;
    return backend.runsCheckElsewhere ? { ...options, check: () => backend.isHealthy } : options;
  }

  /**
   * Handles an error of the start.
   *
   * - (resolves) The service was told to stop. Nothing is done here, because the stop sequence follows, and ends the
   *   servers that listen already.
   * - (rejects) Nothing listens any more, and the caller of serve() gets the error.
   */
  async #handleFailedStart(error: unknown): Promise<void> {
    const { lifecycle, backend, upstream } = this.#parts;
    lifecycle.apply('failed');
    if (lifecycle.state !== 'failed') return;
    backend.cut('failure');
    await backend.drain('failed to start', Promise.resolve()).catch(() => {});
    this.#signals?.release();
    this.#endOrders();
    upstream.startFailed(messageOf(error));
    throw error;
  }

  reload(): Promise<void> {
    return this.#reloads.requestByProgram();
  }

  stop(reason = 'stop'): Promise<string> {
    validateOptionalString('reason', reason);
    const { lifecycle, hooks, status } = this.#parts;
    if (lifecycle.apply('stop')) {
      status.stopReason = reason;
      this.#stopSequence.begin(reason);
      this.#started.promise.then(() => this.#runStopSequence(reason));
    }
    const consequence = 'the service has stopped when this hook has ended too';
    if (!hooks.warnIfCalledInHook('stop', consequence)) return this.stopped;
    return Promise.resolve(status.stopReason ?? reason);
  }

  /**
   * Sends nothing from now on, because another service of this process takes the place of this one. The pings go on
   * until that service is ready and replaces them, because the manager counts the time since the last one.
   */
  abandon(): void {
    this.#isAbandoned = true;
    this.#idle?.stop();
    clearInterval(this.#statusTimer);
  }

  async #runStopSequence(reason: string): Promise<void> {
    this.#idle?.stop();
    try {
      await this.#stopSequence.run(reason, this.#signals);
      this.#stopped.resolve(reason);
    } catch (error) {
      this.#stopped.reject(error);
    } finally {
      clearInterval(this.#statusTimer);
      this.#endMemoryWatch();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
