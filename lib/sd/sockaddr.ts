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

/** The room for a name in struct sockaddr_un, without the null byte behind a path (unix(7)). */
export const LONGEST_UNIX_NAME = 107;

/** Throws unless a path, or an abstract name without its null byte, of this many bytes fits. */
export function validateUnixNameLength(argument: string, length: number, name: unknown): void {
  if (length <= LONGEST_UNIX_NAME) return;
  const expected = `at most ${LONGEST_UNIX_NAME} bytes long; it has ${length}, so choose a shorter folder or name`;
  throw invalidValue(argument, expected, name);
}

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

/** A struct sockaddr of this family and size, without address and port. */
function emptyAddress(family: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  dataView(bytes).setUint16(0, family, LITTLE_ENDIAN);
  return bytes;
}

function makeMemory() {
  const inet6 = emptyAddress(AF_INET6, INET6_SIZE);
  return {
    inet: emptyAddress(AF_INET, INET_SIZE),
    inet6,
    inet6Data: dataView(inet6),
    inet6Host: inet6.subarray(8, 24),
  };
}

let memory: ReturnType<typeof makeMemory> | undefined;

/** The same bytes for all calls, because V8 takes as long as a system call to make bytes that the add-on can read. */
function sameMemory(): ReturnType<typeof makeMemory> {
  memory ??= makeMemory();
  return memory;
}

const DOT = 46;
const ZERO = 48;

/**
 * Writes an IPv4 address into a struct sockaddr_in, by the rules of inet_pton(3): four numbers from 0 to 255, each
 * without leading zeros. False when the text is something else.
 */
function writeInetHost(bytes: Uint8Array, text: string): boolean {
  let place = 4;
  let number = -1; // no digit has come
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (number < 0 || place === 7) return false;
      bytes[place] = number;
      place++;
      number = -1;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || number === 0) return false;
      number = number < 0 ? digit : number * 10 + digit;
      if (number > 255) return false;
    }
  }
  bytes[place] = number;
  return number >= 0 && place === 7;
}

/** Writes the 16 bytes of an IPv6 address. False when the text is something else. */
function writeInet6Host(bytes: Uint8Array, text: string): boolean {
  return !text.includes('\0') && native().inet_pton(AF_INET6, text, bytes) === 1;
}

function assertHost(isValid: boolean, family: 'IPv4' | 'IPv6', host: string): void {
  if (!isValid) throw invalidValue('address.address', `an ${family} address`, host);
}

/**
 * The bytes of a struct sockaddr_in or sockaddr_in6, which are valid until the next call. Bytes are returned as they
 * are.
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
  // The last field is read before the first byte is written, because a getter may call this function.
  const host: unknown = address.address;
  if (typeof host !== 'string') throw invalidType('address.address', 'of type string', host);
  const { inet, inet6, inet6Data, inet6Host } = sameMemory();
  const bytes = family === AF_INET ? inet : inet6;
  if (family === AF_INET) {
    assertHost(writeInetHost(inet, host), 'IPv4', host);
  } else {
    assertHost(writeInet6Host(inet6Host, host), 'IPv6', host);
    inet6Data.setUint32(4, flowinfo);
    inet6Data.setUint32(24, scopeId, LITTLE_ENDIAN);
  }
  bytes[2] = port >> 8;
  bytes[3] = port;
  return bytes;
}

/** The bytes of a struct sockaddr_un. `name` is a path, or an abstract name after an `@`. */
export function encodeUnixAddress(name: string): Uint8Array {
  // Not by TextEncoder, which Node loads at its first use. Copied, because Buffer shares its memory.
  const bytes = new Uint8Array(Buffer.from(`\0\0${name}`));
  dataView(bytes).setUint16(0, AF_UNIX, LITTLE_ENDIAN);
  if (name.startsWith('@')) bytes[FAMILY_SIZE] = 0;
  return bytes;
}
