// Calls of the program's hooks, and what is told when one of them fails.
import type { AsyncLocalStorage } from 'node:async_hooks';
import { messageOf, stackOf, warn, warnAtExit } from './warn.ts';

/** One call of a hook. */
interface Call {
  readonly name: string;
  running: boolean;
}

/** Tells what has failed, as in `The stop hook`, and where. */
export function warnOfHook(name: string, error: unknown): void {
  const detail = stackOf(error);
  warn(`${name} failed: ${messageOf(error)}`, {
    code: 'ERR_SYSTEMD_HOOK',
    cause: error,
    ...(detail !== undefined && { detail }),
  });
}

/** Calls a hook while the process ends, so that nobody can wait for it. */
export function callAtExit(name: string, hook: () => unknown): void {
  try {
    Promise.resolve(hook()).catch(() => {});
  } catch (error) {
    warnAtExit(`The ${name} hook failed: ${messageOf(error)}`, { code: 'ERR_SYSTEMD_HOOK' });
  }
}

/**
 * Knows, in code that a hook has called, that the hook runs. Node loads and enables what that takes
 * at the first call of a hook, and disables it when the last one has ended, because in Node 20 and 22
 * it makes each promise of the process slower.
 */
export class Hooks {
  #calls: AsyncLocalStorage<Call> | undefined;
  #running = 0;

  /** Calls a hook and waits for it. What it fails with is told of, and thrown. */
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

  /** The hook that has called this code, directly or by what it waits for; undefined when none has. */
  get current(): string | undefined {
    const call = this.#running > 0 ? this.#calls?.getStore() : undefined;
    return call?.running ? call.name : undefined;
  }

  /**
   * Whether a hook has called this method of the service, which waits for that hook, so that it would
   * wait for itself. Then that is told of, with what comes of it.
   */
  isWaitedFor(method: string, then: string): boolean {
    const hook = this.current;
    if (hook === undefined) return false;
    warn(
      `service.${method}() was called in the ${hook} hook, so its promise resolved at once: ${then}`,
      { code: 'ERR_SYSTEMD_HOOK_WAITS', detail: new Error().stack ?? '' },
    );
    return true;
  }
}
