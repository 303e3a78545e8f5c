// A message to the service manager: its parts, and the checks of each part.
import { SystemdError } from '../base/errors.ts';
import { invalidType, outOfRange, validateInteger } from '../base/validate.ts';

/** A message as the queue and the transport take it. */
export interface Message {
  /** The pid of the process in whose name the message is sent; 0 means this process. */
  readonly pid: number;
  /** The assignments of sd_notify(3), one a line. */
  readonly state: string;
  /** The descriptors to pass. The sender's own stay open. */
  readonly fds: readonly number[];
  /**
   * Called when the message had to wait and then could not be sent. By default one process warning
   * covers all messages that were lost in the same flush.
   */
  readonly onLost?: (error: unknown) => void;
}

/** One array for all messages without descriptors, because messages that wait are to need little memory. */
export const NO_FDS: readonly number[] = [];

/** The manager drops a longer message, and mentions that in its own log only (NOTIFY_BUFFER_MAX). */
export const LONGEST_MESSAGE = 4096;

/** The kernel passes no more descriptors in one message (SCM_MAX_FD). */
const MOST_FDS = 253;

const SMALLEST_INT = -0x8000_0000;
const LARGEST_INT = 0x7fff_ffff;

/** Throws unless `options.pid` can be a process's number, or 0. */
export function validatePid(pid: number): void {
  validateInteger('options.pid', pid, 0, LARGEST_INT);
}

/** Throws unless `options.fds` is an array of at most 253 numbers. They need not be open. */
export function validateFds(fds: readonly number[]): void {
  if (!Array.isArray(fds)) throw invalidType('options.fds', 'an array of file descriptors', fds);
  if (fds.length > MOST_FDS) {
    throw outOfRange('options.fds', `an array of at most ${MOST_FDS} descriptors`, fds.length);
  }
  for (const fd of fds as unknown[]) validateInteger('options.fds', fd, SMALLEST_INT, LARGEST_INT);
}

/** @param length - in bytes; undefined when nobody has counted them, because there are too many */
export function messageTooLong(length?: number): SystemdError {
  const size = length === undefined ? `more than ${LONGEST_MESSAGE} bytes` : `${length} bytes`;
  return new SystemdError(
    'ERR_SYSTEMD_MESSAGE_SIZE',
    `The message has ${size}, but the service manager drops messages of more than ${LONGEST_MESSAGE} bytes: shorten the state`,
  );
}

/**
 * Throws when the text alone is too long for a message. This check comes before the encoding, because a
 * long text takes time and memory to encode. A character has at least as many bytes as UTF-16 units.
 */
export function assertCanFit(text: string): void {
  if (text.length > LONGEST_MESSAGE) throw messageTooLong();
}

/** A UTF-16 unit has at most this many bytes in UTF-8. */
const MOST_BYTES_OF_UNIT = 3;

/** Returns the message, or throws when the manager would drop it. */
export function assertFits(message: string): string {
  if (message.length <= LONGEST_MESSAGE / MOST_BYTES_OF_UNIT) return message;
  assertCanFit(message);
  const length = Buffer.byteLength(message);
  if (length > LONGEST_MESSAGE) throw messageTooLong(length);
  return message;
}
