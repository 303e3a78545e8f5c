// Socket addresses: the kernel's bytes (struct sockaddr) to objects, and back.
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK } from '../sd/constants.ts';
import { check, invalidType, invalidValue, validateInteger } from '../base/errors.ts';
import { native } from '../addon/exports.ts';
import { printable } from '../base/printable.ts';

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

/**
 * What sd_is_socket_sockaddr() compares with: an inet or inet6 {@link Address} (left out: port,
 * flowinfo and scopeId 0, C's wildcard), the same with the family as an AF_ number or in Node's
 * words (so `server.address()` will do), or the bytes of a struct sockaddr.
 */
export type SockAddr =
  | Uint8Array
  | {
      readonly family: 'inet' | 'inet6' | 'IPv4' | 'IPv6' | number;
      readonly address: string;
      readonly port?: number;
      readonly flowinfo?: number;
      readonly scopeId?: number;
    };

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const FAMILY_SIZE = 2;
const INET_SIZE = 16;
const INET6_SIZE = 28;

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

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decodeInet(bytes: Uint8Array): Address {
  // The commonest by far, and 1,000 of it may come at once: without views and copies.
  const [, , high = 0, low = 0, a, b, c, d] = bytes;
  return { family: 'inet', address: `${a}.${b}.${c}.${d}`, port: (high << 8) | low };
}

function decodeInet6(bytes: Uint8Array): Address {
  const data = view(bytes);
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
  const data = view(bytes);
  const pid = data.getUint32(4, LITTLE_ENDIAN);
  return { family: 'netlink', pid, groups: data.getUint32(8, LITTLE_ENDIAN) };
}

function decodeVsock(bytes: Uint8Array): Address {
  const data = view(bytes);
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

const FAMILY_NUMBERS = new Map<unknown, number>([
  ['inet', AF_INET],
  ['IPv4', AF_INET],
  [AF_INET, AF_INET],
  ['inet6', AF_INET6],
  ['IPv6', AF_INET6],
  [AF_INET6, AF_INET6],
]);

function encodeHost(family: number, address: unknown): Uint8Array {
  if (typeof address !== 'string') {
    throw invalidType('address.address', 'of type string', address);
  }
  const bytes = new Uint8Array(16);
  if (address.includes('\0') || native().inet_pton(family, address, bytes) !== 1) {
    const expected = `an ${family === AF_INET ? 'IPv4' : 'IPv6'} address`;
    throw invalidValue('address.address', expected, address);
  }
  return bytes;
}

/** Makes the bytes of a struct sockaddr_in or sockaddr_in6. */
export function encodeAddress(address: SockAddr): Uint8Array {
  if (address instanceof Uint8Array) return address;
  if (typeof address !== 'object' || address === null) {
    throw invalidType('address', 'an Address or an instance of Uint8Array', address);
  }
  const { port = 0, flowinfo = 0, scopeId = 0 } = address;
  const family = FAMILY_NUMBERS.get(address.family);
  if (family === undefined) {
    throw invalidValue('address.family', "'inet' or 'inet6'", address.family);
  }
  validateInteger('address.port', port, 0, 0xffff);
  validateInteger('address.flowinfo', flowinfo, 0, 0xffff_ffff);
  validateInteger('address.scopeId', scopeId, 0, 0xffff_ffff);
  const host = encodeHost(family, address.address);
  const bytes = new Uint8Array(family === AF_INET ? INET_SIZE : INET6_SIZE);
  const data = view(bytes);
  data.setUint16(0, family, LITTLE_ENDIAN);
  data.setUint16(2, port);
  if (family === AF_INET) {
    bytes.set(host.subarray(0, 4), 4);
  } else {
    data.setUint32(4, flowinfo);
    bytes.set(host, 8);
    data.setUint32(24, scopeId, LITTLE_ENDIAN);
  }
  return bytes;
}

/** Makes the bytes of a struct sockaddr_un. `name` is a path, or `@` and an abstract name. */
export function encodeUnixAddress(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(`\0\0${name}`);
  view(bytes).setUint16(0, AF_UNIX, LITTLE_ENDIAN);
  if (name.startsWith('@')) bytes[FAMILY_SIZE] = 0;
  return bytes;
}

/** A field of an address as text, for callers without types may hand over anything. */
function field<T extends Address>(address: T, name: keyof T & string, type: 'string' | 'number') {
  const value: unknown = address[name];
  if (typeof value !== type) throw invalidType(`address.${name}`, `of type ${type}`, value);
  return printable(String(value));
}

function formatUnix(address: UnixPathAddress | UnixAbstractAddress | UnixUnnamedAddress): string {
  if (address.path !== undefined) return field(address, 'path', 'string');
  return address.abstract === undefined ? '(unnamed)' : `@${field(address, 'abstract', 'string')}`;
}

function formatOther(address: OtherAddress): string {
  const { bytes } = address;
  if (!(bytes instanceof Uint8Array)) throw invalidType('address', 'an Address', address);
  return `family ${field(address, 'family', 'number')}: ${Buffer.from(bytes).toString('hex')}`;
}

/**
 * Prints an address in a line for people and logs: `127.0.0.1:80`, `[::1]:80`, `[fe80::1%2]:80` with
 * the interface's index, `/run/app.sock`, `@name`, `(unnamed)`, `vsock:2:1024`, `netlink:0:1`, and
 * `family 17: 0003…` for what is not taken apart. Backslashes in a name come out doubled, and what
 * can't be seen or would break the line as `\x1b` or `\u{2028}`.
 *
 * @param address - as `inspect` and `listen` give it
 * @returns one line
 * @throws TypeError ERR_INVALID_ARG_TYPE when it is no address
 */
export function formatAddress(address: Address): string {
  if (typeof address !== 'object' || address === null) {
    throw invalidType('address', 'an Address', address);
  }
  switch (address.family) {
    case 'inet':
      return `${field(address, 'address', 'string')}:${field(address, 'port', 'number')}`;
    case 'inet6': {
      const scope = address.scopeId === 0 ? '' : `%${field(address, 'scopeId', 'number')}`;
      return `[${field(address, 'address', 'string')}${scope}]:${field(address, 'port', 'number')}`;
    }
    case 'unix':
      return formatUnix(address);
    case 'netlink':
      return `netlink:${field(address, 'pid', 'number')}:${field(address, 'groups', 'number')}`;
    case 'vsock': {
      const cid = address.cid === 0xffff_ffff ? '' : field(address, 'cid', 'number');
      return `vsock:${cid}:${field(address, 'port', 'number')}`;
    }
    default:
      return formatOther(address);
  }
}
