// The way of a notification to the service manager: chosen by the address.

import { native } from '../addon/exports.ts';
import { EAFNOSUPPORT, EAGAIN } from '../base/errno.ts';
import { check, explain, SystemdError, systemError } from '../base/errors.ts';
import { sd_pid_notify_with_fds } from '../sd/sd-daemon.ts';
import { encodeUnixAddress } from '../sd/sockaddr.ts';

export interface Notification {
  /** In whose name; 0 for this process. */
  readonly pid: number;
  readonly state: string;
  readonly fds: readonly number[];
}

/** What errors call the sending, whichever way it goes. */
const CALL = 'sd_pid_notify_with_fds';

/** What libsystemd takes, with a null byte after it, in the 108 bytes of sun_path. */
const LONGEST_UNIX_ADDRESS = 107;

/** Whether it is plainly a Unix address. What process.env could not decode is not what it was. */
function isUnix(address: string): boolean {
  return /^[/@][^\ufffd]+$/.test(address) && Buffer.byteLength(address) <= LONGEST_UNIX_ADDRESS;
}

/** Whether libsystemd's send, which blocks, would return at once. Of other addresses that can't be asked. */
function hasRoom(address: string): boolean {
  return !isUnix(address) || native().datagram_room(encodeUnixAddress(address)) !== 0;
}

/** libsystemd takes the address from the environment. */
function sendByLibsystemd(address: string, { pid, state, fds }: Notification): boolean {
  const { NOTIFY_SOCKET: before } = process.env;
  if (before === address) return sd_pid_notify_with_fds(pid, false, state, fds);
  process.env.NOTIFY_SOCKET = address;
  try {
    return sd_pid_notify_with_fds(pid, false, state, fds);
  } finally {
    if (before === undefined) delete process.env.NOTIFY_SOCKET;
    else process.env.NOTIFY_SOCKET = before;
  }
}

/**
 * What libsystemd does, but without the environment, which another thread may be writing to; and without
 * waiting. undefined when there is no room.
 */
function sendToUnix(address: string, { state, fds }: Notification): true | undefined {
  const result = native().send_datagram(encodeUnixAddress(address), state, fds);
  if (result === -EAGAIN) return undefined;
  if (result < 0) throw systemError(result, CALL);
  return true;
}

/** The socket that sends would take the number of one that is closed, and go in its place. */
function assertOpen(fds: readonly number[]): void {
  for (const fd of fds) check(native().file_type(fd), CALL, fd);
}

const ADVICE =
  "NOTIFY_SOCKET, a Unix socket, which RestrictAddressFamilies= does not let this process open: add AF_UNIX to the unit's";

/** An EBADF error names the descriptor; any other error names NOTIFY_SOCKET. */
function explained(error: unknown, address: string): unknown {
  if (!(error instanceof SystemdError) || error.code === 'EBADF') return error;
  const detail = error.errno === -EAFNOSUPPORT && /^[/@]/.test(address) ? ADVICE : 'NOTIFY_SOCKET';
  return explain(error, { path: address }, detail);
}

/**
 * Sends at once, or not at all: true when sent; undefined when there is no room now; false when
 * libsystemd has found no address. Throws when it can't be sent.
 */
export function transmit(address: string, notification: Notification): boolean | undefined {
  assertOpen(notification.fds);
  const isOwn = notification.pid === 0 || notification.pid === process.pid;
  try {
    if (isOwn && isUnix(address)) return sendToUnix(address, notification);
    return hasRoom(address) ? sendByLibsystemd(address, notification) : undefined;
  } catch (error) {
    throw explained(error, address);
  }
}
