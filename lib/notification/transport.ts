// The transport of a message to the service manager: by a socket of this package, or by libsystemd.
//
// The address and the pid decide. A message to a Unix socket, in the name of this process, needs no
// libsystemd: the same bytes are sent without reading the environment, and without waiting for the
// manager.

import { native } from '../addon/exports.ts';
import { EAFNOSUPPORT, EAGAIN } from '../base/errno.ts';
import { explain, resultOrThrow, SystemdError, systemError } from '../base/errors.ts';
import { sd_pid_notify_with_fds } from '../sd/sd-daemon.ts';
import { encodeUnixAddress } from '../sd/sockaddr.ts';
import type { Message } from './message.ts';

/**
 * What came of a message:
 * - `sent`
 * - `full`: the manager's socket has no room now
 * - `unseen`: libsystemd finds no address in the environment, although `process.env` has one
 */
export type Transmission = 'sent' | 'full' | 'unseen';

/** Errors name this function as the failed call, whichever transport sent the message. */
const CALL = 'sd_pid_notify_with_fds';

/**
 * libsystemd wants a null byte after the path, and sun_path has 108 bytes (unix(7)). Before it are 2 for the family.
 */
const LONGEST_SOCKADDR = 2 + 107;

/**
 * The bytes of a path or an abstract name that libsystemd would take. undefined for anything else, which
 * libsystemd has to interpret, also for an address with U+FFFD: `process.env` puts that in place of bytes
 * that are not UTF-8, so the real address is not known.
 */
function encodeAddress(address: string): Uint8Array | undefined {
  const [first] = address;
  if ((first !== '/' && first !== '@') || address.length === 1) return undefined;
  if (address.includes('\ufffd')) return undefined;
  const bytes = encodeUnixAddress(address);
  return bytes.length <= LONGEST_SOCKADDR ? bytes : undefined;
}

/** The last address and its bytes, because most processes have one address. */
let lastAddress: string | undefined;
let lastBytes: Uint8Array | undefined;

function unixAddressBytes(address: string): Uint8Array | undefined {
  if (address !== lastAddress) {
    lastBytes = encodeAddress(address);
    lastAddress = address;
  }
  return lastBytes;
}

/**
 * False when a send by libsystemd would block. Other sockets than Unix ones can't be asked, so for them
 * the answer is true.
 */
function hasRoom(address: Uint8Array | undefined): boolean {
  return address === undefined || native().datagram_room(address) !== 0;
}

/** libsystemd reads the address from the environment, so the call needs the address there. */
function sendByLibsystemd(address: string, { pid, state, fds }: Message): boolean {
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
 * Sends the same datagram as libsystemd. libsystemd itself would read the environment, to which another
 * thread may be writing, and would wait for room.
 */
function sendByOwnSocket(address: Uint8Array, { state, fds }: Message): Transmission {
  const result =
    fds.length === 0
      ? native().send_text(address, state)
      : native().send_datagram(address, state, fds);
  if (result === -EAGAIN) return 'full';
  if (result < 0) throw systemError(result, CALL);
  return 'sent';
}

/**
 * Throws EBADF for a descriptor that is closed. Without this check the socket that sends the message
 * could get the closed descriptor's number, and would be passed in its place.
 */
function assertOpen(fds: readonly number[]): void {
  for (const fd of fds) resultOrThrow(native().file_type(fd), CALL, fd);
}

const ADD_AF_UNIX =
  "NOTIFY_SOCKET is a Unix socket, and RestrictAddressFamilies= of the unit does not let this process open one: add AF_UNIX to the unit's RestrictAddressFamilies=";

/** An EBADF error names the descriptor; any other error names NOTIFY_SOCKET. */
function withAddress(error: unknown, address: string): unknown {
  if (!(error instanceof SystemdError) || error.code === 'EBADF') return error;
  const isRefusedUnix = error.errno === -EAFNOSUPPORT && /^[/@]/.test(address);
  return explain(error, { path: address }, isRefusedUnix ? ADD_AF_UNIX : 'NOTIFY_SOCKET');
}

/**
 * Sends a message at once, or not at all.
 *
 * @throws SystemdError when the message can't be sent, now or later
 */
export function transmit(address: string, message: Message): Transmission {
  if (message.fds.length > 0) assertOpen(message.fds);
  const isOwn = message.pid === 0 || message.pid === process.pid;
  const bytes = unixAddressBytes(address);
  try {
    if (isOwn && bytes !== undefined) return sendByOwnSocket(bytes, message);
    if (!hasRoom(bytes)) return 'full';
    return sendByLibsystemd(address, message) ? 'sent' : 'unseen';
  } catch (error) {
    throw withAddress(error, address);
  }
}
