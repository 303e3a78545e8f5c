// A cluster worker of a service, as its primary sees it.
import type { Worker } from 'node:cluster';
import { now } from '../../base/clock.ts';
import { SystemdError } from '../../base/errors.ts';
import { warn } from '../../base/warn.ts';
import type { Address } from '../../descriptor/address.ts';
import { type Order, onReport, order, type Report } from './channel.ts';

/** One that a roll has replaced has this long, in milliseconds, for its stop hook and its end. */
const END_TIMEOUT = 10_000;

/** `code 1`, `signal SIGKILL` or what kept it from starting. */
export type Ending = string;

const CLEAN: Ending = 'code 0';

/** What the manager (SendSIGHUP= too), or a terminal, sends to all processes of the service. */
const STOP_SIGNALS: readonly Ending[] = ['signal SIGTERM', 'signal SIGINT', 'signal SIGHUP'];

function endOf(worker: Worker): Promise<Ending> {
  return new Promise((resolve) => {
    worker.once('exit', (code: number | null, signal: string | null) =>
      resolve(signal === null ? `code ${code}` : `signal ${signal}`),
    );
    worker.on('error', (error) => {
      // Other errors are of messages to one that is just ending.
      if (worker.process.pid === undefined) resolve(error.message);
    });
  });
}

/** What a worker tells its service. */
export interface WorkerProcessEvents {
  /** A worker has no connections any more, or has some again. */
  onIdle(): void;
  /** The program of a worker wants the whole service to reload. */
  onWish(child: WorkerProcess): void;
}

interface Waiting {
  readonly hear: (report: Report) => void;
  readonly fail: (ending: Ending) => void;
}

export class WorkerProcess {
  readonly worker: Worker;
  readonly ended: Promise<Ending>;
  /** When it listens; rejects when it ends before. */
  readonly serving: Promise<readonly Address[]>;
  /** Who waits for a report. None is kept for longer, because a worker may reload for years. */
  readonly #waiting = new Set<Waiting>();
  readonly #events: WorkerProcessEvents;
  /** Orders that it can't take yet; undefined once it can. */
  #early: Order[] | undefined = [];
  /** Whether another takes its place when it ends. */
  wanted = false;
  connections = 0;
  idle = false;
  /** Whether it has listened. */
  served = false;
  /** Whether it stops, and its connections have ended. */
  drained = false;
  /** Whether it has stopped, and well. */
  stopped = false;
  /** When it was last heard of, from when it listens to when it leaves; undefined before and after. */
  lastHeard: number | undefined;
  /** Whether it has not been heard of for too long. */
  overdue = false;
  /** Why its last try to start has failed. */
  failure: string | undefined;
  #isStopped = false;
  #cancelKill: () => void = () => {};

  constructor(worker: Worker, events: WorkerProcessEvents) {
    this.worker = worker;
    this.#events = events;
    this.ended = endOf(worker);
    onReport(worker, (report) => this.#hear(report));
    worker.once('disconnect', () => {
      this.lastHeard = undefined;
    });
    this.ended.then((ending) => {
      for (const { fail } of this.#waiting) fail(ending);
    });
    this.serving = this.#reported(({ serving }) => serving, 'it listened');
    // Who waits for it gets the rejection; a replacement's end is seen all the same.
    this.serving.catch(() => {});
  }

  #hear(report: Report): void {
    if (report.listens) this.#sendEarly();
    if (report.serving !== undefined) this.#hasStarted();
    if (report.failed !== undefined) this.#hasFailed(report.failed);
    if (report.alive && this.served) this.lastHeard = now();
    if (report.drained) this.drained = true;
    if (report.stopped) this.stopped = true;
    if (report.connections !== undefined) this.connections = report.connections;
    if (report.idle !== undefined) {
      this.idle = report.idle;
      this.#events.onIdle();
    }
    if (report.wantsReload) this.#events.onWish(this);
    for (const { hear } of this.#waiting) hear(report);
  }

  #hasStarted(): void {
    this.served = true;
    this.failure = undefined;
    this.lastHeard = now();
  }

  /** Its program may try again. Until then nothing there takes orders, nor has taken one of just now. */
  #hasFailed(why: string): void {
    this.failure = why;
    this.#early ??= [];
    if (this.#isStopped) this.kill();
  }

  /** What `pick` finds in a report; rejects when it ends before. */
  #reported<T>(pick: (report: Report) => T | undefined, before: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = {
        hear: (report) => {
          const picked = pick(report);
          if (picked === undefined) return;
          this.#waiting.delete(waiting);
          resolve(picked);
        },
        fail: (ending) => reject(workerError(this, ending, `before ${before}`)),
      };
      this.#waiting.add(waiting);
    });
  }

  /**
   * Whether this is a good end for one that was told to stop. One that was only starting may have had
   * nothing yet that takes a signal; and one that has stopped may have nothing any more, when its process
   * is about to be gone, or somebody has sent a third one because something still holds it.
   */
  endedWell(ending: Ending): boolean {
    return ending === CLEAN || !this.served || (this.stopped && STOP_SIGNALS.includes(ending));
  }

  order(content: Order): void {
    if (this.#early === undefined) order(this.worker, content);
    else this.#early.push(content);
  }

  /** One that takes no orders yet has nothing to lose, and may hang before it ever does. */
  stop(reason: string): void {
    this.#isStopped = true;
    this.#cancelKill(); // from now on the unit's own time runs
    if (this.#early === undefined) this.order({ stop: reason });
    else this.kill();
  }

  kill(): void {
    this.worker.process.kill('SIGKILL');
  }

  /** Another has taken its place. Its connections have the time that the service gives them. */
  async retire(): Promise<void> {
    const drained = this.#reported((report) => report.drained, 'it had stopped');
    this.order({ stop: 'reload' });
    await drained;
    if (this.#isStopped) return;
    this.#cancelKill = this.#killIn(END_TIMEOUT, 'has stopped, and has not ended');
    this.ended.then(this.#cancelKill);
  }

  /** Waits until it listens. One that hangs before would hold a place, or a roll, for ever. */
  async startWithin(milliseconds: number): Promise<void> {
    const spare = this.#killIn(milliseconds, 'does not listen');
    await this.serving.finally(spare);
  }

  #sendEarly(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const content of early) this.order(content);
  }

  async reload(): Promise<void> {
    const reloaded = this.#reported((report) => report.reloaded, 'it had reloaded');
    this.order({ reload: true });
    const outcome = await reloaded;
    if (outcome !== true) throw new Error(outcome);
  }

  checkHeartbeat(heartbeat: number): void {
    if (this.lastHeard === undefined || now() - this.lastHeard <= heartbeat) return;
    this.overdue = true;
    this.#killFor(`has not been heard of for ${heartbeat} ms`);
  }

  #killFor(what: string): void {
    warn(`Worker ${this.worker.process.pid} ${what}, and is killed`);
    this.kill();
  }

  /** Returns a function that cancels the kill. */
  #killIn(milliseconds: number, what: string): () => void {
    const kill = () => this.#killFor(`${what} after ${milliseconds} ms`);
    const timer = setTimeout(kill, milliseconds).unref();
    return () => clearTimeout(timer);
  }
}

export function workerError(
  { worker, failure }: WorkerProcess,
  ending: Ending,
  when: string,
): SystemdError {
  const { pid } = worker.process;
  const who = pid === undefined ? 'A worker without a process' : `Worker ${pid}`;
  const why = failure === undefined ? '' : `: ${failure}`;
  const message = `${who} ended with ${ending} ${when}${why}`;
  return new SystemdError('ERR_SYSTEMD_WORKER', message);
}
