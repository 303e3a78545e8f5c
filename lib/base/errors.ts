import { UNKNOWN_TO_NODE } from './errno.ts';
import { util } from './lazy-builtins.ts';
import { visible } from './printable.ts';

/** What a {@link SystemdError} knows beside its code: where the failure came from. */
export interface ErrorFacts {
  /** The negative errno, as Node's own system errors have it: -9 for EBADF. */
  readonly errno?: number;
  /** The C function that failed, such as `sd_is_fifo`. */
  readonly syscall?: string;
  /** The file descriptor it was asked about. */
  readonly fd?: number;
  /** The path it was asked about. */
  readonly path?: string;
}

const BRAND = Symbol.for('libsystemd.SystemdError');

/**
 * An error of libsystemd, shaped like Node's system errors (`code: 'EBADF'`, `errno: -9`,
 * `syscall: 'sd_is_fifo'`, `fd` or `path`), or one of this package, with a code that begins with
 * `ERR_SYSTEMD_`. docs/errors.md lists every code.
 */
export class SystemdError extends Error implements ErrorFacts {
  /**
   * True for one of any copy of this class, because each entry point of the package may have its own. A
   * class that extends this one takes its own instances alone.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a class that extends this one inherits the method
    if (this !== SystemdError) return super[Symbol.hasInstance](value);
    try {
      return typeof value === 'object' && value !== null && Object.hasOwn(value, BRAND);
    } catch {
      return false; // a proxy that was revoked, or whose own code throws
    }
  }

  // Node prints an error by the name of its class, for which a bundler may have chosen another.
  static {
    Object.defineProperty(SystemdError, 'name', { value: 'SystemdError' });
  }

  override readonly name = 'SystemdError';
  readonly code: string;
  declare readonly errno?: number;
  declare readonly syscall?: string;
  declare readonly fd?: number;
  declare readonly path?: string;

  constructor(code: string, message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.assign(this, facts);
    // Of its own, where nobody can have put it on all objects; not enumerable, so that it is not printed.
    Object.defineProperty(this, BRAND, { __proto__: null, value: true } as PropertyDescriptor);
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
  return new SystemdError(code, visible(parts.join(', ')), { errno: result, syscall, ...facts });
}

/**
 * The same failure with more facts; an error that is none of the system's comes back as it is, and so
 * does one that has nothing to do with them.
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

/** What a process or the machine can run out of, and have again: descriptors and memory. */
const EXHAUSTED = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ETOOMANYREFS']);

/** Whether the same may go well later on. */
export function isExhausted(error: unknown): boolean {
  return error instanceof SystemdError && EXHAUSTED.has(error.code);
}

/** Gives a C function's result back, or throws when it is a negative errno. */
export function check(result: number, syscall: string, fd?: number): number {
  if (result < 0) throw systemError(result, syscall, fd === undefined ? {} : { fd });
  return result;
}

/** The error for what Node does, and the runtime that this process runs in does not. */
export function runtimeError(message: string): SystemdError {
  return new SystemdError('ERR_SYSTEMD_RUNTIME', message);
}
