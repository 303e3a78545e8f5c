// What a file descriptor is: its kind, and for a socket its family, type and addresses.

import { native } from '../addon/exports.ts';
import { ENOTSOCK } from '../base/errno.ts';
import { check } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  AF_VSOCK,
  SOCK_DCCP,
  SOCK_DGRAM,
  SOCK_PACKET,
  SOCK_RAW,
  SOCK_RDM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from '../sd/constants.ts';
import { type Address, decodeAddress } from './address.ts';

/** A socket's address family; a number is the AF_ number of one without a name here. */
export type Family = 'inet' | 'inet6' | 'unix' | 'netlink' | 'vsock' | number;

/** A socket's type; a number is the SOCK_ number of one without a name here. */
export type SocketType =
  | 'stream'
  | 'dgram'
  | 'raw'
  | 'rdm'
  | 'seqpacket'
  | 'dccp'
  | 'packet'
  | number;

/** A descriptor that is a socket. Frozen. */
export interface SocketDescriptor {
  readonly fd: number;
  /** The name that the service manager gave it, for an inherited one. */
  readonly name?: string;
  readonly kind: 'socket';
  readonly family: Family;
  readonly type: SocketType;
  /** The IPPROTO_ number: 6 is TCP, 17 UDP, 0 what Unix sockets have. */
  readonly protocol: number;
  /** Whether it accepts connections. */
  readonly listening: boolean;
  /** By getsockname(2). */
  readonly localAddress: Address;
  /** By getpeername(2); absent when the socket is not connected. */
  readonly peerAddress?: Address;
}

/** A descriptor that is no socket. Frozen. */
export interface FileDescriptor {
  readonly fd: number;
  /** The name that the service manager gave it, for an inherited one. */
  readonly name?: string;
  /**
   * `fifo` (a pipe too), `file` (a memory file too), `device`, `directory`, `mq` (a POSIX message
   * queue), `other` (epoll, eventfd and the like).
   */
  readonly kind: 'fifo' | 'file' | 'device' | 'directory' | 'mq' | 'other';
  /**
   * What the kernel calls it, by /proc/self/fd: a path, ` (deleted)` after it when it has gone;
   * `/memfd:name (deleted)` for a memory file; a queue's name; `anon_inode:[eventpoll]` and the
   * like for `other`. Absent for a pipe, and where /proc is not mounted.
   */
  readonly path?: string;
}

/** What {@link inspect} says of a descriptor: a union by `kind`. `server.listen()` takes it as it is. */
export type Descriptor = SocketDescriptor | FileDescriptor;

/** A descriptor with the name that the service manager gave it. */
export type InheritedDescriptor = Descriptor & { readonly name: string };

// From socket(7) and inode(7); the same numbers on every processor that Node runs on.
const SOL_SOCKET = 1;
const SO_TYPE = 3;
export const SO_ACCEPTCONN = 30;
const SO_PROTOCOL = 38;
const SO_DOMAIN = 39;

const FILE_KINDS = new Map<number, FileDescriptor['kind']>([
  [0o010000, 'fifo'],
  [0o020000, 'device'],
  [0o040000, 'directory'],
  [0o060000, 'device'],
  [0o100000, 'file'],
]);

const FAMILIES = new Map<number, Family>([
  [AF_INET, 'inet'],
  [AF_INET6, 'inet6'],
  [AF_UNIX, 'unix'],
  [AF_NETLINK, 'netlink'],
  [AF_VSOCK, 'vsock'],
]);

const TYPES = new Map<number, SocketType>([
  [SOCK_STREAM, 'stream'],
  [SOCK_DGRAM, 'dgram'],
  [SOCK_RAW, 'raw'],
  [SOCK_RDM, 'rdm'],
  [SOCK_SEQPACKET, 'seqpacket'],
  [SOCK_DCCP, 'dccp'],
  [SOCK_PACKET, 'packet'],
]);

/** Room for any address; reused, for the kernel is asked and the answer read without a pause. */
const scratch = new Uint8Array(256);

export function socketOption(fd: number, option: number): number {
  return check(native().getsockopt(fd, SOL_SOCKET, option), 'getsockopt', fd);
}

/** The address that a socket is bound to. */
export function localAddress(fd: number): Address {
  const length = check(native().getsockname(fd, scratch), 'getsockname', fd);
  return decodeAddress(scratch.subarray(0, length));
}

/** undefined when not connected; and some families (packet) have no peers at all. */
function peerAddress(fd: number): Address | undefined {
  const length = native().getpeername(fd, scratch);
  return length < 0 ? undefined : decodeAddress(scratch.subarray(0, length));
}

/** Whether it is a socket of datagrams; false also for what is not open. */
export function isDatagram(fd: number): boolean {
  return native().getsockopt(fd, SOL_SOCKET, SO_TYPE) === SOCK_DGRAM;
}

function inspectSocket(fd: number, domain: number): Descriptor {
  const type = socketOption(fd, SO_TYPE);
  const listening = socketOption(fd, SO_ACCEPTCONN) !== 0;
  const socket = {
    fd,
    kind: 'socket',
    family: FAMILIES.get(domain) ?? domain,
    type: TYPES.get(type) ?? type,
    protocol: socketOption(fd, SO_PROTOCOL),
    listening,
    localAddress: localAddress(fd),
  } as const;
  const peer = listening ? undefined : peerAddress(fd);
  return peer === undefined ? socket : { ...socket, peerAddress: peer };
}

function kernelsName(fd: number): string | undefined {
  try {
    return fs().readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function inspectFile(fd: number): Descriptor {
  const type = check(native().file_type(fd), 'fstat', fd);
  // A message queue looks like a regular file, but for its own call.
  const kind = native().is_mq(fd) === 1 ? 'mq' : (FILE_KINDS.get(type) ?? 'other');
  const path = kernelsName(fd);
  // The `pipe:[4711]` of a pipe is a path to nothing.
  const isPath = path?.startsWith('/') || kind === 'other';
  return path !== undefined && isPath ? { fd, kind, path } : { fd, kind };
}

/** The AF_ number of a socket; undefined when it is none. */
export function socketDomain(fd: number): number | undefined {
  const domain = native().getsockopt(fd, SOL_SOCKET, SO_DOMAIN);
  return domain === -ENOTSOCK ? undefined : check(domain, 'getsockopt', fd);
}

function describe(fd: number): Descriptor {
  const domain = socketDomain(fd);
  return domain === undefined ? inspectFile(fd) : inspectSocket(fd, domain);
}

/** As {@link inspect}, with a name. */
export function inspectNamed(fd: number, name: string): InheritedDescriptor {
  return Object.freeze(Object.assign(describe(fd), { name }));
}

/**
 * Says what an open file descriptor is: any descriptor, inherited or not. Costs a few microseconds
 * and changes nothing.
 *
 * @param fd - a file descriptor
 * @returns a frozen object, a union by `kind`
 * @throws SystemdError EBADF when it is not open
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE when `fd` is no descriptor's number
 * @see getsockname(2), fstat(2)
 */
export function inspect(fd: number): Descriptor {
  return Object.freeze(describe(fd));
}

/** A copy of a descriptor, close-on-exec and never among the standard streams. */
export function duplicate(fd: number): number {
  return check(native().dup(fd, 3), 'dup', fd);
}

/** The peer's address, where there is a peer: of its own, and not what somebody has put on all objects. */
export function peerOf(socket: SocketDescriptor): Address | undefined {
  return Object.hasOwn(socket, 'peerAddress') ? socket.peerAddress : undefined;
}
