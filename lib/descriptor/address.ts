// Socket addresses as objects, decoded from the bytes of the kernel's struct sockaddr.

import { native } from '../addon/exports.ts';
import { resultOrThrow } from '../base/errors.ts';
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK } from '../sd/constants.ts';
import { dataView, FAMILY_SIZE, INET_SIZE, INET6_SIZE, LITTLE_ENDIAN } from '../sd/sockaddr.ts';

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

const makeDecoders = () => ({
  strict: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }),
  lossy: new TextDecoder('utf-8', { ignoreBOM: true }),
});

let decoders: ReturnType<typeof makeDecoders> | undefined;

/** Made at the first use, because most addresses need no decoder, and the import of this package should be fast. */
function utf8(): ReturnType<typeof makeDecoders> {
  decoders ??= makeDecoders();
  return decoders;
}

function decodeInet(bytes: Uint8Array): Address {
  // This is by far the most frequent family, and 1,000 addresses may come at once: so without a view or a copy.
  const [, , high = 0, low = 0, a, b, c, d] = bytes;
  return { family: 'inet', address: `${a}.${b}.${c}.${d}`, port: (high << 8) | low };
}

function decodeInet6(bytes: Uint8Array): Address {
  const data = dataView(bytes);
  const [result, address] = native().inet_ntop(AF_INET6, bytes.subarray(8, 24));
  resultOrThrow(result, 'inet_ntop');
  return {
    family: 'inet6',
    address,
    port: data.getUint16(2),
    flowinfo: data.getUint32(4),
    scopeId: data.getUint32(24, LITTLE_ENDIAN),
  };
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8().strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/**
 * Decodes a Unix address by the rules of unix(7):
 *
 * - No bytes: a socket without a name.
 * - A leading null byte: an abstract name.
 * - Anything else: a path, which may end with a null byte.
 */
function decodeUnix(bytes: Uint8Array): Address {
  const name = bytes.subarray(FAMILY_SIZE);
  if (name.length === 0) return { family: 'unix' };
  if (name[0] === 0) {
    const abstract = utf8().lossy.decode(name.subarray(1));
    return { family: 'unix', abstract, bytes: Uint8Array.from(name) };
  }
  const end = name.indexOf(0);
  const path = Uint8Array.from(end < 0 ? name : name.subarray(0, end));
  const decoded = { family: 'unix', path: utf8().lossy.decode(path) } as const;
  return isUtf8(path) ? decoded : { ...decoded, bytes: path };
}

function decodeNetlink(bytes: Uint8Array): Address {
  const data = dataView(bytes);
  const pid = data.getUint32(4, LITTLE_ENDIAN);
  return { family: 'netlink', pid, groups: data.getUint32(8, LITTLE_ENDIAN) };
}

function decodeVsock(bytes: Uint8Array): Address {
  const data = dataView(bytes);
  const port = data.getUint32(4, LITTLE_ENDIAN);
  return { family: 'vsock', cid: data.getUint32(8, LITTLE_ENDIAN), port };
}

/** The decoders of the known families, and the smallest number of bytes that each one needs. */
const DECODERS = new Map<number, { size: number; decode(bytes: Uint8Array): Address }>([
  [AF_INET, { size: INET_SIZE, decode: decodeInet }],
  [AF_INET6, { size: INET6_SIZE, decode: decodeInet6 }],
  [AF_UNIX, { size: FAMILY_SIZE, decode: decodeUnix }],
  [AF_NETLINK, { size: 12, decode: decodeNetlink }],
  [AF_VSOCK, { size: 12, decode: decodeVsock }],
]);

/**
 * Decodes the bytes of a struct sockaddr. An address of an unknown family, or with too few bytes for its family,
 * becomes an OtherAddress.
 */
export function decodeAddress(sockaddr: Uint8Array): Address {
  const [first = 0, second = 0] = sockaddr.length < FAMILY_SIZE ? [] : sockaddr;
  const family = LITTLE_ENDIAN ? first | (second << 8) : (first << 8) | second;
  const decoder = DECODERS.get(family);
  const address =
    decoder && sockaddr.length >= decoder.size
      ? decoder.decode(sockaddr)
      : { family, bytes: Uint8Array.from(sockaddr.subarray(FAMILY_SIZE)) };
  return Object.freeze(address);
}
