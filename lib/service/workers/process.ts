// WorkerProcess: one cluster worker of a service, as its primary sees it.
import type { Worker } from 'node:cluster';
import { now } from '../../base/clock.ts';
import type { SystemdError } from '../../base/errors.ts';
import { warn } from '../../base/warn.ts';
import type { Address } from '../../descriptor/address.ts';
import { onReport, sendOrder } from './channel.ts';
import { ENDINGS_BY_STOP_SIGNAL, type Ending, endingOf, SUCCESS, workerError } from './ending.ts';
import type { Order, Report } from './messages.ts';

/** Milliseconds for the stop hook and the end of a worker that a roll has replaced, after its last connection. */
const RETIREMENT_TIMEOUT = 10_000;

/** Calls of the pool when a worker reports something. */
export interface WorkerProcessEvents {
  /** The worker has become idle, or active again. */
  onIdleChange(): void;
  /** The program of the worker has called service.reload(), so the whole service has to reload. */
  onReloadRequest(worker: WorkerProcess): void;
}

/** A promise that waits for a report. */
interface Waiter {
  readonly onReport: (report: Report) => void;
  readonly onEnd: (ending: Ending) => void;
}

export class WorkerProcess {
  readonly clusterWorker: Worker;
  /** Resolves with how the process has ended, or with why it could not be started. */
  readonly ended: Promise<Ending>;
  /** Resolves with the addresses once the worker listens; rejects when its process ends before. */
  readonly serving: Promise<readonly Address[]>;
  /** Each waiter is deleted when its report has come, because a worker may reload for years. */
  readonly #waiters = new Set<Waiter>();
  readonly #events: WorkerProcessEvents;
  /** Orders that wait until the worker takes orders; undefined once it does. */
  #heldOrders: Order[] | undefined = [];
  /** True when the pool starts another worker once this one has ended. */
  isReplacedAtEnd = false;
  connections = 0;
  isIdle = false;
  hasListened = false;
  /** True when the worker stops and its last connection has ended. */
  hasDrained = false;
  /** True when the worker has stopped without a failure. */
  hasStopped = false;
  /** The time of the last heartbeat; undefined before the worker listens and after its channel has closed. */
  lastHeartbeat: number | undefined;
  isOverdue = false;
  /** The message of the error with which serve() has failed in the worker; undefined when it serves. */
  #failure: string | undefined;
  #isToldToStop = false;
  #cancelKill: () => void = () => {};

  constructor(worker: Worker, events: WorkerProcessEvents) {
    this.clusterWorker = worker;
    this.#events = events;
    this.ended = endingOf(worker);
    onReport(worker, (report) => this.#handleReport(report));
    worker.once('disconnect', () => {
      this.lastHeartbeat = undefined;
    });
    this.ended.then((ending) => {
      for (const { onEnd } of this.#waiters) onEnd(ending);
    });
    this.serving = this.#waitForReport(({ serving }) => serving, 'it listened');
    // The first workers' start awaits this promise. The end of a later worker is noticed by `ended`.
    this.serving.catch(() => {});
  }

  #handleReport(report: Report): void {
    if (report.listens) this.#sendHeldOrders();
    if (report.serving !== undefined) this.#recordStart();
    if (report.failed !== undefined) this.#recordFailure(report.failed);
    if (report.alive && this.hasListened) this.lastHeartbeat = now();
    if (report.drained) this.hasDrained = true;
    if (report.stopped) this.hasStopped = true;
    if (report.connections !== undefined) this.connections = report.connections;
    if (report.idle !== undefined) {
      this.isIdle = report.idle;
      this.#events.onIdleChange();
    }
    if (report.wantsReload) this.#events.onReloadRequest(this);
    for (const waiter of this.#waiters) waiter.onReport(report);
  }

  #recordStart(): void {
    this.hasListened = true;
    this.#failure = undefined;
    this.lastHeartbeat = now();
  }

  /** Holds orders back until the program calls serve() again. The worker has lost the orders that were just sent. */
  #recordFailure(message: string): void {
    this.#failure = message;
    this.#heldOrders ??= [];
    if (this.#isToldToStop) this.kill();
  }

  /** Resolves with what `pick` finds in a report; rejects when the process ends before. */
  #waitForReport<T>(pick: (report: Report) => T | undefined, what: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiter: Waiter = {
        onReport: (report) => {
          const picked = pick(report);
          if (picked === undefined) return;
          this.#waiters.delete(waiter);
          resolve(picked);
        },
        onEnd: (ending) => reject(this.errorOf(ending, `before ${what}`)),
      };
      this.#waiters.add(waiter);
    });
  }

  /**
   * Judges the end of a worker that was told to stop.
   *
   * - (true) code 0
   * - (true) any end before the worker listened, because until then nothing may have handled a stop signal
   * - (true) a stop signal after the worker has stopped. A process that is about to exit handles no signal any more,
   *   and a third Ctrl-C ends a process that something still holds
   * - (false) any other end
   */
  hasEndedWell(ending: Ending): boolean {
    return (
      ending === SUCCESS ||
      !this.hasListened ||
      (this.hasStopped && ENDINGS_BY_STOP_SIGNAL.includes(ending))
    );
  }

  errorOf(ending: Ending, when: string): SystemdError {
    return workerError(this.clusterWorker, ending, when, this.#failure);
  }

  /** Sends an order, once the worker takes orders. */
  order(order: Order): void {
    if (this.#heldOrders === undefined) sendOrder(this.clusterWorker, order);
    else this.#heldOrders.push(order);
  }

  #sendHeldOrders(): void {
    const orders = this.#heldOrders ?? [];
    this.#heldOrders = undefined;
    for (const order of orders) this.order(order);
  }

  /**
   * Orders the stop. A worker that takes no orders yet is killed: it has nothing to lose, and may hang in its start.
   */
  stop(reason: string): void {
    this.#isToldToStop = true;
    this.#cancelKill(); // from now on TimeoutStopSec= of the unit counts
    if (this.#heldOrders === undefined) this.order({ stop: reason });
    else this.kill();
  }

  kill(): void {
    this.clusterWorker.process.kill('SIGKILL');
  }

  /** Orders the stop of a worker that another one has replaced. Its connections may take the service's stopTimeout. */
  async retire(): Promise<void> {
    const drained = this.#waitForReport((report) => report.drained, 'it had stopped');
    this.order({ stop: 'reload' });
    await drained;
    if (this.#isToldToStop) return;
    const complaint = `has not ended ${RETIREMENT_TIMEOUT} ms after its last connection`;
    this.#cancelKill = this.#killAfter(RETIREMENT_TIMEOUT, complaint);
    this.ended.then(this.#cancelKill);
  }

  /**
   * Waits until the worker listens. A worker that hangs before would hold its place, or a roll, for ever: it is killed.
   */
  async startWithin(milliseconds: number): Promise<void> {
    const cancelKill = this.#killAfter(
      milliseconds,
      `does not listen ${milliseconds} ms after its start`,
    );
    await this.serving.finally(cancelKill);
  }

  /** Orders a reload, and rejects with its error. */
  async reload(): Promise<void> {
    const reloaded = this.#waitForReport((report) => report.reloaded, 'it had reloaded');
    this.order({ reload: true });
    const outcome = await reloaded;
    if (outcome !== true) throw new Error(outcome);
  }

  /** Kills a worker that has not sent a heartbeat within this many milliseconds. */
  checkHeartbeat(heartbeat: number): void {
    if (this.lastHeartbeat === undefined || now() - this.lastHeartbeat <= heartbeat) return;
    this.isOverdue = true;
    this.#killFor(`has sent no heartbeat for ${heartbeat} ms`);
  }

  #killFor(complaint: string): void {
    warn(`Worker ${this.clusterWorker.process.pid} ${complaint}, and is killed`);
    this.kill();
  }

  /** Returns a function that cancels the kill. */
  #killAfter(milliseconds: number, complaint: string): () => void {
    const timer = setTimeout(() => this.#killFor(complaint), milliseconds).unref();
    return () => clearTimeout(timer);
  }
}
