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

/** Errors of the kernel and libsystemd that Node has no name for. */
const UNKNOWN_TO_NODE = new Map<number, [code: string, description: string]>([
  [-42, ['ENOMSG', 'no message of desired type']],
  [-62, ['ETIME', 'timer expired']],
  [-74, ['EBADMSG', 'bad message']],
  [-76, ['ENOTUNIQ', 'name not unique on network']],
  [-77, ['EBADFD', 'file descriptor in bad state']],
  [-94, ['ESOCKTNOSUPPORT', 'socket type not supported']],
  [-96, ['EPFNOSUPPORT', 'protocol family not supported']],
  [-109, ['ETOOMANYREFS', 'too many references']],
  [-115, ['EINPROGRESS', 'operation now in progress']],
  [-116, ['ESTALE', 'stale file handle']],
  [-117, ['EUCLEAN', 'structure needs cleaning']],
]);

/** The errnos that this package itself looks at, on Linux. */
export const EBADF = 9;
export const EAGAIN = 11;
export const EINVAL = 22;
export const ERANGE = 34;
export const ENOSYS = 38;
export const ENODATA = 61;
export const ENOTSOCK = 88;
export const ENOPROTOOPT = 92;
export const EAFNOSUPPORT = 97;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;

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

/** The name of a function or class, which may have set it to anything. */
function nameOf(value: { readonly name?: unknown } | undefined): string {
  return typeof value?.name === 'string' ? value.name : '';
}

const MOST_BITS = 512;

/** Of a text that somebody else has chosen so much is shown, in one line that can be printed. */
export function excerpt(text: string): string {
  return visible(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}

/** What came, in the words that Node uses: `type string ('abc')`. */
function received(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `function ${excerpt(nameOf(value))}`;
  if (typeof value === 'object') {
    return `an instance of ${excerpt(nameOf(value.constructor)) || 'Object'}`;
  }
  if (typeof value === 'bigint' && BigInt.asIntN(MOST_BITS, value) !== value) {
    return `a bigint of more than ${MOST_BITS} bits`; // to write out millions takes seconds
  }
  const short = excerpt(String(value));
  return `type ${typeof value} (${typeof value === 'string' ? `'${short}'` : short})`;
}

/** A caller's mistake: the wrong type. */
export function invalidType(name: string, expected: string, value: unknown): TypeError {
  const message = `The "${name}" argument must be ${expected}. Received ${received(value)}`;
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** A caller's mistake: a number outside its range. */
export function outOfRange(name: string, expected: string, value: unknown): RangeError {
  const message = `The value of "${name}" is out of range. It must be ${expected}. Received ${received(value)}`;
  return Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}

/** A caller's mistake: the right type, and a value that can't be meant. */
export function invalidValue(name: string, expected: string, value: unknown): TypeError {
  const message = `The argument "${name}" must be ${expected}. Received ${received(value)}`;
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
}

/** Throws unless `value` is a string or undefined. */
export function validateOptionalString(
  name: string,
  value: unknown,
): asserts value is string | undefined {
  if (value !== undefined && typeof value !== 'string') {
    throw invalidType(name, 'of type string', value);
  }
}

/** Throws unless `value` is an object that can hold options. */
export function validateOptions(value: unknown, name = 'options'): asserts value is object {
  if (typeof value !== 'object' || value === null) {
    throw invalidType(name, 'of type object', value);
  }
}

/** Throws unless `value` is a whole number from `min` to `max`. */
export function validateInteger(
  name: string,
  value: unknown,
  min: number,
  max: number,
): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw outOfRange(name, `an integer from ${min} to ${max}`, value);
  }
}

/** Throws unless `value` is a time in milliseconds: a number that is not negative, nor NaN. */
export function validateMilliseconds(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  if (!(value >= 0)) throw outOfRange(name, 'a number of milliseconds, 0 or more', value);
}
