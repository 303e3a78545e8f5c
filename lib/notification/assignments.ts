// The assignments of sd_notify(3): how each key of NotifyState is checked and encoded.
import { unknownName } from '../base/options.ts';
import {
  excerpt,
  invalidType,
  invalidValue,
  outOfRange,
  validateBoolean,
  validateInteger,
  validateMilliseconds,
} from '../base/validate.ts';
import { assertCanFit, LONGEST_MESSAGE, messageTooLong } from './message.ts';
import { escapeBackslashes } from './text.ts';

/**
 * Encodes a value as one or more lines; '' when the value says that there is nothing to send. Throws
 * for a value that does not fit.
 *
 * @param name - the value's name for an error message, such as `state.errno`
 */
type Encode = (value: unknown, name: string) => string;

/** A larger number of milliseconds, times 1000, is no exact integer any more. */
const MOST_MILLISECONDS = Math.floor(Number.MAX_SAFE_INTEGER / 1000);

function microseconds(name: string, value: unknown): bigint {
  validateMilliseconds(name, value);
  validateInteger(name, Math.ceil(value), 0, MOST_MILLISECONDS);
  // A time above 0 is never rounded down to 0, because 0 has a meaning of its own: off.
  return BigInt(value > 0 ? Math.max(1, Math.round(value * 1000)) : 0);
}

/** Returns the value, or throws when it is not a string that matches. */
function matchingString(name: string, value: unknown, pattern: RegExp, expected: string): string {
  if (typeof value !== 'string') throw invalidType(name, `of type string (${expected})`, value);
  if (!pattern.test(value)) throw invalidValue(name, expected, value);
  return value;
}

/** For a boolean: true makes the assignments, and false makes none. */
function flag(assignments: string): Encode {
  return (value, name) => {
    validateBoolean(name, value);
    return value ? assignments : '';
  };
}

function integer(key: string, min: number, max: number): Encode {
  return (value, name) => {
    validateInteger(name, value, min, max);
    return `${key}=${value}`;
  };
}

function identifier(key: string, pattern: RegExp, expected: string): Encode {
  return (value, name) => `${key}=${matchingString(name, value, pattern, expected)}`;
}

function duration(key: string): Encode {
  return (value, name) => `${key}=${microseconds(name, value)}`;
}

/** CLOCK_MONOTONIC in microseconds, because the manager compares the number with its own clock. */
function monotonicUsec(): bigint {
  return process.hrtime.bigint() / 1000n;
}

function encodeReloading(value: unknown, name: string): string {
  return flag(`RELOADING=1\nMONOTONIC_USEC=${monotonicUsec()}`)(value, name);
}

function encodeErrno(value: unknown, name: string): string {
  if (typeof value === 'string') {
    const expected = "an errno's name such as 'ENOENT'";
    return `ERRNO=${matchingString(name, value, /^E[A-Z0-9]{1,30}$/, expected)}`;
  }
  if (typeof value !== 'number') throw invalidType(name, 'of type number or string', value);
  validateInteger(name, value, -4095, 4095);
  return `ERRNO=${Math.abs(value)}`;
}

function encodeWatchdog(value: unknown, name: string): string {
  if (value === 'trigger') return 'WATCHDOG=trigger';
  if (typeof value !== 'boolean') throw invalidType(name, "true or 'trigger'", value);
  return value ? 'WATCHDOG=1' : '';
}

/** Encodes the line alone: notify.send() passes the pidfd itself beside the message. */
function encodePidFd(value: unknown, name: string): string {
  if (value === true) return 'MAINPIDFD=1';
  if (typeof value !== 'number') throw invalidType(name, 'of type number, or true', value);
  validateInteger(name, value, 0, 0x7fff_ffff);
  return 'MAINPIDFD=1';
}

function encodePidFdId(value: unknown, name: string): string {
  if (typeof value !== 'bigint') validateInteger(name, value, 1, Number.MAX_SAFE_INTEGER);
  else if (value < 1n || value >= 2n ** 64n) throw outOfRange(name, 'a number of 64 bits', value);
  return `MAINPIDFDID=${value}`;
}

/** D-Bus and Varlink both name an error by two or more parts with dots between them. */
const ERROR_NAME = /^(?=.{1,255}$)[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)+$/;

const NOTIFY_ACCESS = /^(none|main|exec|all)$/;

const ENCODERS = new Map<string, Encode>([
  ['ready', flag('READY=1')],
  ['reloading', encodeReloading],
  ['stopping', flag('STOPPING=1')],
  ['errno', encodeErrno],
  ['busError', identifier('BUSERROR', ERROR_NAME, 'a D-Bus error name')],
  ['varlinkError', identifier('VARLINKERROR', ERROR_NAME, 'a Varlink error name')],
  ['exitStatus', integer('EXIT_STATUS', 0, 255)],
  ['mainPid', integer('MAINPID', 1, 0x7fff_ffff)],
  ['mainPidFd', encodePidFd],
  ['mainPidFdId', encodePidFdId],
  ['watchdog', encodeWatchdog],
  ['watchdogTimeout', duration('WATCHDOG_USEC')],
  ['extendTimeout', duration('EXTEND_TIMEOUT_USEC')],
  ['notifyAccess', identifier('NOTIFYACCESS', NOTIFY_ACCESS, "'none', 'main', 'exec' or 'all'")],
  ['restartReset', flag('RESTART_RESET=1')],
]);

/** A number of more bits has no room in a message, and its digits would take long to write. */
const MOST_BITS = 4 * LONGEST_MESSAGE;

function encodePrivate(key: string, value: unknown): string {
  matchingString('state', key, /^X_[A-Z0-9_]+$/, 'an object with keys such as X_NAME');
  if (typeof value === 'bigint' && BigInt.asIntN(MOST_BITS, value) !== value) {
    throw messageTooLong();
  }
  if (typeof value === 'number' || typeof value === 'bigint') return `${key}=${value}`;
  if (typeof value === 'string') assertCanFit(value);
  const text = matchingString(`state.${key}`, value, /^[^\n\r\0]*$/, 'a string of one line');
  return `${key}=${escapeBackslashes(text.toWellFormed())}`;
}

function unknownKey(key: string): TypeError {
  if (/^fd(store|name|poll)|barrier/i.test(key)) {
    const expected =
      'a key of NotifyState; use fdStore for the fd store, and notify.barrier() for a barrier';
    return invalidValue(`state.${excerpt(key)}`, expected, key);
  }
  return unknownName('state', key, 'a key of NotifyState', ['status', ...ENCODERS.keys()]);
}

/** Encodes the value of one key other than `status`; '' when the value makes no assignment. */
export function encodeAssignment(key: string, value: unknown): string {
  if (key.startsWith('X_')) {
    assertCanFit(key);
    return encodePrivate(key, value);
  }
  const encode = ENCODERS.get(key);
  if (encode === undefined) throw unknownKey(key);
  return encode(value, `state.${key}`);
}
