// The values of ListenStream= and its like, as the bytes of C's struct sockaddr, see systemd.socket(5).
import { os } from '../base/lazy-builtins.ts';
import { invalidValue, validateInteger } from '../base/validate.ts';
import { AF_NETLINK, AF_VSOCK } from '../sd/constants.ts';
import {
  dataView,
  encodeAddress,
  encodeUnixAddress,
  LITTLE_ENDIAN,
  LONGEST_UNIX_NAME,
} from '../sd/sockaddr.ts';
import { NETLINK_FAMILIES } from './address-values.ts';
import type { SocketDescription } from './socket-description.ts';

/** Where a socket is bound. */
export interface ListenAddress {
  readonly bytes: Uint8Array;
  /** The protocol for socket(2). */
  readonly protocol: number;
  /** The path of a Unix socket that is a file. */
  readonly path?: string;
  /** The address where the machine has no IPv6. */
  readonly withoutIPv6?: Uint8Array;
}

const SOCKADDR_VM_SIZE = 16;
const SOCKADDR_NL_SIZE = 12;
const VMADDR_CID_ANY = 0xffff_ffff;

/** encodeAddress() uses the same bytes again. */
const inet = (family: 'inet' | 'inet6', address: string, port: number, scopeId = 0): Uint8Array =>
  encodeAddress({ family, address, port, scopeId }).slice();

/** A struct sockaddr of a family whose other fields are numbers of 4 bytes, at these places. */
function sockaddr(family: number, size: number, fields: Readonly<Record<number, number>>) {
  const bytes = new Uint8Array(size);
  const view = dataView(bytes);
  view.setUint16(0, family, LITTLE_ENDIAN);
  for (const [at, value] of Object.entries(fields)) {
    view.setUint32(Number(at), value, LITTLE_ENDIAN);
  }
  return bytes;
}

/** The number of a network interface, by its number or name. */
function scopeOf(scope: string): number {
  if (/^\d+$/.test(scope)) return Number(scope);
  const addresses = os().networkInterfaces()[scope] ?? [];
  const found = addresses.find(({ family, scopeid }) => family === 'IPv6' && scopeid);
  if (found?.scopeid !== undefined) return found.scopeid;
  throw invalidValue('address', 'an address whose interface has a link-local address', scope);
}

function inet6(host: string, port: number): Uint8Array {
  const [address = '', scope] = host.split('%');
  return inet('inet6', address, port, scope === undefined ? 0 : scopeOf(scope));
}

/** The bytes of a Unix address. `name` is a path, or an abstract name after an `@`. */
export function unixAddress(name: string): Uint8Array {
  const length = Buffer.byteLength(name);
  if (length > LONGEST_UNIX_NAME) {
    const expected = `a path of at most ${LONGEST_UNIX_NAME} bytes; this has ${length}, so choose a shorter folder, by TMPDIR perhaps`;
    throw invalidValue('address', expected, name);
  }
  return encodeUnixAddress(name);
}

function netlinkAddress(address: string): ListenAddress {
  const [family = '', group = '0'] = address.split(' ');
  const protocol = NETLINK_FAMILIES.get(family) ?? Number(family);
  validateInteger('the netlink family', protocol, 0, 0xff);
  return { protocol, bytes: sockaddr(AF_NETLINK, SOCKADDR_NL_SIZE, { 8: Number(group) }) };
}

function vsockAddress(cid: string, port: string): ListenAddress {
  const number = cid === '' ? VMADDR_CID_ANY : Number(cid);
  return {
    protocol: 0,
    bytes: sockaddr(AF_VSOCK, SOCKADDR_VM_SIZE, { 4: Number(port), 8: number }),
  };
}

/** Everywhere: by IPv6, which as a rule takes IPv4 too. */
function barePort(port: number): ListenAddress {
  const withoutIPv6 = inet('inet', '0.0.0.0', port);
  return { protocol: 0, bytes: inet('inet6', '::', port), withoutIPv6 };
}

/** @throws TypeError ERR_INVALID_ARG_VALUE or RangeError ERR_OUT_OF_RANGE for what is no address */
export function listenAddress({ kind, address }: SocketDescription): ListenAddress {
  if (kind === 'netlink') return netlinkAddress(address);
  if (address.startsWith('/')) return { protocol: 0, bytes: unixAddress(address), path: address };
  if (address.startsWith('@')) return { protocol: 0, bytes: unixAddress(address) };
  const [, cid, vsockPort] = /^vsock:(\d*):(\d+)$/.exec(address) ?? [];
  if (cid !== undefined && vsockPort !== undefined) return vsockAddress(cid, vsockPort);
  if (/^\d+$/.test(address)) return barePort(Number(address));
  const [, v6, v4, port] = /^(?:\[(.+)\]|([\d.]+)):(\d+)$/.exec(address) ?? [];
  if (v6 !== undefined) return { protocol: 0, bytes: inet6(v6, Number(port)) };
  if (v4 !== undefined) return { protocol: 0, bytes: inet('inet', v4, Number(port)) };
  throw invalidValue(
    'address',
    "one such as '127.0.0.1:80', '[::1]:80', '/run/x' or '@x'",
    address,
  );
}
