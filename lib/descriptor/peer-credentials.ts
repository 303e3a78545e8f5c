// peerCredentials(): the process at the other end of a Unix socket.
import type { Socket } from 'node:net';
import { native } from '../addon/exports.ts';
import { ENODATA, ENOPROTOOPT } from '../base/errno.ts';
import { resultOrThrow, SystemdError } from '../base/errors.ts';
import { formatDescriptor } from './format.ts';
import { type Descriptor, inspect } from './inspect.ts';
import { fdOf } from './node-handles.ts';
import { peerOf } from './predicates.ts';
import type { UnixConnection } from './unix-server.ts';

/** The process at the other end of a Unix socket, from {@link peerCredentials}. Frozen. */
export interface PeerCredentials {
  /** The process id; 0 when the process is in a PID namespace that this process does not see. */
  readonly pid: number;
  /** The effective user id. */
  readonly uid: number;
  /** The effective group id. */
  readonly gid: number;
  /** The supplementary group ids, in ascending order. Absent before Linux 4.13. */
  readonly groups?: readonly number[];
}

/** (uid_t) -1: the kernel's answer when the socket has a peer, but the kernel has kept no credentials of it. */
const NO_UID = 0xffff_ffff;

/** Most processes are in fewer groups, so one system call is enough. */
const USUAL_GROUPS = 32;

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer);
}

function unsuitableError(descriptor: Descriptor, detail = ''): SystemdError {
  const message = `Expected a connected Unix socket, and got ${formatDescriptor(descriptor)}${detail}`;
  return new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd: descriptor.fd });
}

function isConnectedUnix(descriptor: Descriptor): boolean {
  return (
    descriptor.kind === 'socket' && descriptor.family === 'unix' && peerOf(descriptor) !== undefined
  );
}

/** The struct ucred of unix(7), three numbers of 32 bits. */
function credentials(fd: number): { pid: number; uid: number; gid: number } {
  const words = new Uint32Array(3);
  resultOrThrow(native().peer_credentials(fd, bytesOf(words)), 'getsockopt', fd);
  const [pid = 0, uid = 0, gid = 0] = words;
  return { pid, uid, gid };
}

/** The supplementary groups; undefined when the kernel does not tell them. */
function groups(fd: number, room = USUAL_GROUPS): readonly number[] | undefined {
  const words = new Uint32Array(room);
  const length = native().peer_groups(fd, bytesOf(words));
  if (length === -ENOPROTOOPT || length === -ENODATA) return undefined;
  const count = resultOrThrow(length, 'getsockopt', fd) / words.BYTES_PER_ELEMENT;
  return count > room ? groups(fd, count) : Object.freeze(Array.from(words.subarray(0, count)));
}

/**
 * Returns which process is at the other end of a connected Unix socket. The kernel vouches for
 * the result, and the other end cannot forge it, so a daemon can decide by it who may use the daemon.
 *
 * The result describes the moment when the connection was made. Since then the process may have ended, or passed the
 * socket to another process.
 *
 * - On the socket of a server: the process that connected.
 * - On the socket of a client: the process that called listen(2). For a socket that systemd opened this is the
 *   service manager, until the server calls listen(2) again, as every server of Node does.
 *
 * @param socket - an open net.Socket, an object with a descriptor as its `fd`, or a descriptor's number
 * @returns a frozen object with `pid`, `uid`, `gid` and `groups`
 * @throws SystemdError ERR_SYSTEMD_FD_KIND when the descriptor is no connected Unix socket, or is a datagram socket
 * that is not from socketpair(2), because the kernel keeps no credentials for it; EBADF when the descriptor is not open
 * @throws TypeError ERR_INVALID_ARG_TYPE when `socket` is anything else, or a closed net.Socket
 * @throws RangeError ERR_OUT_OF_RANGE when a number is no number of a descriptor
 * @see unix(7), SO_PEERCRED; socket(7), SO_PEERGROUPS of Linux 4.13
 */
export function peerCredentials(
  socket: Socket | UnixConnection | number | { readonly fd: number },
): PeerCredentials {
  const fd = fdOf('socket', socket);
  const descriptor = inspect(fd);
  if (!isConnectedUnix(descriptor)) throw unsuitableError(descriptor);
  const peer = credentials(fd);
  if (peer.uid === NO_UID)
    throw unsuitableError(descriptor, ', of whose peer there are no credentials');
  const list = groups(fd);
  return Object.freeze(list === undefined ? peer : { ...peer, groups: list });
}
