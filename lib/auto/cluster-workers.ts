// The cluster workers that the program forks: each drains by itself, at the order of the primary.
import type { Worker } from 'node:cluster';
import { type Deferred, deferred } from '../base/deferred.ts';
import { cluster, nodeModule } from '../base/lazy-builtins.ts';
import type { Address } from '../descriptor/address.ts';
import { letWorkersAccept } from '../service/workers/scheduling.ts';
import type { CutCause } from '../traffic/traffic.ts';
import type { OtherServers } from './automatic-backend.ts';
import type { Primary } from './automatic-service.ts';
import { type Order, onMessage, type Report, send } from './cluster-messages.ts';
import { environmentOfWorker } from './role.ts';

/** Milliseconds in which a worker that was told to stop gets the primary's order, if the whole service stops. */
const ORDER_PATIENCE = 200;

interface KnownWorker {
  readonly worker: Worker;
  /** True if the program has forked it after the drain, during its clean-up. */
  readonly isLate: boolean;
  addresses: readonly Address[];
  /** Resolves when its last connection has ended, or when the process has ended. */
  readonly drained: Deferred<void>;
}

/** In the primary: the workers that listen. */
export class ClusterWorkers implements OtherServers {
  readonly #workers = new Set<KnownWorker>();
  readonly #onListening: () => void;
  /** All that the workers were ordered. The program may replace a worker during the stop. */
  #orders: Order = {};

  /** @param onListening - called when a worker has begun to listen */
  constructor(onListening: () => void) {
    this.#onListening = onListening;
  }

  /**
   * Follows every worker that is forked from now on.
   *
   * @param isAside - returns true when the program runs its workers by serve()
   */
  follow(isAside: () => boolean): void {
    const node = cluster();
    letWorkersAccept();
    const { fork } = node;
    node.fork = (env?: object) => {
      const own = isAside() ? {} : environmentOfWorker();
      return fork.call(node, { ...own, ...env });
    };
    nodeModule().syncBuiltinESMExports(); // for programs that import { fork }
    node.on('fork', (worker) => {
      if (!isAside()) this.#follow(worker);
    });
  }

  #follow(worker: Worker): void {
    const isLate = this.#orders.replay === true;
    const known: KnownWorker = { worker, isLate, addresses: [], drained: deferred<void>() };
    onMessage(worker.process, ({ addresses, drained, isAside }: Report) => {
      if (drained) known.drained.resolve();
      if (isAside) this.#forget(known);
      if (addresses === undefined) return;
      known.addresses = addresses;
      this.#add(known);
    });
    worker.once('exit', () => this.#forget(known));
  }

  #forget(known: KnownWorker): void {
    this.#workers.delete(known);
    known.drained.resolve();
  }

  /**
   * Adds a worker at its first report, which may come after the drain although the worker was forked before.
   * A worker reports again when its servers change, as they do while it stops.
   */
  #add(known: KnownWorker): void {
    const isNew = !this.#workers.has(known);
    this.#workers.add(known);
    if (isNew && this.#orders.stop !== undefined) {
      const { replay, ...orders } = this.#orders;
      send(known.worker.process, known.isLate ? { ...orders, isLate: true } : this.#orders);
    }
    if (this.#orders.cut !== undefined) known.drained.resolve();
    this.#onListening();
  }

  get addresses(): readonly Address[] {
    return [...this.#workers].flatMap(({ addresses }) => addresses);
  }

  #order(order: Order): void {
    this.#orders = { ...this.#orders, ...order };
    for (const { worker } of this.#workers) send(worker.process, order);
  }

  async drain(reason: string): Promise<void> {
    this.#order({ stop: reason });
    await this.#allDrained();
    this.#order({ replay: true });
  }

  /** Resolves when the workers have drained, those too that the program adds meanwhile. */
  async #allDrained(): Promise<void> {
    const awaited = new Set<KnownWorker>();
    for (;;) {
      const further = [...this.#workers].filter((known) => !awaited.has(known));
      if (further.length === 0) return;
      for (const known of further) awaited.add(known);
      await Promise.all(further.map(({ drained }) => drained.promise));
    }
  }

  cut(cause: CutCause): void {
    this.#order({ cut: cause });
    for (const { drained } of this.#workers) drained.resolve();
  }
}

/** In a worker: the primary, which gets reports, and decides when the program gets the signal. */
export class AutomaticPrimary implements Primary {
  /** The primary judges, so that nothing is said here. */
  readonly isServePrimary = true;
  readonly #ordered = deferred<void>();
  readonly #replay = deferred<void>();
  #isLate = false;

  /** @param act - called with each order */
  constructor(act: (order: Order) => void) {
    onMessage(process, (order: Order) => {
      if (order.stop !== undefined) this.#ordered.resolve();
      if (order.replay) this.#replay.resolve();
      if (order.isLate) this.#isLate = true;
      act(order);
    });
  }

  ready(_status: () => string, addresses: readonly Address[]): void {
    send(process, { addresses });
  }

  drained(): void {
    send(process, { drained: true });
  }

  standAside(): void {
    send(process, { isAside: true });
  }

  startPings(): undefined {}
  reloading(): void {}
  reloaded(): void {}
  startFailed(): void {}
  requestReload(): boolean {
    return false;
  }
  stopping(): void {}
  extendTimeout(): void {}
  update(): void {}
  idle(): void {}
  stopped(): void {}

  /**
   * Resolves when the program may get the signal:
   * - the whole service stops: when all workers have drained, because the program may replace a worker that ends
   * - the program has forked this worker during its clean-up: when the worker itself is sent a signal
   * - the program stops this worker alone: soon
   *
   * @param signalled - resolves once this process was sent a signal that stops it
   */
  async mayReplay(signalled: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), ORDER_PATIENCE);
    });
    const isOrdered = await Promise.race([this.#ordered.promise.then(() => true), patience]);
    clearTimeout(timer);
    if (isOrdered) await (this.#isLate ? signalled : this.#replay.promise);
  }
}
