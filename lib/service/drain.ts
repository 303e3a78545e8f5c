// The first step of a stop: STOPPING=1, no more connections, and the wait for the open ones to end.
import { deferred } from '../base/deferred.ts';
import type { CutCause } from '../traffic/traffic.ts';
import type { ServiceParts } from './parts.ts';
import type { Reloads } from './reloads.ts';

/** The default of options.stopTimeout, in milliseconds. */
const STOP_TIMEOUT = 30_000;

/** While connections take their time to end, the manager is asked for more time, at this interval in milliseconds. */
const EXTEND_INTERVAL = 1_000;

/** The time that the manager is asked for (EXTEND_TIMEOUT_USEC=), in milliseconds. */
const EXTENSION = 10_000;

export class Drain {
  /** True once the drain hook was called. */
  isHookCalled = false;
  readonly #parts: ServiceParts;
  readonly #reloads: Reloads;
  /** Resolves when the open connections have been cut, so that nothing waits for them any more. */
  readonly #cut = deferred<void>();

  constructor(parts: ServiceParts, reloads: Reloads) {
    this.#parts = parts;
    this.#reloads = reloads;
  }

  /** Closes the connections that are open, and ends the wait for the drain hook and a reload. */
  cut(cause: CutCause): void {
    this.#parts.backend.cut(cause);
    this.#cut.resolve();
  }

  /** Resolves when the last connection, the drain hook and the running reload have ended, or soon after {@link cut}. */
  async run(reason: string): Promise<void> {
    const { backend, upstream, status } = this.#parts;
    const hookEnded = deferred<void>();
    const drained = backend.drain(reason, hookEnded.promise);
    upstream.stopping(status.make());
    const endExtensions = this.#extendTimeout();
    const cancelCut = this.#cutAfterTimeout();
    try {
      const hook = this.#callHook(reason).then(hookEnded.resolve);
      const allEnded = Promise.all([drained, hook, this.#reloads.end()]);
      await Promise.race([allEnded, this.#cut.promise.then(() => drained)]);
    } finally {
      endExtensions();
      cancelCut();
      upstream.update(() => status.make(), backend.connections);
    }
  }

  /** Asks the manager for more time until the connections are cut. From then on TimeoutStopSec= of the unit counts. */
  #extendTimeout(): () => void {
    const { backend, upstream, status } = this.#parts;
    const timer = setInterval(() => {
      upstream.extendTimeout(EXTENSION);
      upstream.update(() => status.make(), backend.connections);
    }, EXTEND_INTERVAL);
    const end = () => clearInterval(timer);
    this.#cut.promise.then(end);
    return end;
  }

  #cutAfterTimeout(): () => void {
    const { stopTimeout = STOP_TIMEOUT } = this.#parts.options;
    if (stopTimeout === Number.POSITIVE_INFINITY) return () => {};
    const timer = setTimeout(() => this.cut('timeout'), stopTimeout);
    return () => clearTimeout(timer);
  }

  /** Calls the drain hook. When the hook fails, a warning says so, and the stop goes on. */
  async #callHook(reason: string): Promise<void> {
    const { options, hooks, backend } = this.#parts;
    const { drain } = options;
    if (!drain) return;
    this.isHookCalled = true;
    await hooks.call('drain', () => drain(reason, backend.drainContext)).catch(() => {});
  }
}
