// The reloads of a service: on SIGHUP, by the word of a worker's primary, or by its program.

import { CoalescedTask } from '../base/coalesced-task.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { SystemdError } from '../base/errors.ts';
import type { Hooks } from '../base/hooks.ts';
import { invalidValue } from '../base/validate.ts';
import { messageOf, warn } from '../base/warn.ts';
import type { Backend } from './backend.ts';
import type { ServeOptions } from './options.ts';
import type { Upstream } from './upstream.ts';
import type { WorkerProcess } from './workers/process.ts';

/** What reloads need of their service. */
export interface Reloadable {
  readonly backend: Backend;
  readonly upstream: Upstream;
  readonly hooks: Hooks;
  readonly started: Promise<void>;
  readonly isStopping: boolean;
  /** Whether the event leads to another state. */
  enter(event: 'reload' | 'reloaded'): boolean;
  status(): string;
}

function stops(): SystemdError {
  const message = 'The service stops, and does not reload any more';
  return new SystemdError('ERR_SYSTEMD_STOPPED', message);
}

export class Reloads {
  readonly #service: Reloadable;
  readonly #how: ServeOptions['reload'];
  readonly #turns = new CoalescedTask(() => this.#reload());
  /** In a worker: what waits for the answer of its primary. */
  readonly #wishes = new Set<Deferred<void>>();
  /** What the last one failed with. */
  failure: string | undefined;

  constructor(service: Reloadable, how: ServeOptions['reload']) {
    this.#service = service;
    this.#how = how;
  }

  /** One that begins after this, and not before the service serves. Its failure is told of. */
  request(): Promise<void> {
    const done = this.#request();
    done.catch(() => {});
    return done;
  }

  async #request(): Promise<void> {
    await this.#service.started;
    if (this.#service.isStopping) throw stops();
    await this.#turns.request();
  }

  /** As {@link request}; in a worker the whole service reloads. In a hook it is not waited for. */
  requestByProgram(): Promise<void> {
    const done = this.#requestByProgram();
    done.catch(() => {});
    const then = this.#service.isStopping
      ? 'the service stops, and does not reload any more'
      : 'the next reload begins when this hook has ended';
    return this.#service.hooks.isWaitedFor('reload', then) ? Promise.resolve() : done;
  }

  async #requestByProgram(): Promise<void> {
    if (this.#how === undefined) {
      throw invalidValue('options.reload', "a function or 'roll', for service.reload()", undefined);
    }
    if (this.#service.isStopping) throw stops();
    if (!this.#service.upstream.askReload()) return await this.request();
    const wish = deferred<void>();
    this.#wishes.add(wish);
    await wish.promise;
  }

  /** In a worker: what has become of the reload that its program wanted. */
  settle(outcome: true | string): void {
    for (const wish of this.#wishes) {
      if (outcome === true) wish.resolve();
      else wish.reject(new Error(outcome));
    }
    this.#wishes.clear();
  }

  /** In the primary: the program of this worker wants a reload. */
  grant(child: WorkerProcess): void {
    this.requestByProgram().then(
      () => child.order({ reloaded: true }),
      (error) => child.order({ reloaded: messageOf(error) }),
    );
  }

  /** Takes back what has not begun, and waits for what has. */
  async end(): Promise<void> {
    await this.#turns.end(stops());
  }

  async #reload(): Promise<void> {
    const service = this.#service;
    if (!service.enter('reload')) throw stops();
    service.upstream.reloading();
    try {
      await this.#reloadAll();
      this.failure = undefined;
    } catch (error) {
      this.failure = messageOf(error);
      throw error;
    } finally {
      // After STOPPING=1 there is no way back to READY=1.
      if (service.enter('reloaded')) service.upstream.reloaded(service.status(), this.failure);
    }
  }

  async #reloadAll(): Promise<void> {
    const how = this.#how;
    try {
      await this.#service.backend.reload(how === 'roll');
    } catch (error) {
      warn(error);
      throw error;
    }
    if (typeof how === 'function') await this.#service.hooks.call('reload', how);
  }
}
