// Formats addresses and descriptors as text for people and logs.
import type { AddressInfo } from 'node:net';
import { escapeUnambiguously } from '../base/printable.ts';
import { invalidType } from '../base/validate.ts';
import type {
  Address,
  OtherAddress,
  UnixAbstractAddress,
  UnixPathAddress,
  UnixUnnamedAddress,
} from './address.ts';
import type { Descriptor } from './inspect.ts';
import { peerOf } from './predicates.ts';

/** A field of an address as text. Checks its type, because a JavaScript program may pass anything. */
function field<T extends Address | AddressInfo>(
  address: T,
  name: keyof T & string,
  type: 'string' | 'number',
) {
  const value: unknown = address[name];
  if (typeof value !== type) throw invalidType(`address.${name}`, `of type ${type}`, value);
  return escapeUnambiguously(String(value));
}

function formatUnix(address: UnixPathAddress | UnixAbstractAddress | UnixUnnamedAddress): string {
  if (address.path !== undefined) return field(address, 'path', 'string');
  return address.abstract === undefined ? '(unnamed)' : `@${field(address, 'abstract', 'string')}`;
}

const EXPECTED = 'an Address, or what server.address() of Node returns';

function formatOther(address: OtherAddress): string {
  const { bytes } = address;
  if (!(bytes instanceof Uint8Array)) throw invalidType('address', EXPECTED, address);
  return `family ${field(address, 'family', 'number')}: ${Buffer.from(bytes).toString('hex')}`;
}

/** Node's type has any string as the family. */
interface NodeAddress extends AddressInfo {
  readonly family: 'IPv4' | 'IPv6';
}

function isOfNode(address: Address | AddressInfo): address is NodeAddress {
  return address.family === 'IPv4' || address.family === 'IPv6';
}

/** Node writes the interface of a link-local address into the address itself: `fe80::1%eth0`. */
function formatOfNode(info: NodeAddress): string {
  const address = field(info, 'address', 'string');
  return `${info.family === 'IPv6' ? `[${address}]` : address}:${field(info, 'port', 'number')}`;
}

/**
 * The address of a Unix socket as server.address() of Node returns it: an abstract name begins with a null character.
 */
function formatNodePath(path: string): string {
  if (path === '') return formatUnix({ family: 'unix' });
  const text = escapeUnambiguously(path.replace(/^\0/, ''));
  return path.startsWith('\0') ? `@${text}` : text;
}

function formatOwn(address: Address): string {
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

/**
 * Formats an address as one line for people and logs:
 *
 * - IPv4: `127.0.0.1:80`
 * - IPv6: `[::1]:80`; a link-local address with the index of its interface: `[fe80::1%2]:80`
 * - Unix: `/run/app.sock`, `@name` for an abstract name, or `(unnamed)`
 * - vsock: `vsock:2:1024`
 * - netlink: `netlink:0:1`
 * - any other family: its number and its bytes in hexadecimal digits, `family 17: 0003…`
 *
 * In a path or name, each backslash is doubled, and a character that is invisible or would break the line becomes an
 * escape such as `\x1b` or `\u{2028}`.
 *
 * @param address - an address, as `inspect` and `listen` return it; or as `server.address()` and `socket.address()` of
 * Node do: an object with the family `IPv4` or `IPv6`, or the path of a Unix socket
 * @returns one line of text
 * @throws TypeError ERR_INVALID_ARG_TYPE when `address` is no address, such as the null that `server.address()` returns
 * for a server that does not listen
 */
export function formatAddress(address: Address | AddressInfo | string): string {
  if (typeof address === 'string') return formatNodePath(address);
  if (typeof address !== 'object' || address === null) {
    throw invalidType('address', EXPECTED, address);
  }
  if (isOfNode(address)) return formatOfNode(address);
  return formatOwn(address as Address);
}

/** Describes a descriptor in one line: `fd 3 "http": inet stream socket listening on 127.0.0.1:80`. */
export function formatDescriptor(descriptor: Descriptor): string {
  const name = descriptor.name === undefined ? '' : ` "${escapeUnambiguously(descriptor.name)}"`;
  return `fd ${descriptor.fd}${name}: ${formatKind(descriptor)}`;
}

/** Describes a descriptor without its number and name: `inet stream socket listening on 127.0.0.1:80`. */
export function formatKind(descriptor: Descriptor): string {
  if (descriptor.kind !== 'socket') {
    return descriptor.path === undefined
      ? descriptor.kind
      : `${descriptor.kind} ${escapeUnambiguously(descriptor.path)}`;
  }
  const { family, type, listening } = descriptor;
  const peer = peerOf(descriptor);
  const local = formatAddress(descriptor.localAddress);
  const state = listening ? `listening on ${local}` : `bound to ${local}`;
  return `${family} ${type} socket ${peer ? `connected to ${formatAddress(peer)}` : state}`;
}

/** Formats descriptors for the end of a message: each on its own line below the message. */
export function formatLines(descriptors: readonly Descriptor[]): string {
  return descriptors.map((descriptor) => `\n  ${formatDescriptor(descriptor)}`).join('');
}
