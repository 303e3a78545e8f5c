// SystemdError, and how the negative result of a C function becomes one.
import { brand, isBranded } from './brand.ts';
import { UNKNOWN_TO_NODE } from './errno.ts';
import type { SystemdErrorCode } from './error-codes.ts';
import { util } from './lazy-builtins.ts';
import { escapeUnprintable } from './printable.ts';

/** Where a failure came from. A {@link SystemdError} has these fields beside its code, where they are known. */
export interface ErrorFacts {
  /** The negative errno, as in Node's own system errors: -9 for EBADF. */
  readonly errno?: number;
  /** The C function that failed, such as `sd_is_fifo`. */
  readonly syscall?: string;
  /** The file descriptor that the function was called with. */
  readonly fd?: number;
  /** The path that the function was called with. */
  readonly path?: string;
}

const BRAND = Symbol.for('libsystemd.SystemdError');

/**
 * An error of libsystemd or of this package.
 *
 * - An error of libsystemd has the shape of Node's system errors: `code: 'EBADF'`, `errno: -9`,
 *   `syscall: 'sd_is_fifo'`, and `fd` or `path`.
 * - An error of this package has a {@link SystemdErrorCode}, which begins with `ERR_SYSTEMD_`. docs/errors.md
 *   says what each code means, and what to do.
 *
 * `instanceof` is also true for an error of another copy of this package in the same process.
 */
export class SystemdError extends Error implements ErrorFacts {
  /**
   * True for an error of any copy of this class, because each entry point of the package may have a copy. A
   * class that extends this one recognizes only its own instances.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a class that extends this one inherits the method
    if (this !== SystemdError) return super[Symbol.hasInstance](value);
    return isBranded(value, BRAND);
  }

  // Node prints an error with the name of its class, and a bundler may have renamed the class.
  static {
    Object.defineProperty(SystemdError, 'name', { value: 'SystemdError' });
  }

  override readonly name = 'SystemdError';
  /** A code of this package, such as `ERR_SYSTEMD_FD_KIND`, or an errno's name, such as `EBADF`. */
  readonly code: SystemdErrorCode | (string & {});
  declare readonly errno?: number;
  declare readonly syscall?: string;
  declare readonly fd?: number;
  declare readonly path?: string;

  /**
   * @param code - a {@link SystemdErrorCode}, or an errno's name
   * @param message - what happened, as one line
   * @param facts - where the failure came from; default none
   * @param options - `cause`, as for any Error
   */
  constructor(code: string, message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.assign(this, facts);
    brand(this, BRAND);
  }
}

/** The error for a negative result: `EBADF: bad file descriptor, sd_is_fifo, fd 7`. */
export function systemError(
  result: number,
  syscall: string,
  facts: { readonly fd?: number; readonly path?: string } = {},
  detail?: string,
): SystemdError {
  const [code, description] = util().getSystemErrorMap().get(result) ??
    UNKNOWN_TO_NODE.get(result) ?? [`E${-result}`, `unknown error ${-result}`];
  const { fd, path }: typeof facts = { __proto__: null, ...facts } as typeof facts;
  const parts = [`${code}: ${description}, ${syscall}`];
  if (fd !== undefined) parts.push(`fd ${fd}`);
  if (path !== undefined) parts.push(`'${path}'`);
  if (detail !== undefined) parts.push(detail);
  return new SystemdError(code, escapeUnprintable(parts.join(', ')), {
    errno: result,
    syscall,
    ...facts,
  });
}

/**
 * Adds facts and a detail to an error.
 *
 * - A system error: a new error for the same failure, with the facts and the detail.
 * - An error for exhausted descriptors or memory: returned unchanged, because the facts did not cause it.
 * - Any other value: returned unchanged.
 */
export function explain(
  error: unknown,
  facts: { readonly path?: string },
  detail: string,
): unknown {
  if (!(error instanceof SystemdError) || isExhausted(error)) return error;
  const { errno, syscall } = error;
  if (errno === undefined || syscall === undefined) return error;
  return systemError(errno, syscall, facts, detail);
}

/** The codes of errors that say that the process or the machine has run out of descriptors or memory. */
const EXHAUSTED = new Set<string>(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ETOOMANYREFS']);

/** True when descriptors or memory have run out: the same call may succeed later, when some are free again. */
export function isExhausted(error: unknown): boolean {
  return error instanceof SystemdError && EXHAUSTED.has(error.code);
}

/** True when the process or the machine has no free descriptor: an error of Node, or of this package. */
export const isOutOfDescriptors = (error: unknown): boolean =>
  ['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? '');

/** The error EMFILE or ENFILE for Node's error of that code; undefined for any other error. */
export function outOfDescriptors(
  error: unknown,
  syscall: string,
  facts: { readonly path?: string } = {},
): SystemdError | undefined {
  const { errno = 0 } = error as NodeJS.ErrnoException;
  return isOutOfDescriptors(error) ? systemError(errno, syscall, facts) : undefined;
}

/** Returns the result of a C function, or throws the error for a negative result. */
export function resultOrThrow(result: number, syscall: string, fd?: number): number {
  if (result < 0) throw systemError(result, syscall, fd === undefined ? {} : { fd });
  return result;
}
