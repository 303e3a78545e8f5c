// Socket addresses: the kernel's bytes (struct sockaddr) to objects, and back.

import { native } from '../addon/exports.ts';
import { check } from '../base/errors.ts';
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK } from '../sd/constants.ts';
import { dataView, FAMILY_SIZE, INET_SIZE, INET6_SIZE, LITTLE_ENDIAN } from '../sd/sockaddr.ts';

/** An IPv4 address and port: `{ family: 'inet', address: '127.0.0.1', port: 80 }`. */
export interface InetAddress {
  readonly family: 'inet';
  readonly address: string;
  readonly port: number;
}

/** An IPv6 address and port. `scopeId` is the interface's index for a link-local address, else 0. */
export interface Inet6Address {
  readonly family: 'inet6';
  readonly address: string;
  readonly port: number;
  readonly flowinfo: number;
  readonly scopeId: number;
}

/** A Unix socket in the file system. `bytes` is there only where the path is not UTF-8. */
export interface UnixPathAddress {
  readonly family: 'unix';
  readonly path: string;
  readonly abstract?: never;
  readonly bytes?: Uint8Array;
}

/**
 * A Unix socket in the abstract namespace: `abstract` is the name as text, `bytes` the kernel's
 * exact bytes with their leading null, which is what sd_is_socket_unix() takes.
 */
export interface UnixAbstractAddress {
  readonly family: 'unix';
  readonly abstract: string;
  readonly bytes: Uint8Array;
  readonly path?: never;
}

/** A Unix socket without a name: one end of a pair, or a client that did not bind. */
export interface UnixUnnamedAddress {
  readonly family: 'unix';
  readonly path?: never;
  readonly abstract?: never;
  readonly bytes?: never;
}

/** A netlink socket: its port id (often the process's pid) and its multicast groups. */
export interface NetlinkAddress {
  readonly family: 'netlink';
  readonly pid: number;
  readonly groups: number;
}

/** A socket between a virtual machine and its host: context id (4294967295 is any) and port. */
export interface VsockAddress {
  readonly family: 'vsock';
  readonly cid: number;
  readonly port: number;
}

/** An address of any other family: its AF_ number, and the bytes that follow it in the sockaddr. */
export interface OtherAddress {
  readonly family: number;
  readonly bytes: Uint8Array;
}

/** The address of a socket, by its family. Frozen. */
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

/** Made when used: most addresses need none, and an import should not pay for them. */
function utf8(): ReturnType<typeof makeDecoders> {
  decoders ??= makeDecoders();
  return decoders;
}

function decodeInet(bytes: Uint8Array): Address {
  // The commonest by far, and 1,000 of it may come at once: without views and copies.
  const [, , high = 0, low = 0, a, b, c, d] = bytes;
  return { family: 'inet', address: `${a}.${b}.${c}.${d}`, port: (high << 8) | low };
}

function decodeInet6(bytes: Uint8Array): Address {
  const data = dataView(bytes);
  const [result, address] = native().inet_ntop(AF_INET6, bytes.subarray(8, 24));
  check(result, 'inet_ntop');
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

/** By unix(7): no bytes, unnamed; a leading null, abstract; else a path, its null included or not. */
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

/** The families that are taken apart, and how many bytes that needs. */
const DECODERS = new Map<number, { size: number; decode(bytes: Uint8Array): Address }>([
  [AF_INET, { size: INET_SIZE, decode: decodeInet }],
  [AF_INET6, { size: INET6_SIZE, decode: decodeInet6 }],
  [AF_UNIX, { size: FAMILY_SIZE, decode: decodeUnix }],
  [AF_NETLINK, { size: 12, decode: decodeNetlink }],
  [AF_VSOCK, { size: 12, decode: decodeVsock }],
]);

/**
 * Reads the bytes of a struct sockaddr. An unknown family, or fewer bytes than its family has,
 * keeps the number and the bytes.
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
