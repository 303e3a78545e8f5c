// Who is at the other end of a Unix socket.
import type { Socket } from 'node:net';
import { native } from '../addon/exports.ts';
import { ENODATA, ENOPROTOOPT } from '../base/errno.ts';
import { check, SystemdError } from '../base/errors.ts';
import { formatDescriptor } from './format.ts';
import { type Descriptor, inspect, peerOf } from './inspect.ts';
import { fdOf } from './node-handles.ts';

/** Who is at the other end, by {@link peerCredentials}. Frozen. */
export interface PeerCredentials {
  /** 0 when its process is in a PID namespace that this one does not see. */
  readonly pid: number;
  /** Its effective user. */
  readonly uid: number;
  /** Its effective group. */
  readonly gid: number;
  /** Its supplementary groups, in ascending order. Absent before Linux 4.13. */
  readonly groups?: readonly number[];
}

/** (uid_t) -1, the answer for a socket that has a peer and yet no credentials of it. */
const NO_UID = 0xffff_ffff;

/** Most have no more groups, and then one question is all. */
const USUAL_GROUPS = 32;

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer);
}

function unsuitable(descriptor: Descriptor, detail = ''): SystemdError {
  const message = `Expected a connected Unix socket, and got ${formatDescriptor(descriptor)}${detail}`;
  return new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd: descriptor.fd });
}

function isConnectedUnix(descriptor: Descriptor): boolean {
  return (
    descriptor.kind === 'socket' && descriptor.family === 'unix' && peerOf(descriptor) !== undefined
  );
}

/** struct ucred of unix(7): three words. */
function credentials(fd: number): { pid: number; uid: number; gid: number } {
  const words = new Uint32Array(3);
  check(native().peer_credentials(fd, bytesOf(words)), 'getsockopt', fd);
  const [pid = 0, uid = 0, gid = 0] = words;
  return { pid, uid, gid };
}

function groups(fd: number, room = USUAL_GROUPS): readonly number[] | undefined {
  const words = new Uint32Array(room);
  const length = native().peer_groups(fd, bytesOf(words));
  if (length === -ENOPROTOOPT || length === -ENODATA) return undefined;
  const count = check(length, 'getsockopt', fd) / words.BYTES_PER_ELEMENT;
  return count > room ? groups(fd, count) : Object.freeze(Array.from(words.subarray(0, count)));
}

/**
 * Who is at the other end of a connected Unix socket, by the kernel, which the other end can't
 * deceive: so a daemon can let in whom it should. It tells who that was when the connection was
 * made: its process may have ended since, or given the socket to another.
 *
 * A server learns who connected; a client who called listen(2), which for an inherited socket is the
 * service manager until the server listens itself, as Node's does.
 *
 * @param socket - an open net.Socket, whatever has a descriptor as `fd`, or its number
 * @returns a frozen object
 * @throws SystemdError ERR_SYSTEMD_FD_KIND when it is no Unix socket, or not connected, or one for
 * datagrams that is no socketpair(2), of whose peer the kernel keeps no credentials; EBADF when it is
 * not open
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE when `socket` is none, or is
 * closed
 * @see unix(7), SO_PEERCRED; socket(7), SO_PEERGROUPS of Linux 4.13
 */
export function peerCredentials(
  socket: Socket | number | { readonly fd: number },
): PeerCredentials {
  const fd = fdOf('socket', socket);
  const descriptor = inspect(fd);
  if (!isConnectedUnix(descriptor)) throw unsuitable(descriptor);
  const peer = credentials(fd);
  if (peer.uid === NO_UID) throw unsuitable(descriptor, ', of whose peer there are no credentials');
  const list = groups(fd);
  return Object.freeze(list === undefined ? peer : { ...peer, groups: list });
}
