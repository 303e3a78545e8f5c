// The cluster workers of a service, in the primary.
import type { Worker } from 'node:cluster';
import { now } from '../../base/clock.ts';
import { SystemdError } from '../../base/errors.ts';
import { cluster } from '../../base/lazy-builtins.ts';
import { messageOf, warn } from '../../base/warn.ts';
import type { Address } from '../../descriptor/address.ts';
import { drainContext } from '../../traffic/traffic.ts';
import type { Backend } from '../backend.ts';
import { workerEnvironment } from './channel.ts';
import { type Ending, WorkerProcess, type WorkerProcessEvents, workerError } from './process.ts';

/** What `serve` may be told of its workers. */
export interface WorkersOptions {
  /** How many. */
  readonly count: number;
  /**
   * Milliseconds within which each worker must say that its event loop turns, and that
   * `watchdog.check` is content. While one has not, the primary does not ping; and that one is killed
   * and replaced. Default: the watchdog's timeout, where the unit has one (WatchdogSec=). false: not
   * asked for.
   */
  readonly heartbeat?: number | false;
}

/** Milliseconds before a dead worker is replaced: doubled with each that follows soon. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 10_000;

/** A worker that lived this long, in milliseconds, did not die of its start. */
const SOON = 10_000;

/**
 * A worker that starts later on has this long, in milliseconds, and four times as long as the first ones
 * took. Those the manager waits for, by the unit's own time.
 */
const START_TIMEOUT = 90_000;

/** A worker that is told to cut its connections has this long, in milliseconds, to have done it. */
const CUT_TIMEOUT = 10_000;

/** How many times in a heartbeat's time the workers are looked at. */
const LOOKS = 4;

/** A look that is later than this, in milliseconds, says nothing of the workers. */
const LATE = 50;

/** Node throws at once for some of what it fails by (E2BIG, ENOMEM), and tells later of the rest. */
function fork(heartbeat: number | undefined): Worker {
  try {
    return cluster().fork(workerEnvironment({ heartbeat }));
  } catch (cause) {
    const message = `A worker could not be started: ${messageOf(cause)}`;
    throw new SystemdError('ERR_SYSTEMD_WORKER', message, {}, { cause });
  }
}

/** The cluster workers of a service as one. */
export class WorkerPool implements Backend {
  /** The primary has no connections: each worker gives its own to its own `drain` hook. */
  readonly draining = drainContext([]);
  readonly #count: number;
  readonly #heartbeat: number | undefined;
  readonly #events: WorkerProcessEvents;
  readonly #processes = new Set<WorkerProcess>();
  readonly #delays = new Set<NodeJS.Timeout>();
  #looks: NodeJS.Timeout | undefined;
  #deaths = 0;
  #startTimeout = START_TIMEOUT;
  #draining = false;

  /** @param heartbeat - milliseconds; undefined: workers need not say that they are well */
  constructor(count: number, heartbeat: number | undefined, events: WorkerProcessEvents) {
    this.#count = count;
    this.#heartbeat = heartbeat;
    this.#events = events;
  }

  /** In each worker. */
  get checksItself(): boolean {
    return true;
  }

  async start(): Promise<readonly Address[]> {
    // By Node's own default the primary accepts for its workers, and what it has accepted and not
    // yet handed over would be lost when it stops. So they accept by themselves.
    if (process.env.NODE_CLUSTER_SCHED_POLICY === undefined) {
      cluster().schedulingPolicy = cluster().SCHED_NONE;
    }
    const begun = now();
    const children = Array.from({ length: this.#count }, () => this.#fork());
    const [addresses = []] = await Promise.all(children.map(({ serving }) => serving));
    this.#startTimeout = Math.max(START_TIMEOUT, 4 * (now() - begun));
    for (const child of children) this.#keep(child);
    this.#watchHeartbeats();
    return addresses;
  }

  #fork(): WorkerProcess {
    const child = new WorkerProcess(fork(this.#heartbeat), this.#events);
    this.#processes.add(child);
    child.ended.then(() => {
      this.#processes.delete(child);
      // One that it could not start, Node would list for ever.
      if (child.worker.process.pid === undefined) delete cluster().workers?.[child.worker.id];
    });
    return child;
  }

  /** From now on another takes its place when it ends. */
  #keep(child: WorkerProcess): void {
    const since = now();
    child.wanted = true;
    child.ended.then((ending) => {
      if (!child.wanted || this.#draining) return;
      const delay = this.#delayAfter(now() - since);
      warn(workerError(child, ending, `and is replaced in ${delay} ms`));
      this.#replaceIn(delay);
    });
  }

  /** @param lived - milliseconds */
  #delayAfter(lived: number): number {
    if (lived >= SOON) this.#deaths = 0;
    return Math.min(FIRST_DELAY * 2 ** this.#deaths++, LONGEST_DELAY);
  }

  #replaceIn(delay: number): void {
    const timer = setTimeout(() => {
      this.#delays.delete(timer);
      this.#replace();
    }, delay);
    this.#delays.add(timer);
  }

  #replace(): void {
    try {
      const child = this.#fork();
      this.#keep(child);
      child.startWithin(this.#startTimeout).catch(() => {}); // its end is seen
    } catch (error) {
      warn(error);
      this.#replaceIn(this.#delayAfter(0));
    }
  }

  #watchHeartbeats(): void {
    const heartbeat = this.#heartbeat;
    if (heartbeat === undefined) return;
    const interval = heartbeat / LOOKS;
    let looked = now();
    const look = () => {
      const isLate = now() - looked > interval + Math.max(interval, LATE);
      looked = now();
      // It is this process that stood still, and the workers too, perhaps (systemctl freeze).
      if (!isLate) for (const child of this.#processes) child.checkHeartbeat(heartbeat);
    };
    // After the event loop has read what they have sent meanwhile.
    this.#looks = setInterval(() => setImmediate(look), interval).unref();
  }

  /** Whether there are workers, and every one has been heard of in time. */
  get healthy(): boolean {
    const heard = [...this.#processes].filter((child) => child.lastHeard !== undefined);
    return this.#draining || (heard.length > 0 && !heard.some(({ overdue }) => overdue));
  }

  get connections(): number {
    return [...this.#processes].reduce((sum, { connections }) => sum + connections, 0);
  }

  get busy(): boolean {
    return [...this.#processes].some(({ idle }) => !idle);
  }

  /**
   * One after the other, so that the first to fail leaves the others as they were.
   *
   * @param roll - each is followed by a new one, which listens before the old one stops
   */
  async reload(roll: boolean): Promise<void> {
    await this.#eachInTurn((child) => (roll ? this.#replaceOne(child) : this.#reloadOne(child)));
  }

  async #reloadOne(child: WorkerProcess): Promise<void> {
    try {
      await child.reload();
    } catch (error) {
      if (!this.#draining) throw error; // one that stops does not say that it has reloaded
    }
  }

  /** Those that are still starting, too: they may have read what is old by now. */
  async #eachInTurn(act: (child: WorkerProcess) => Promise<void>): Promise<void> {
    for (const child of [...this.#processes].filter(({ wanted }) => wanted)) {
      // One that has ended meanwhile is replaced by one that has read what is new.
      if (!this.#draining && this.#processes.has(child)) await act(child);
    }
  }

  async #replaceOne(child: WorkerProcess): Promise<void> {
    child.wanted = false; // should it end now, its successor is on its way
    try {
      const fresh = this.#fork();
      await fresh.startWithin(this.#startTimeout);
      this.#keep(fresh);
    } catch (error) {
      if (this.#draining) return; // which has ended the new one
      child.wanted = true;
      if (!this.#processes.has(child)) this.#replaceIn(this.#delayAfter(0));
      throw error;
    }
    child.retire().catch(() => {}); // it has ended before
  }

  /** Workers may take their time to start, or hang. */
  interrupt(reason: string): void {
    this.drain(reason).catch(() => {});
  }

  async drain(reason: string): Promise<void> {
    this.#draining = true;
    for (const delay of this.#delays) clearTimeout(delay);
    const children = [...this.#processes];
    for (const child of children) child.stop(reason);
    const endings = await Promise.all(children.map(({ ended }) => ended));
    clearInterval(this.#looks);
    for (const [i, child] of children.entries()) {
      const ending = endings[i] as Ending;
      if (!child.endedWell(ending)) throw workerError(child, ending, 'when it was stopped');
    }
  }

  cut(): void {
    const children = [...this.#processes];
    for (const child of children) child.order({ cut: true });
    // What the stop hook may take is for the unit to say.
    const kill = () => {
      const hung = children.filter((child) => this.#processes.has(child) && !child.drained);
      for (const child of hung) child.kill();
    };
    setTimeout(kill, CUT_TIMEOUT).unref();
  }
}
