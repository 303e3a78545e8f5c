// inspect(): the kind of a file descriptor, and for a socket its family, type and addresses.

import { native } from '../addon/exports.ts';
import { resultOrThrow } from '../base/errors.ts';
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
import type { Address } from './address.ts';
import {
  localAddress,
  peerAddress,
  SO_ACCEPTCONN,
  SO_PROTOCOL,
  SO_TYPE,
  socketDomain,
  socketOption,
} from './socket-options.ts';

/** The address family of a socket. A family without a word here is its AF_ number. */
export type Family = 'inet' | 'inet6' | 'unix' | 'netlink' | 'vsock' | number;

/** The type of a socket. A type without a word here is its SOCK_ number. */
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
  /** The name that the service manager gave the descriptor. Absent when the manager did not pass it. */
  readonly name?: string;
  readonly kind: 'socket';
  readonly family: Family;
  readonly type: SocketType;
  /** The IPPROTO_ number: 6 is TCP, 17 is UDP, 0 is none, as for Unix sockets. */
  readonly protocol: number;
  /** True after listen(2): the socket accepts connections. */
  readonly listening: boolean;
  /** The address that the socket is bound to, from getsockname(2). */
  readonly localAddress: Address;
  /** The address of the other end, from getpeername(2). Absent when the socket is not connected. */
  readonly peerAddress?: Address;
}

/** A descriptor that is no socket. Frozen. */
export interface FileDescriptor {
  readonly fd: number;
  /** The name that the service manager gave the descriptor. Absent when the manager did not pass it. */
  readonly name?: string;
  /**
   * - `fifo`: a FIFO or a pipe
   * - `file`: a regular file or a memory file
   * - `device`: a character or block device
   * - `directory`
   * - `mq`: a POSIX message queue
   * - `other`: anything else, such as an epoll or an eventfd
   */
  readonly kind: 'fifo' | 'file' | 'device' | 'directory' | 'mq' | 'other';
  /**
   * The kernel's name for the descriptor, from /proc/self/fd. Absent for a pipe, and where /proc is not mounted.
   *
   * - A file, a directory or a device: its path, with ` (deleted)` after it when it was deleted.
   * - A memory file: `/memfd:name (deleted)`.
   * - A message queue: its name.
   * - `other`: such as `anon_inode:[eventpoll]`.
   */
  readonly path?: string;
}

/** A descriptor as {@link inspect} describes it: a union by `kind`. It can be passed to `server.listen()`. Frozen. */
export type Descriptor = SocketDescriptor | FileDescriptor;

/** A descriptor that the service manager passed, with the name that the manager gave it. */
export type InheritedDescriptor = Descriptor & { readonly name: string };

/** By the file type of inode(7), whose numbers are the same on every processor that Node runs on. */
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

function nameInProc(fd: number): string | undefined {
  try {
    return fs().readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function inspectFile(fd: number): Descriptor {
  const type = resultOrThrow(native().file_type(fd), 'fstat', fd);
  // fstat(2) reports a message queue as a regular file. Only the system call for queues tells them apart.
  const kind = native().is_mq(fd) === 1 ? 'mq' : (FILE_KINDS.get(type) ?? 'other');
  const path = nameInProc(fd);
  // The name of a pipe, such as `pipe:[4711]`, says nothing.
  const saysMore = path?.startsWith('/') || kind === 'other';
  return path !== undefined && saysMore ? { fd, kind, path } : { fd, kind };
}

function describe(fd: number): Descriptor {
  const domain = socketDomain(fd);
  return domain === undefined ? inspectFile(fd) : inspectSocket(fd, domain);
}

/** Like {@link inspect}, with a name. */
export function inspectNamed(fd: number, name: string): InheritedDescriptor {
  return Object.freeze(Object.assign(describe(fd), { name }));
}

/**
 * Inspects an open file descriptor, inherited or not. The call takes a few microseconds and changes nothing.
 *
 * - A socket: its family, type, protocol, addresses, and whether it listens.
 * - Anything else: its kind, and the kernel's name for it.
 *
 * @param fd - a file descriptor
 * @returns a frozen object, a union by `kind`
 * @throws SystemdError EBADF when `fd` is not open
 * @throws TypeError ERR_INVALID_ARG_TYPE when `fd` is no number
 * @throws RangeError ERR_OUT_OF_RANGE when `fd` is no number of a descriptor
 * @see getsockopt(2), getsockname(2), getpeername(2), fstat(2)
 */
export function inspect(fd: number): Descriptor {
  return Object.freeze(describe(fd));
}

/** Makes a copy of a descriptor, by dup(2): close-on-exec, and with a number above the standard streams (0, 1, 2). */
export function copyFd(fd: number): number {
  return resultOrThrow(native().dup(fd, 3), 'dup', fd);
}

/** The address of the peer; undefined without one. A `peerAddress` on Object.prototype is ignored. */
export function peerOf(socket: SocketDescriptor): Address | undefined {
  return Object.hasOwn(socket, 'peerAddress') ? socket.peerAddress : undefined;
}
