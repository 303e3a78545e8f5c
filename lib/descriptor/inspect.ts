// inspect(): the kind of a file descriptor, and for a socket its family, type and addresses.

import { native } from '../addon/exports.ts';
import { resultOrThrow, systemError } from '../base/errors.ts';
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
import { type Address, decodeAddressAt, textAt } from './address.ts';
import {
  CALLS,
  DOMAIN,
  FD,
  FIRST_LENGTH,
  FIRST_RECORD,
  HEAD_SIZE,
  LISTENING,
  NO_SOCKET,
  PROTOCOL,
  RESULT,
  type Records,
  recordOf,
  SECOND_LENGTH,
  SIZE,
  TYPE,
} from './records.ts';

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

/** The socket of the record at this word. */
function socketIn(records: Records, at: number, name: string | undefined): Descriptor {
  const { words } = records;
  const fd = words[at + FD] as number;
  const domain = words[at + DOMAIN] as number;
  const family = FAMILIES.get(domain) ?? domain;
  const typeNumber = words[at + TYPE] as number;
  const type = TYPES.get(typeNumber) ?? typeNumber;
  const protocol = words[at + PROTOCOL] as number;
  const listening = words[at + LISTENING] !== 0;
  const first = at * 4 + HEAD_SIZE;
  const end = first + (words[at + FIRST_LENGTH] as number);
  const localAddress = decodeAddressAt(records, first, end);
  const peerLength = words[at + SECOND_LENGTH] as number;
  const kind = 'socket';
  if (peerLength < 0) {
    // Literals, because V8 takes longer to add a field later, and much longer to copy an object by `...`.
    return name === undefined
      ? { fd, kind, family, type, protocol, listening, localAddress }
      : { fd, kind, family, type, protocol, listening, localAddress, name };
  }
  const second = (end + 3) & ~3;
  const peerAddress = decodeAddressAt(records, second, second + peerLength);
  const socket = {
    fd,
    kind,
    family,
    type,
    protocol,
    listening,
    localAddress,
    peerAddress,
  } as const;
  return withName(socket, name);
}

function withName<T extends Descriptor>(descriptor: T, name: string | undefined): T {
  return name === undefined ? descriptor : Object.assign(descriptor, { name });
}

/** The file of the record at this word. */
function fileIn(records: Records, at: number, name: string | undefined): Descriptor {
  const { words } = records;
  const fd = words[at + FD] as number;
  const type = words[at + TYPE] as number;
  const kind = words[at + PROTOCOL] === 1 ? 'mq' : (FILE_KINDS.get(type) ?? 'other');
  const first = at * 4 + HEAD_SIZE;
  const length = words[at + FIRST_LENGTH] as number;
  const path = length < 0 ? '' : textAt(records, first, first + length);
  // The name of a pipe, such as `pipe:[4711]`, says nothing.
  const saysMore = path.startsWith('/') || (kind === 'other' && length >= 0);
  return withName(saysMore ? { fd, kind, path } : { fd, kind }, name);
}

/** The descriptor of the record at this word. Throws when one of the calls for it has failed. */
function descriptorIn(records: Records, at: number, name?: string): Descriptor {
  const { words } = records;
  const domain = words[at + DOMAIN] as number;
  const result = words[at + RESULT] as number;
  if (result < 0) {
    throw systemError(result, CALLS[domain] as string, { fd: words[at + FD] as number });
  }
  const read = domain === NO_SOCKET ? fileIn : socketIn;
  return Object.freeze(read(records, at, name));
}

/** Like {@link inspect}, with a name. */
export function inspectNamed(fd: number, name: string): InheritedDescriptor {
  return descriptorIn(recordOf(fd), FIRST_RECORD, name) as InheritedDescriptor;
}

/** The descriptors of these records, with these names. */
export function descriptorsIn(records: Records, names: readonly string[]): InheritedDescriptor[] {
  let at = FIRST_RECORD;
  return names.map((name) => {
    const begin = at;
    at += (records.words[begin + SIZE] as number) / 4;
    return descriptorIn(records, begin, name) as InheritedDescriptor;
  });
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
  return descriptorIn(recordOf(fd), FIRST_RECORD);
}

/** Makes a copy of a descriptor, by dup(2): close-on-exec, and with a number above the standard streams (0, 1, 2). */
export function copyFd(fd: number): number {
  return resultOrThrow(native().dup(fd, 3), 'dup', fd);
}
