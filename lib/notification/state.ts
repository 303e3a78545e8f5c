// The state of a service as an object, and its encoding as a message of sd_notify(3).
//
// Only encodeState() makes a message of an object. So only here could text from outside forge an assignment, and
// the encoders prevent that.
import { invalidType, invalidValue } from '../base/validate.ts';
import { encodeAssignment } from './assignments.ts';
import { assertFits, LONGEST_MESSAGE } from './message.ts';
import { encodeStatusText } from './text.ts';

/**
 * The state of a service: every assignment of sd_notify(3) that a service makes about itself. One
 * message may have several.
 *
 * A number in parentheses is the first version of systemd that knows the assignment. An older systemd
 * ignores the assignment.
 *
 * @see sd_notify(3)
 */
export interface NotifyState {
  /** READY=1: the start, or a reload, is complete. */
  readonly ready?: boolean | undefined;
  /** RELOADING=1 (217): a reload has begun. MONOTONIC_USEC= (253) is added to the same message. */
  readonly reloading?: boolean | undefined;
  /** STOPPING=1 (217): the service has begun to stop. */
  readonly stopping?: boolean | undefined;
  /**
   * STATUS=: a line for people, which `systemctl status` shows; '' clears the status. Any text is safe:
   * line breaks, tabs and null bytes become spaces, invalid characters become U+FFFD, control
   * characters become visible text such as `\x1b` or `\u{202e}`, and a text that is too long for the
   * message is cut between two characters.
   */
  readonly status?: string | undefined;
  /** ERRNO=: why the service fails: an errno, Node's negative form of it, or a name such as 'ENOENT'. */
  readonly errno?: number | string | undefined;
  /** BUSERROR=: a D-Bus error name such as 'org.freedesktop.DBus.Error.TimedOut'. */
  readonly busError?: string | undefined;
  /** VARLINKERROR= (257): a Varlink error name such as 'org.varlink.service.InvalidParameter'. */
  readonly varlinkError?: string | undefined;
  /** EXIT_STATUS= (254): the exit status of the service, 0 to 255. */
  readonly exitStatus?: number | undefined;
  /** MAINPID=: the main PID of the service, when that is not the process that the manager started. */
  readonly mainPid?: number | undefined;
  /**
   * MAINPIDFD=1 (257): a pidfd of the main process. A number is the pidfd, which is passed with the
   * message. true means that `options.fds` of {@link notify.send} has the pidfd, and nothing else.
   */
  readonly mainPidFd?: number | true | undefined;
  /** MAINPIDFDID= (257): the inode number of a pidfd of the main process. */
  readonly mainPidFdId?: number | bigint | undefined;
  /**
   * WATCHDOG=: true says that the service is alive; 'trigger' (243) makes the manager act as if the
   * watchdog timeout had passed.
   */
  readonly watchdog?: boolean | 'trigger' | undefined;
  /** WATCHDOG_USEC=: a new watchdog timeout, in milliseconds; 0 turns the watchdog off. */
  readonly watchdogTimeout?: number | undefined;
  /** EXTEND_TIMEOUT_USEC= (236): start, stop or reload may take this many milliseconds from now. */
  readonly extendTimeout?: number | undefined;
  /** NOTIFYACCESS= (254): which processes of the service may notify from now on. */
  readonly notifyAccess?: 'none' | 'main' | 'exec' | 'all' | undefined;
  /** RESTART_RESET=1 (258): the manager counts restarts from 0 again. */
  readonly restartReset?: boolean | undefined;
  /** X_NAME=: an assignment for private use, which the service manager ignores. */
  readonly [key: `X_${string}`]: string | number | bigint | undefined;
}

/** The start of a status that is alone in its message, and the bytes that the text may have there. */
const STATUS = 'STATUS=';
const ROOM_OF_STATUS = LONGEST_MESSAGE - STATUS.length;

/** Encodes a status that is the whole message. */
export function encodeStatus(status: string): string {
  return STATUS + encodeStatusText(status, ROOM_OF_STATUS);
}

/** Appends the status, which is cut to the room that the other lines leave. undefined appends nothing. */
export function appendStatus(lines: string, status: unknown): string {
  if (status === undefined) return lines;
  if (typeof status !== 'string') throw invalidType('state.status', 'of type string', status);
  if (lines === '') return encodeStatus(status);
  const start = assertFits(`${lines}\n${STATUS}`);
  return start + encodeStatusText(status, LONGEST_MESSAGE - Buffer.byteLength(start));
}

/** Encodes key by key, and stops at the first line that has no room left. */
function encodeObject(state: NotifyState): string {
  const values = state as Readonly<Record<string, unknown>>;
  let lines = '';
  let status: unknown;
  for (const key of Object.keys(state)) {
    const value = values[key];
    if (value === undefined) continue;
    if (key === 'status') {
      status = value;
      continue;
    }
    const line = encodeAssignment(key, value);
    if (line !== '') lines = assertFits(lines === '' ? line : `${lines}\n${line}`);
  }
  return appendStatus(lines, status);
}

/**
 * Encodes a state as a message.
 *
 * @returns one assignment a line in the order of the keys, but the status last; a string as it is; ''
 * when the state assigns nothing
 * @throws SystemdError ERR_SYSTEMD_MESSAGE_SIZE above 4096 bytes
 * @throws TypeError, RangeError for a value that does not fit its assignment
 */
export function encodeState(state: NotifyState | string): string {
  if (typeof state === 'string') {
    if (state.includes('\0')) throw invalidValue('state', 'a string without null bytes', state);
    return assertFits(state);
  }
  if (typeof state !== 'object' || state === null || Array.isArray(state)) {
    throw invalidType('state', 'of type object or string', state);
  }
  return encodeObject(state);
}
