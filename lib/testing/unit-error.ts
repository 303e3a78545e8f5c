// UnitError: why a unit did not do what it was asked to, told so that a stranger can find the reason.
import { brand, isBranded } from '../base/brand.ts';
import type { Problem } from './problems/codes.ts';

/** The code of a {@link UnitError}. docs/errors.md says what each means. */
export type UnitErrorCode = 'ERR_SYSTEMD_UNIT' | 'ERR_SYSTEMD_PROBLEMS';

const BRAND = Symbol.for('libsystemd.UnitError');

/**
 * A unit that did not do what it was asked to, or that has {@link Problem | problems}. The message has everything that
 * the unit knows, because test runners print nothing else of an error. The stack begins where the test made the call.
 *
 * - `ERR_SYSTEMD_UNIT`: it did not start, reload or stop, or did not come to the state that the test waits for.
 * - `ERR_SYSTEMD_PROBLEMS`: it did all that was asked, and has problems that would show under systemd some day.
 *
 * `instanceof` is also true for an error of another copy of this package in the same process.
 */
export class UnitError extends Error {
  /** True for an error of any copy of this class. A class that extends this one recognizes only its own instances. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a class that extends this one inherits the method
    return this === UnitError ? isBranded(value, BRAND) : super[Symbol.hasInstance](value);
  }

  override readonly name = 'UnitError';
  readonly code: UnitErrorCode;
  /** The problems of the unit so far. */
  readonly problems: readonly Problem[];

  /** @internal */
  constructor(
    code: UnitErrorCode,
    message: string,
    problems: readonly Problem[],
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.problems = problems;
    brand(this, BRAND);
  }
}

/** Where a test has called a method of a unit. The call fails later, when the stack no longer has its line. */
export class Origin {
  readonly #at: { stack?: string } = {};

  /** @param method - the function that the test has called */
  // biome-ignore lint/complexity/noBannedTypes: the type that Node asks for
  constructor(method: Function) {
    Error.captureStackTrace(this.#at, method);
  }

  /** Checks the arguments of the call: an error of them has the stack of the call. */
  check<T>(arguments_: () => T): T {
    try {
      return arguments_();
    } catch (error) {
      throw error instanceof Error ? this.give(error) : error;
    }
  }

  /** Makes the stack of an error that of the call. */
  give<E extends Error>(error: E): E {
    const [, ...frames] = (this.#at.stack ?? '').split('\n');
    error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n');
    return error;
  }
}
