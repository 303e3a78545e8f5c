// Encodes socket addresses as the bytes of C's struct sockaddr.

import { native } from '../addon/exports.ts';
import { invalidType, invalidValue, validateInteger } from '../base/validate.ts';
import { AF_INET, AF_INET6, AF_UNIX } from './constants.ts';

/**
 * An address that sd_is_socket_sockaddr() compares a socket with: the bytes of a struct sockaddr, or an object.
 *
 * - `family`: the word of an `Address`, Node's word (so `server.address()` fits), or an AF_ number.
 * - `address`: an IPv4 or IPv6 address, such as `127.0.0.1` or `::1`.
 * - `port`, `flowinfo`, `scopeId`: default 0, which matches any. `flowinfo` and `scopeId` are of IPv6 only.
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

/** The byte order of this machine, in which a sockaddr has its family. Its port is always big-endian. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

// Sizes in bytes: of the family at the beginning of each sockaddr, of sockaddr_in and of sockaddr_in6.
export const FAMILY_SIZE = 2;
export const INET_SIZE = 16;
export const INET6_SIZE = 28;

export function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const FAMILY_NUMBERS = new Map<unknown, number>([
  ['inet', AF_INET],
  ['IPv4', AF_INET],
  [AF_INET, AF_INET],
  ['inet6', AF_INET6],
  ['IPv6', AF_INET6],
  [AF_INET6, AF_INET6],
]);

/** The bytes of an IP address, 4 or 16 of them, at the beginning of 16. */
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

/**
 * The bytes of a struct sockaddr_in or sockaddr_in6. Bytes are returned as they are.
 *
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE or RangeError ERR_OUT_OF_RANGE when a field
 * of `address` is wrong
 */
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
  const data = dataView(bytes);
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

/** The bytes of a struct sockaddr_un. `name` is a path, or an abstract name after an `@`. */
export function encodeUnixAddress(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(`\0\0${name}`);
  dataView(bytes).setUint16(0, AF_UNIX, LITTLE_ENDIAN);
  if (name.startsWith('@')) bytes[FAMILY_SIZE] = 0;
  return bytes;
}
