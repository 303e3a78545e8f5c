// Process warnings: how this package tells of what nobody waits for.
import { util } from './lazy-builtins.ts';

/** What a warning has beside its message. */
export interface WarningFacts {
  /** `ERR_SYSTEMD_…`, as docs/errors.md lists it. */
  readonly code?: string;
  /** More lines, which Node prints below the message. */
  readonly detail?: string;
  /** The error that led to it. */
  readonly cause?: unknown;
}

/**
 * What an error or any other value says. A program may throw what has no text, or whose own code
 * throws when it is asked for one: Object.create(null), a proxy that was revoked.
 */
export function messageOf(error: unknown): string {
  try {
    const text: unknown = error instanceof Error ? error.message || error.name : String(error);
    if (typeof text === 'string') return text;
  } catch {
    // The next way asks nothing of the value's own code.
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

/** Whether Node can print this error: it asks for its code and its text. */
function isPrintable(error: unknown): error is Error {
  try {
    if (!(error instanceof Error)) return false;
    const { code, stack } = error as NodeJS.ErrnoException;
    return [`${code}`, `${stack}`, String(error)].length > 0;
  } catch {
    return false;
  }
}

function warningOf(error: unknown, facts: WarningFacts): Error {
  if (isPrintable(error) && Object.keys(facts).length === 0) return error;
  const { cause, ...others } = facts;
  const warning = new Error(messageOf(error), cause === undefined ? {} : { cause });
  return Object.assign(warning, { name: 'Warning', ...others });
}

let guards = 0;

const ignore = () => {};

/**
 * Node prints a warning on standard error. Where nobody reads that any more (`systemctl stop
 * systemd-journald`), the stream has an 'error' event, which without a listener ends the process. So
 * there is one until what is written now has gone out, or failed. What the program writes is its own.
 */
function guardStandardError(): void {
  try {
    const { stderr } = process;
    if (guards++ === 0) stderr.on('error', ignore);
    const release = () => {
      if (--guards === 0) stderr.off('error', ignore);
    };
    // Node writes on the next tick. An 'error' event has come by the turn after it; but when the
    // other end is slow, only after what waits has been written.
    setImmediate(() => {
      if (stderr.writableLength === 0) release();
      else stderr.write('', () => setImmediate(release));
    });
  } catch {
    // A process without a standard error prints nothing.
  }
}

/** Tells of a failure that nobody waits for, by a process warning. */
export function warn(error: unknown, facts: WarningFacts = {}): void {
  process.nextTick(guardStandardError);
  process.emitWarning(warningOf(error, facts));
}

/** The same in a listener of 'exit', because the next tick, which Node would tell on, does not come. */
export function warnAtExit(message: string, facts: WarningFacts = {}): void {
  process.emit('warning', warningOf(message, facts));
}
