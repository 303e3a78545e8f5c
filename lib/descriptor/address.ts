// Socket addresses as objects, decoded from the bytes of the kernel's struct sockaddr.

import { native } from '../addon/exports.ts';
import { resultOrThrow } from '../base/errors.ts';
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK } from '../sd/constants.ts';
import { FAMILY_SIZE, INET_SIZE, INET6_SIZE, LITTLE_ENDIAN } from '../sd/sockaddr.ts';

/** An IPv4 address and port: `{ family: 'inet', address: '127.0.0.1', port: 80 }`. */
export interface InetAddress {
  readonly family: 'inet';
  readonly address: string;
  readonly port: number;
}

/** An IPv6 address and port: `{ family: 'inet6', address: '::1', port: 80, flowinfo: 0, scopeId: 0 }`. */
export interface Inet6Address {
  readonly family: 'inet6';
  readonly address: string;
  readonly port: number;
  readonly flowinfo: number;
  /** The index of the network interface for a link-local address; 0 for any other. */
  readonly scopeId: number;
}

/** The address of a Unix socket in the file system: `{ family: 'unix', path: '/run/app.sock' }`. */
export interface UnixPathAddress {
  readonly family: 'unix';
  readonly path: string;
  readonly abstract?: never;
  /** The bytes of the path, only when they are not UTF-8. */
  readonly bytes?: Uint8Array;
}

/** The address of a Unix socket in the abstract namespace, which has names without files. */
export interface UnixAbstractAddress {
  readonly family: 'unix';
  /** The name as text, without its leading null byte. */
  readonly abstract: string;
  /** The exact bytes of the name, with the leading null byte. sd_is_socket_unix() takes them as its `path`. */
  readonly bytes: Uint8Array;
  readonly path?: never;
}

/** The address of a Unix socket without a name: one end of a socketpair(2), or a client that called no bind(2). */
export interface UnixUnnamedAddress {
  readonly family: 'unix';
  readonly path?: never;
  readonly abstract?: never;
  readonly bytes?: never;
}

/** The address of a netlink socket, see netlink(7). */
export interface NetlinkAddress {
  readonly family: 'netlink';
  /** The port id: often the pid of the process. */
  readonly pid: number;
  /** The multicast groups, as a bit mask. */
  readonly groups: number;
}

/** The address of a socket between a virtual machine and its host, see vsock(7). */
export interface VsockAddress {
  readonly family: 'vsock';
  /** The context id, which names a machine; 4294967295 means any. */
  readonly cid: number;
  readonly port: number;
}

/** An address of any other family. */
export interface OtherAddress {
  /** The AF_ number. */
  readonly family: number;
  /** The bytes that follow the family in the struct sockaddr. */
  readonly bytes: Uint8Array;
}

/** The address of a socket: a union by `family`. Frozen. */
export type Address =
  | InetAddress
  | Inet6Address
  | UnixPathAddress
  | UnixAbstractAddress
  | UnixUnnamedAddress
  | NetlinkAddress
  | VsockAddress
  | OtherAddress;

/** A memory that holds addresses. */
export interface Memory {
  /** No Buffer, because a copy of a part of it must be none. */
  readonly bytes: Uint8Array;
  /** The same bytes as a Buffer, which makes text of them. Made when it is needed: IPv4 addresses do without. */
  buffer?: Buffer;
}

function bufferOf(memory: Memory): Buffer {
  const { buffer, byteOffset, length } = memory.bytes;
  memory.buffer ??= Buffer.from(buffer, byteOffset, length);
  return memory.buffer;
}

/** The text of the bytes, with U+FFFD in place of what is no UTF-8. A byte order mark is a part of the text. */
export function textAt(memory: Memory, begin: number, end: number): string {
  return bufferOf(memory).toString('utf8', begin, end);
}

function portAt({ bytes }: Memory, at: number): number {
  return ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
}

/** A number in this machine's byte order. */
function uint32At(memory: Memory, at: number): number {
  const buffer = bufferOf(memory);
  return LITTLE_ENDIAN ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at);
}

function familyAt({ bytes }: Memory, at: number): number {
  const first = bytes[at] as number;
  const second = bytes[at + 1] as number;
  return LITTLE_ENDIAN ? first | (second << 8) : (first << 8) | second;
}

function decodeInet(memory: Memory, at: number): Address {
  const { bytes } = memory;
  const address = `${bytes[at + 4]}.${bytes[at + 5]}.${bytes[at + 6]}.${bytes[at + 7]}`;
  return { family: 'inet', address, port: portAt(memory, at) };
}

function decodeInet6(memory: Memory, at: number): Address {
  const [result, address] = native().inet_ntop(AF_INET6, memory.bytes.subarray(at + 8, at + 24));
  resultOrThrow(result, 'inet_ntop');
  return {
    family: 'inet6',
    address,
    port: portAt(memory, at),
    flowinfo: bufferOf(memory).readUInt32BE(at + 4),
    scopeId: uint32At(memory, at + 24),
  };
}

/** False for bytes that the text, which was made of them, has a U+FFFD for because they are no UTF-8. */
function isUtf8(bytes: Uint8Array, text: string): boolean {
  return Buffer.compare(Buffer.from(text), bytes) === 0;
}

function decodePath(path: string, bytes: Uint8Array): Address {
  return isUtf8(bytes, path) ? { family: 'unix', path } : { family: 'unix', path, bytes };
}

/**
 * Decodes a Unix address by the rules of unix(7):
 *
 * - No bytes: a socket without a name.
 * - A leading null byte: an abstract name.
 * - Anything else: a path, which may end with a null byte.
 */
function decodeUnix(memory: Memory, at: number, end: number): Address {
  const { bytes } = memory;
  const name = at + FAMILY_SIZE;
  if (name === end) return { family: 'unix' };
  if (bytes[name] === 0) {
    const abstract = textAt(memory, name + 1, end);
    return { family: 'unix', abstract, bytes: bytes.slice(name, end) };
  }
  const text = textAt(memory, name, end);
  const nul = text.indexOf('\0');
  const path = nul < 0 ? text : text.slice(0, nul);
  // Only a text with this character may stand for bytes that are no UTF-8.
  if (!path.includes('\ufffd')) return { family: 'unix', path };
  const exact = bytes.slice(name, end);
  return decodePath(path, nul < 0 ? exact : exact.slice(0, exact.indexOf(0)));
}

function decodeNetlink(memory: Memory, at: number): Address {
  return { family: 'netlink', pid: uint32At(memory, at + 4), groups: uint32At(memory, at + 8) };
}

function decodeVsock(memory: Memory, at: number): Address {
  return { family: 'vsock', cid: uint32At(memory, at + 8), port: uint32At(memory, at + 4) };
}

/** An address of a known family; undefined for another family, or when bytes are missing. */
function decodeKnown(memory: Memory, at: number, end: number, family: number): Address | undefined {
  const size = end - at;
  switch (family) {
    case AF_INET:
      return size >= INET_SIZE ? decodeInet(memory, at) : undefined;
    case AF_INET6:
      return size >= INET6_SIZE ? decodeInet6(memory, at) : undefined;
    case AF_UNIX:
      return decodeUnix(memory, at, end);
    case AF_NETLINK:
      return size >= 12 ? decodeNetlink(memory, at) : undefined;
    case AF_VSOCK:
      return size >= 12 ? decodeVsock(memory, at) : undefined;
    default:
      return undefined;
  }
}

/** Like {@link decodeAddress}, for the bytes from `at` to `end`. A memory may hold a thousand addresses. */
export function decodeAddressAt(memory: Memory, at: number, end: number): Address {
  const rest = Math.min(at + FAMILY_SIZE, end);
  const family = rest === at + FAMILY_SIZE ? familyAt(memory, at) : 0;
  const known = decodeKnown(memory, at, end, family);
  return Object.freeze(known ?? { family, bytes: memory.bytes.slice(rest, end) });
}

/**
 * Decodes the bytes of a struct sockaddr. An address of an unknown family, or with too few bytes for its family,
 * becomes an OtherAddress.
 */
export function decodeAddress({ buffer, byteOffset, length }: Uint8Array): Address {
  return decodeAddressAt({ bytes: new Uint8Array(buffer, byteOffset, length) }, 0, length);
}
