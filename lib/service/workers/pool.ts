// The cluster workers of a service, in the primary: their start, replacement, reload and stop.
import type { Worker } from 'node:cluster';
import { prepareForks } from '../../activation/cluster/forks.ts';
import { now } from '../../base/clock.ts';
import { SystemdError } from '../../base/errors.ts';
import { cluster } from '../../base/lazy-builtins.ts';
import { messageOf, warn } from '../../base/warn.ts';
import type { Address } from '../../descriptor/address.ts';
import { type CutCause, drainContext } from '../../traffic/traffic.ts';
import type { Backend } from '../backend.ts';
import type { Ending } from './ending.ts';
import { checkHeartbeats } from './heartbeats.ts';
import { WorkerProcess, type WorkerProcessEvents } from './process.ts';
import { ReplacementDelay } from './replacement-delay.ts';
import { letWorkersAccept } from './scheduling.ts';
import { workerEnvironment } from './settings.ts';

/**
 * Milliseconds within which a worker has to listen that is started later. If the first workers took more than a
 * quarter of this, the limit is four times their time. TimeoutStartSec= of the unit limits the start of the first ones.
 */
const START_TIMEOUT = 90_000;

/** Milliseconds that a worker has to close its connections after the order to cut them. */
const CUT_TIMEOUT = 10_000;

/** Node throws some errors of a fork at once (E2BIG, ENOMEM), and emits the others as events of the worker. */
function forkWorker(heartbeat: number | undefined): Worker {
  try {
    return cluster().fork(workerEnvironment({ heartbeat }));
  } catch (cause) {
    const message = `A worker could not be started: ${messageOf(cause)}`;
    throw new SystemdError('ERR_SYSTEMD_WORKER', message, {}, { cause });
  }
}

export class WorkerPool implements Backend {
  /** Empty, because the primary has no connections: each worker gives its connections to its own `drain` hook. */
  readonly drainContext = drainContext([]);
  /** `watchdog.check` is called in each worker. */
  readonly runsCheckElsewhere = true;
  readonly #count: number;
  readonly #heartbeat: number | undefined;
  readonly #events: WorkerProcessEvents;
  readonly #workers = new Set<WorkerProcess>();
  readonly #replacementDelay = new ReplacementDelay();
  readonly #replacementTimers = new Set<NodeJS.Timeout>();
  #endHeartbeatChecks: () => void = () => {};
  #startTimeout = START_TIMEOUT;
  #isDraining = false;

  /** @param heartbeat - milliseconds; undefined: workers need not send heartbeats */
  constructor(count: number, heartbeat: number | undefined, events: WorkerProcessEvents) {
    this.#count = count;
    this.#heartbeat = heartbeat;
    this.#events = events;
  }

  get connections(): number {
    return [...this.#workers].reduce((sum, { connections }) => sum + connections, 0);
  }

  get isBusy(): boolean {
    return [...this.#workers].some(({ isIdle }) => !isIdle);
  }

  /** True when at least one worker serves and no worker is overdue; during the drain always true. */
  get isHealthy(): boolean {
    const serving = [...this.#workers].filter(({ lastHeartbeat }) => lastHeartbeat !== undefined);
    return this.#isDraining || (serving.length > 0 && !serving.some(({ isOverdue }) => isOverdue));
  }

  async start(): Promise<readonly Address[]> {
    prepareForks();
    letWorkersAccept();
    const begun = now();
    const workers = Array.from({ length: this.#count }, () => this.#fork());
    const [addresses = []] = await Promise.all(workers.map(({ serving }) => serving));
    this.#startTimeout = Math.max(START_TIMEOUT, 4 * (now() - begun));
    for (const worker of workers) this.#replaceAtEnd(worker);
    if (this.#heartbeat !== undefined) {
      this.#endHeartbeatChecks = checkHeartbeats(this.#heartbeat, this.#workers);
    }
    return addresses;
  }

  #fork(): WorkerProcess {
    const worker = new WorkerProcess(forkWorker(this.#heartbeat), this.#events);
    this.#workers.add(worker);
    worker.ended.then(() => {
      this.#workers.delete(worker);
      // Without this, Node would list a worker for ever whose process could not be started.
      const { id, process: child } = worker.clusterWorker;
      if (child.pid === undefined) delete cluster().workers?.[id];
    });
    return worker;
  }

  /** From now on another worker is started when this one ends. */
  #replaceAtEnd(worker: WorkerProcess): void {
    const begun = now();
    worker.isReplacedAtEnd = true;
    worker.ended.then((ending) => {
      if (!worker.isReplacedAtEnd || this.#isDraining) return;
      const delay = this.#replacementDelay.after(now() - begun);
      warn(worker.errorOf(ending, `and is replaced in ${delay} ms`));
      this.#startReplacementIn(delay);
    });
  }

  #startReplacementIn(milliseconds: number): void {
    const timer = setTimeout(() => {
      this.#replacementTimers.delete(timer);
      this.#startReplacement();
    }, milliseconds);
    this.#replacementTimers.add(timer);
  }

  #startReplacement(): void {
    try {
      const worker = this.#fork();
      this.#replaceAtEnd(worker);
      worker.startWithin(this.#startTimeout).catch(() => {}); // #replaceAtEnd() handles its end
    } catch (error) {
      warn(error);
      this.#startReplacementIn(this.#replacementDelay.after(0));
    }
  }

  /**
   * Reloads one worker after the other, so that the first failure leaves the remaining workers as they were.
   *
   * @param roll - replaces each worker by a new one, which listens before the old one stops
   */
  async reload(roll: boolean): Promise<void> {
    // Also workers that are still starting, because they may have read the old files already.
    for (const worker of [...this.#workers].filter(({ isReplacedAtEnd }) => isReplacedAtEnd)) {
      // The replacement of a worker that has ended meanwhile reads the new files.
      if (this.#isDraining || !this.#workers.has(worker)) continue;
      await (roll ? this.#roll(worker) : this.#reloadOne(worker));
    }
  }

  async #reloadOne(worker: WorkerProcess): Promise<void> {
    try {
      await worker.reload();
    } catch (error) {
      if (!this.#isDraining) throw error; // a worker that stops does not report that it has reloaded
    }
  }

  async #roll(worker: WorkerProcess): Promise<void> {
    worker.isReplacedAtEnd = false; // because its successor is started here
    try {
      const successor = this.#fork();
      await successor.startWithin(this.#startTimeout);
      this.#replaceAtEnd(successor);
    } catch (error) {
      if (this.#isDraining) return; // the drain has ended the successor
      worker.isReplacedAtEnd = true;
      if (!this.#workers.has(worker)) {
        this.#startReplacementIn(this.#replacementDelay.after(0));
      }
      throw error;
    }
    worker.retire().catch(() => {}); // the worker has ended before its last connection
  }

  /** Ends workers that are starting, because a start may take long, or hang. start() then rejects. */
  interrupt(reason: string): void {
    this.drain(reason).catch(() => {});
  }

  async drain(reason: string): Promise<void> {
    this.#isDraining = true;
    for (const timer of this.#replacementTimers) clearTimeout(timer);
    const workers = [...this.#workers];
    for (const worker of workers) worker.stop(reason);
    const endings = await Promise.all(workers.map(({ ended }) => ended));
    this.#endHeartbeatChecks();
    for (const [i, worker] of workers.entries()) {
      const ending = endings[i] as Ending;
      if (!worker.hasEndedWell(ending)) throw worker.errorOf(ending, 'when it was stopped');
    }
  }

  /** Orders the workers to close their connections, and kills each worker that has not done so in time. */
  cut(cause: CutCause): void {
    const workers = [...this.#workers];
    for (const worker of workers) worker.order({ cut: cause });
    const killHung = () => {
      // A drained worker runs its stop hook, whose time is limited by the unit's TimeoutStopSec=.
      const hung = workers.filter((worker) => this.#workers.has(worker) && !worker.hasDrained);
      for (const worker of hung) worker.kill();
    };
    setTimeout(killHung, CUT_TIMEOUT).unref();
  }
}
