// The messages of sd_notify(3), from objects. The one place that encodes them, so the one place
// where text from outside could forge an assignment, and can't.
import { SystemdError } from '../base/errors.ts';
import { unknownName } from '../base/options.ts';
import { visible } from '../base/printable.ts';
import {
  excerpt,
  invalidType,
  invalidValue,
  outOfRange,
  validateInteger,
  validateMilliseconds,
} from '../base/validate.ts';

/** Every assignment of sd_notify(3) that a service makes of itself; one message may hold several. */
export interface NotifyState {
  /** READY=1: start-up, or a reload, is complete. */
  readonly ready?: boolean;
  /** RELOADING=1 (217), with MONOTONIC_USEC= (253) in the same message. */
  readonly reloading?: boolean;
  /** STOPPING=1 (217). */
  readonly stopping?: boolean;
  /**
   * STATUS=: a line for people. Line breaks, tabs and null bytes become spaces, what is no character
   * becomes U+FFFD, what would control a terminal is shown (`\x1b`, `\u{202e}`), and what doesn't fit
   * into a message is cut at a character. '' clears it.
   */
  readonly status?: string;
  /** ERRNO=: a number, as errno or as Node's negative one, or a name such as 'ENOENT'. */
  readonly errno?: number | string;
  /** BUSERROR=: a D-Bus error name such as 'org.freedesktop.DBus.Error.TimedOut'. */
  readonly busError?: string;
  /** VARLINKERROR= (257): a Varlink error name such as 'org.varlink.service.InvalidParameter'. */
  readonly varlinkError?: string;
  /** EXIT_STATUS= (254): 0 to 255. */
  readonly exitStatus?: number;
  /** MAINPID=: the pid of the service's main process, when it is another. */
  readonly mainPid?: number;
  /**
   * MAINPIDFD=1 (257): a pidfd of that process, which goes along; true where it is the one of
   * `options.fds`.
   */
  readonly mainPidFd?: number | true;
  /** MAINPIDFDID= (257): the inode number of that process's pidfd. */
  readonly mainPidFdId?: number | bigint;
  /** WATCHDOG=1: alive; or WATCHDOG=trigger (243): treat as if the timeout had passed. */
  readonly watchdog?: boolean | 'trigger';
  /** WATCHDOG_USEC=: a new timeout, in milliseconds; 0 turns the watchdog off. */
  readonly watchdogTimeout?: number;
  /** EXTEND_TIMEOUT_USEC= (236): give start, stop or reload this many milliseconds from now. */
  readonly extendTimeout?: number;
  /** NOTIFYACCESS= (254): who may send notifications from now on. */
  readonly notifyAccess?: 'none' | 'main' | 'exec' | 'all';
  /** RESTART_RESET=1 (258): forget the restarts so far. */
  readonly restartReset?: boolean;
  /** X_…: for private use; ignored by the service manager. */
  readonly [key: `X_${string}`]: string | number | bigint;
}

/** The manager ignores a longer message, and says so in its own log only (NOTIFY_BUFFER_MAX). */
const LONGEST_MESSAGE = 4096;

const MOST_MILLISECONDS = Number.MAX_SAFE_INTEGER / 1000;

function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}

/** The manager takes a backslash as an escape, so each is doubled. It doesn't know how to quote more. */
export function escapeBackslashes(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

/** As a text, because V8 looks such a class up when it reads the file, which takes it a while. */
const NONCHARACTER = String.raw`\p{Noncharacter_Code_Point}`;

/** None of these is in the text of most languages. */
const MAYBE_NONCHARACTER = /[\ud800-\uffff]/;

/**
 * On one line, and with U+FFFD for what is no character: halves of one, and Unicode's noncharacters,
 * for which the manager would clear the status (unichar_is_valid() of systemd).
 */
function legible(text: string): string {
  const line = text.toWellFormed().replace(/[\n\r\t\0]/g, ' ');
  if (!MAYBE_NONCHARACTER.test(line)) return line;
  return line.replace(new RegExp(NONCHARACTER, 'gu'), '\ufffd');
}

/** As `systemctl status` is to print it to somebody's terminal, which it does byte for byte. */
function encodeVisible(text: string): string {
  return escapeBackslashes(visible(text));
}

/** Free text on one line, character by character so that a cut leaves whole ones. */
function encodeText(text: string, room: number): string {
  // No character has fewer bytes than UTF-16 units, so what is further back can't fit.
  const line = legible(text.slice(0, room + 1));
  let encoded = encodeVisible(line);
  if (utf8Length(encoded) <= room) return encoded;
  encoded = '';
  let left = room;
  for (const character of line) {
    const next = encodeVisible(character);
    left -= utf8Length(next);
    if (left < 0) break;
    encoded += next;
  }
  return encoded;
}

function microseconds(name: string, value: unknown): bigint {
  validateMilliseconds(name, value);
  validateInteger(name, Math.ceil(value), 0, Math.floor(MOST_MILLISECONDS));
  // Never down to 0, which would mean something else.
  return BigInt(value > 0 ? Math.max(1, Math.round(value * 1000)) : 0);
}

function matching(name: string, value: unknown, pattern: RegExp, expected: string): string {
  if (typeof value !== 'string') throw invalidType(name, `of type string (${expected})`, value);
  if (!pattern.test(value)) throw invalidValue(name, expected, value);
  return value;
}

type Encode = (value: unknown, name: string) => string;

/** An assignment that is made or not: true or false. */
function flag(assignments: string): Encode {
  return (value, name) => {
    if (typeof value !== 'boolean') throw invalidType(name, 'of type boolean', value);
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
  return (value, name) => `${key}=${matching(name, value, pattern, expected)}`;
}

function duration(key: string): Encode {
  return (value, name) => `${key}=${microseconds(name, value)}`;
}

/** CLOCK_MONOTONIC in microseconds, as the manager compares it with its own. */
function monotonicUsec(): bigint {
  return process.hrtime.bigint() / 1000n;
}

function encodeErrno(value: unknown, name: string): string {
  if (typeof value === 'string') {
    return `ERRNO=${matching(name, value, /^E[A-Z0-9]{1,30}$/, "an errno's name such as 'ENOENT'")}`;
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

/** The descriptor itself is for who sends the message. */
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

/** Names of two or more parts, as D-Bus and Varlink have them. */
const ERROR_NAME = /^(?=.{1,255}$)[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)+$/;

const ENCODERS = new Map<string, Encode>([
  ['ready', flag('READY=1')],
  [
    'reloading',
    (value, name) => flag(`RELOADING=1\nMONOTONIC_USEC=${monotonicUsec()}`)(value, name),
  ],
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
  [
    'notifyAccess',
    identifier('NOTIFYACCESS', /^(none|main|exec|all)$/, "'none', 'main', 'exec' or 'all'"),
  ],
  ['restartReset', flag('RESTART_RESET=1')],
]);

/** More digits of a number than a message has room for, which would take their time. */
const MOST_BITS = 4 * LONGEST_MESSAGE;

function encodePrivate(key: string, value: unknown): string {
  matching('state', key, /^X_[A-Z0-9_]+$/, 'of keys such as X_NAME');
  if (typeof value === 'bigint' && BigInt.asIntN(MOST_BITS, value) !== value) throw tooLong();
  if (typeof value === 'number' || typeof value === 'bigint') return `${key}=${value}`;
  if (typeof value === 'string') assertRoomFor(value);
  const text = matching(`state.${key}`, value, /^[^\n\r\0]*$/, 'a string of one line');
  return `${key}=${escapeBackslashes(text.toWellFormed())}`;
}

function unknownKey(key: string): TypeError {
  if (/^fd(store|name|poll)|barrier/i.test(key)) {
    const elsewhere = 'a key of NotifyState; the store is fdStore, the barrier notify.barrier()';
    return invalidValue(`state.${excerpt(key)}`, elsewhere, key);
  }
  return unknownName('state', key, 'a key of NotifyState', ['status', ...ENCODERS.keys()]);
}

function encodeEntry(key: string, value: unknown): string {
  if (key.startsWith('X_')) {
    assertRoomFor(key);
    return encodePrivate(key, value);
  }
  const encode = ENCODERS.get(key);
  if (encode === undefined) throw unknownKey(key);
  return encode(value, `state.${key}`);
}

/** @param length - bytes, where they have been counted */
function tooLong(length?: number): SystemdError {
  const has = length === undefined ? `more than ${LONGEST_MESSAGE} bytes` : `${length} bytes`;
  return new SystemdError(
    'ERR_SYSTEMD_MESSAGE_SIZE',
    `The message has ${has}, and the service manager ignores one of more than ${LONGEST_MESSAGE}`,
  );
}

/** Before it is encoded, which takes time and memory by its length. No unit of UTF-16 has less than a byte. */
function assertRoomFor(text: string): void {
  if (text.length > LONGEST_MESSAGE) throw tooLong();
}

function assertFits(message: string): string {
  assertRoomFor(message);
  const length = utf8Length(message);
  if (length > LONGEST_MESSAGE) throw tooLong(length);
  return message;
}

/** The lines of all but the status. They end with the first that has no room left. */
function encodeOthers(entries: readonly (readonly [string, unknown])[]): string {
  let message = '';
  for (const [key, value] of entries) {
    if (value === undefined || key === 'status') continue;
    const line = encodeEntry(key, value);
    if (line !== '') message = assertFits(message === '' ? line : `${message}\n${line}`);
  }
  return message;
}

function encodeStatus(status: unknown, others: string): string {
  if (typeof status !== 'string') throw invalidType('state.status', 'of type string', status);
  const start = assertFits(others === '' ? 'STATUS=' : `${others}\nSTATUS=`);
  return start + encodeText(status, LONGEST_MESSAGE - utf8Length(start));
}

/**
 * Makes the message: one assignment a line, in the order of the keys, the status last since it
 * takes the room that is left. A string is a message as it is. '' when nothing is assigned.
 */
export function encodeState(state: NotifyState | string): string {
  if (typeof state === 'string') {
    if (state.includes('\0')) throw invalidValue('state', 'a string without null bytes', state);
    return assertFits(state);
  }
  if (typeof state !== 'object' || state === null || Array.isArray(state)) {
    throw invalidType('state', 'of type object or string', state);
  }
  const entries = Object.entries(state);
  const others = encodeOthers(entries);
  const [, status] = entries.find(([key]) => key === 'status') ?? [];
  return status === undefined ? others : encodeStatus(status, others);
}
