// Addresses and descriptors as text, for people and logs.
import { printable } from '../base/printable.ts';
import { invalidType } from '../base/validate.ts';
import type {
  Address,
  OtherAddress,
  UnixAbstractAddress,
  UnixPathAddress,
  UnixUnnamedAddress,
} from './address.ts';
import { type Descriptor, peerOf } from './inspect.ts';

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

/**
 * A descriptor in a line, for messages: `fd 3 "http": inet stream socket listening on
 * 127.0.0.1:80`.
 */
export function formatDescriptor(descriptor: Descriptor): string {
  const name = descriptor.name === undefined ? '' : ` "${printable(descriptor.name)}"`;
  return `fd ${descriptor.fd}${name}: ${formatKind(descriptor)}`;
}

/** What it is, without number and name. */
export function formatKind(descriptor: Descriptor): string {
  if (descriptor.kind !== 'socket') {
    return descriptor.path === undefined
      ? descriptor.kind
      : `${descriptor.kind} ${printable(descriptor.path)}`;
  }
  const { family, type, listening } = descriptor;
  const peer = peerOf(descriptor);
  const local = formatAddress(descriptor.localAddress);
  const state = listening ? `listening on ${local}` : `bound to ${local}`;
  return `${family} ${type} socket ${peer ? `connected to ${formatAddress(peer)}` : state}`;
}
