// Tells which C functions the functions of sd-daemon.ts call: those of libsystemd, or the built-in ones.
import { native } from '../addon/exports.ts';

/** Where the functions of `libsystemd/sd` come from, see {@link implementation}. */
export interface Implementation {
  /** The library that the functions come from; undefined when it cannot be loaded. */
  readonly library: 'libsystemd.so.0' | undefined;
  /** The names of the functions that are built in, because the library lacks them or cannot be loaded. */
  readonly builtin: readonly `sd_${string}`[];
}

/**
 * Freezes an object, of which console.log() prints the values, and not its getters. When a getter throws, the error is
 * printed, because a print must not throw.
 */
function printingValues<T extends object>(object: T): Readonly<T> {
  const value = () => {
    try {
      return { ...object };
    } catch (error) {
      return error;
    }
  };
  // Not enumerable, so that copies do not have it.
  return Object.freeze(
    Object.defineProperty(object, Symbol.for('nodejs.util.inspect.custom'), { value }),
  );
}

/**
 * Tells where the functions of this module come from, except those of sd-journal(3):
 *
 * - All from the library: `{ library: 'libsystemd.so.0', builtin: [] }`
 * - The library is older than some functions: `{ library: 'libsystemd.so.0', builtin: ['sd_pid_notify_barrier', …] }`
 * - No library can be loaded: `{ library: undefined, builtin: ['sd_listen_fds', …] }`, with the names of all functions
 *
 * A built-in function returns what the function of libsystemd 262 returns.
 *
 * The import loads nothing. Reading one of the two properties, or printing the object, loads the add-on and looks for
 * the library, as the first call of a function does.
 *
 * The answer stays the same for the rest of the process, with one exception: while no file can be opened (EMFILE,
 * ENFILE) the built-in functions stand in, and the library is looked for again later.
 *
 * @throws SystemdError ERR_SYSTEMD_ADDON when a property is read and the add-on cannot be loaded
 */
export const implementation: Implementation = /* @__PURE__ */ printingValues({
  get library() {
    const [, library] = native().implementation();
    return library;
  },
  get builtin() {
    const [, , builtin] = native().implementation();
    return Object.freeze(builtin);
  },
});
