// Calls of the program's hooks, and the warnings when one of them fails.
import type { AsyncLocalStorage } from 'node:async_hooks';
import { messageOf, stackOf, warn, warnAtExit } from './warn.ts';

/** One call of a hook. */
interface Call {
  readonly name: string;
  running: boolean;
}

/** Warns that a hook has failed. `name` is the subject of the message, such as `The stop hook`. */
export function warnOfHook(name: string, error: unknown): void {
  const detail = stackOf(error);
  warn(`${name} failed: ${messageOf(error)}`, {
    code: 'ERR_SYSTEMD_HOOK',
    cause: error,
    ...(detail !== undefined && { detail }),
  });
}

/** Calls a hook in a listener of 'exit', where nothing can wait for its promise. */
export function callAtExit(name: string, hook: () => unknown): void {
  try {
    Promise.resolve(hook()).catch(() => {});
  } catch (error) {
    warnAtExit(`The ${name} hook failed: ${messageOf(error)}`, { code: 'ERR_SYSTEMD_HOOK' });
  }
}

/**
 * Calls hooks, and tells other code whether it runs inside a hook. For that this class uses AsyncLocalStorage, and
 * enables it only while a hook runs, because in Node 20 and 22 it makes every promise of the process slower.
 */
export class Hooks {
  #calls: AsyncLocalStorage<Call> | undefined;
  #running = 0;

  /** Calls a hook and waits for it. When the hook fails, a process warning says so, and its error is thrown. */
  async call(name: string, hook: () => unknown): Promise<void> {
    try {
      await this.#call(name, hook);
    } catch (error) {
      warnOfHook(`The ${name} hook`, error);
      throw error;
    }
  }

  async #call(name: string, hook: () => unknown): Promise<void> {
    const { AsyncLocalStorage } = process.getBuiltinModule('node:async_hooks');
    this.#calls ??= new AsyncLocalStorage<Call>();
    const call: Call = { name, running: true };
    this.#running++;
    try {
      await this.#calls.run(call, async () => await hook());
    } finally {
      call.running = false;
      if (--this.#running === 0) this.#calls.disable();
    }
  }

  /** The name of the running hook that has called this code, directly or through a promise; undefined when none has. */
  get current(): string | undefined {
    const call = this.#running > 0 ? this.#calls?.getStore() : undefined;
    return call?.running ? call.name : undefined;
  }

  /**
   * Call this in `service.<method>()`, which waits for the hooks. A hook that calls the method would wait for itself.
   *
   * - (true) a hook has called the method, so the method must not wait; a process warning says so
   * - (false) other code has called the method
   *
   * @param consequence - what happens instead, as the end of the warning's sentence
   */
  warnIfCalledInHook(method: string, consequence: string): boolean {
    const hook = this.current;
    if (hook === undefined) return false;
    warn(
      `service.${method}() was called in the ${hook} hook, so its promise resolved at once: ${consequence}`,
      { code: 'ERR_SYSTEMD_HOOK_WAITS', detail: new Error().stack ?? '' },
    );
    return true;
  }
}
