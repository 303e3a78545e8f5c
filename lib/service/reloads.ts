// The reloads of a service: on SIGHUP, by an order of a worker's primary, or by service.reload().
import { CoalescedTask } from '../base/coalesced-task.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { SystemdError } from '../base/errors.ts';
import { invalidValue } from '../base/validate.ts';
import { messageOf, warn } from '../base/warn.ts';
import type { ServiceParts } from './parts.ts';
import type { WorkerProcess } from './workers/process.ts';

function stoppedError(): SystemdError {
  const message = 'The service is stopping, so it does not reload';
  return new SystemdError('ERR_SYSTEMD_STOPPED', message);
}

export class Reloads {
  readonly #parts: ServiceParts;
  readonly #started: Promise<void>;
  /** Requests during a reload lead to one more reload after it. */
  readonly #reloadTask = new CoalescedTask(() => this.#reload());
  /** In a cluster worker: calls of service.reload() that wait until the primary reports the outcome. */
  readonly #waitingForPrimary = new Set<Deferred<void>>();

  /** @param started - resolves when the start has ended; no reload begins before */
  constructor(parts: ServiceParts, started: Promise<void>) {
    this.#parts = parts;
    this.#started = started;
  }

  /**
   * Requests a reload, which begins after this call. The caller may ignore the promise: a warning reports a failure.
   */
  request(): Promise<void> {
    const done = this.#request();
    done.catch(() => {});
    return done;
  }

  async #request(): Promise<void> {
    await this.#started;
    if (this.#parts.lifecycle.isStopping) throw stoppedError();
    await this.#reloadTask.request();
  }

  /**
   * Requests a reload for service.reload(). In a cluster worker the whole service reloads. In a hook the promise
   * resolves at once, because it would wait for that hook.
   */
  requestByProgram(): Promise<void> {
    const done = this.#requestByProgram();
    done.catch(() => {});
    const { hooks, lifecycle } = this.#parts;
    const consequence = lifecycle.isStopping
      ? 'the service is stopping, so it does not reload'
      : 'the next reload begins when this hook has ended';
    return hooks.warnIfCalledInHook('reload', consequence) ? Promise.resolve() : done;
  }

  async #requestByProgram(): Promise<void> {
    const { options, lifecycle, upstream } = this.#parts;
    if (options.reload === undefined) {
      throw invalidValue('options.reload', "a function or 'roll', for service.reload()", undefined);
    }
    if (lifecycle.isStopping) throw stoppedError();
    if (!upstream.requestReload()) return await this.request();
    const outcome = deferred<void>();
    this.#waitingForPrimary.add(outcome);
    await outcome.promise;
  }

  /** In a cluster worker: settles the calls of service.reload(). `outcome` is true, or the message of an error. */
  handleOutcome(outcome: true | string): void {
    for (const { resolve, reject } of this.#waitingForPrimary) {
      if (outcome === true) resolve();
      else reject(new Error(outcome));
    }
    this.#waitingForPrimary.clear();
  }

  /**
   * In the primary: reloads the whole service for the program of this worker, and reports the outcome to the worker.
   */
  requestByWorker(worker: WorkerProcess): void {
    this.requestByProgram().then(
      () => worker.order({ reloaded: true }),
      (error) => worker.order({ reloaded: messageOf(error) }),
    );
  }

  /** Cancels the reload that waits, and resolves when the running one has ended. */
  async end(): Promise<void> {
    await this.#reloadTask.end(stoppedError());
  }

  async #reload(): Promise<void> {
    const { lifecycle, upstream, status } = this.#parts;
    if (!lifecycle.apply('reload')) throw stoppedError();
    upstream.reloading();
    try {
      await this.#reloadAll();
      status.reloadFailure = undefined;
    } catch (error) {
      status.reloadFailure = messageOf(error);
      throw error;
    } finally {
      // A service that has sent STOPPING=1 meanwhile must not send READY=1.
      if (lifecycle.apply('reloaded')) upstream.reloaded(status.make(), status.reloadFailure);
    }
  }

  /** Reloads the workers, if there are any, and then this process. */
  async #reloadAll(): Promise<void> {
    const { backend, hooks, options } = this.#parts;
    const { reload } = options;
    try {
      await backend.reload(reload === 'roll');
    } catch (error) {
      warn(error);
      throw error;
    }
    if (typeof reload === 'function') await hooks.call('reload', reload);
  }
}
