// Socket addresses as the bytes of a struct sockaddr.

import { native } from '../addon/exports.ts';
import { invalidType, invalidValue, validateInteger } from '../base/validate.ts';
import { AF_INET, AF_INET6, AF_UNIX } from './constants.ts';

/**
 * What sd_is_socket_sockaddr() compares with: an inet or inet6 `Address` (left out: port,
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

export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export const FAMILY_SIZE = 2;

export const INET_SIZE = 16;

export const INET6_SIZE = 28;

export function view(bytes: Uint8Array): DataView {
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
