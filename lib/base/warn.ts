// Process warnings: how this package reports a failure that no caller waits for.
import type { ErrnoCode, SystemdErrorCode } from './error-codes.ts';
import { util } from './lazy-builtins.ts';

/** The code of a warning: a code of this package, or the code of the system error that the warning reports. */
export type WarningCode = SystemdErrorCode | ErrnoCode;

/** The fields of a warning beside its message. */
export interface WarningFacts {
  readonly code?: WarningCode;
  /** More lines, which Node prints below the message. */
  readonly detail?: string;
  /** The error that led to the warning. */
  readonly cause?: unknown;
}

/**
 * The text of an error or of any other value that was thrown. A program may throw a value that has no text, or
 * whose own code throws when it is asked for the text: Object.create(null), a revoked proxy.
 */
export function messageOf(error: unknown): string {
  try {
    const text: unknown = error instanceof Error ? error.message || error.name : String(error);
    if (typeof text === 'string') return text;
  } catch {
    // inspect() below runs none of the value's own code.
  }
  try {
    return util().inspect(error, { customInspect: false, depth: 0 });
  } catch {
    return 'a value without a text';
  }
}

/** The stack of an error; undefined when it has none. */
export function stackOf(error: unknown): string | undefined {
  try {
    const stack: unknown = error instanceof Error ? error.stack : undefined;
    return typeof stack === 'string' ? stack : undefined;
  } catch {
    return undefined;
  }
}

/** True when Node can print this error. Node reads its code, its stack and its text. */
function canBePrinted(error: unknown): error is Error {
  try {
    if (!(error instanceof Error)) return false;
    const { code, stack } = error as NodeJS.ErrnoException;
    return [`${code}`, `${stack}`, String(error)].length > 0;
  } catch {
    return false;
  }
}

function makeWarning(error: unknown, facts: WarningFacts): Error {
  if (canBePrinted(error) && Object.keys(facts).length === 0) return error;
  const { cause, ...others } = facts;
  const warning = new Error(messageOf(error), cause === undefined ? {} : { cause });
  return Object.assign(warning, { name: 'Warning', ...others });
}

/** The number of warnings that are on their way to standard error. */
let guards = 0;

const ignoreError = () => {};

/**
 * Keeps a failed write of a warning from ending the process. Node prints a warning on standard error. When nobody
 * reads standard error any more (`systemctl stop systemd-journald`), the stream emits an 'error' event, and an
 * 'error' event without a listener ends the process. So there is a listener until the warning has been written, or
 * its write has failed. An error of the program's own writes is left to the program.
 */
function guardStandardError(): void {
  try {
    const { stderr } = process;
    if (guards++ === 0) stderr.on('error', ignoreError);
    const release = () => {
      if (--guards === 0) stderr.off('error', ignoreError);
    };
    // Node writes the warning on the next tick. The 'error' event comes before the turn after that; but when the
    // reader is slow, it comes only after all data that waits in the stream has been written.
    setImmediate(() => {
      if (stderr.writableLength === 0) release();
      else stderr.write('', () => setImmediate(release));
    });
  } catch {
    // A process without standard error prints no warning.
  }
}

/** Reports a failure that no caller waits for, by a process warning. */
export function warn(error: unknown, facts: WarningFacts = {}): void {
  process.nextTick(guardStandardError);
  process.emitWarning(makeWarning(error, facts));
}

/**
 * Like {@link warn}, for a listener of 'exit'. emitWarning() emits the warning on the next tick, and an exiting
 * process has no next tick, so this function emits it at once.
 */
export function warnAtExit(message: string, facts: WarningFacts = {}): void {
  process.emit('warning', makeWarning(message, facts));
}
