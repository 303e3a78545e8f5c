// Where a Unix socket is: the names that the callers of this folder give, and the bytes that the kernel takes.

import { invalidType, invalidValue } from '../base/validate.ts';
import type {
  UnixAbstractAddress,
  UnixPathAddress,
  UnixUnnamedAddress,
} from '../descriptor/address.ts';
import { AF_UNIX } from '../sd/constants.ts';
import { dataView, FAMILY_SIZE, LITTLE_ENDIAN, validateUnixNameLength } from '../sd/sockaddr.ts';

/** The address of a Unix socket: a path, an abstract name, or none. */
export type UnixAddress = UnixPathAddress | UnixAbstractAddress | UnixUnnamedAddress;

/**
 * The name of a Unix socket:
 *
 * - a path of at most 107 bytes, such as `/run/app/log`
 * - a string with a leading null character, such as `'\0app'`: an abstract name, as Node's `net` has it
 * - the address of a message or socket, such as `message.from`
 * - an object with such a string as its `path`, such as an address of a unit in `libsystemd/testing`
 */
export type UnixName =
  | string
  | UnixPathAddress
  | UnixAbstractAddress
  | { readonly path?: string; readonly family?: never };

const NAME =
  'a path, an abstract name after a null character, or the address of a named Unix socket';

/** The bytes of a name without its family. */
function nameBytes(argument: string, name: unknown): Uint8Array {
  if (typeof name === 'string') return Buffer.from(name);
  if (typeof name !== 'object' || name === null) throw invalidType(argument, NAME, name);
  const { family, path, abstract, bytes } = name as Readonly<Record<string, unknown>>;
  if (family === 'unix' && bytes instanceof Uint8Array) return bytes;
  if ((family === 'unix' || family === undefined) && typeof path === 'string') {
    return Buffer.from(path);
  }
  if (family === 'unix' && typeof abstract === 'string') return Buffer.from(`\0${abstract}`);
  throw invalidValue(argument, NAME, name);
}

/**
 * The struct sockaddr_un of a name.
 *
 * @param argument - the name of the argument in errors
 * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE for what is no name, or too long: the kernel would take
 * a shorter name, which is another one
 */
export function encodeName(argument: string, name: unknown): Uint8Array {
  const bytes = nameBytes(argument, name);
  const isAbstract = bytes[0] === 0;
  const length = bytes.length - (isAbstract ? 1 : 0);
  if (length === 0) throw invalidValue(argument, `${NAME}; it is empty`, name);
  validateUnixNameLength(argument, length, name);
  if (!isAbstract && bytes.includes(0)) {
    throw invalidValue(argument, 'a path without null characters', name);
  }
  const address = new Uint8Array(FAMILY_SIZE + bytes.length);
  dataView(address).setUint16(0, AF_UNIX, LITTLE_ENDIAN);
  address.set(bytes, FAMILY_SIZE);
  return address;
}

/** The bytes of the path of an encoded name, which need not be UTF-8; undefined for an abstract name. */
export function pathOfName(address: Uint8Array): Buffer | undefined {
  return address[FAMILY_SIZE] === 0 ? undefined : Buffer.from(address.subarray(FAMILY_SIZE));
}

/** An encoded name for the `path` of an error: an abstract one as systemd writes it, after an `@`. */
export function formatName(address: Uint8Array): string {
  const path = pathOfName(address);
  if (path !== undefined) return path.toString();
  return `@${Buffer.from(address.subarray(FAMILY_SIZE + 1))}`;
}
