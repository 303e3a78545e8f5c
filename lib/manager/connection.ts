// A connection of Accept=yes: what its service is called, and what the service is told of the client.
import type { Address } from '../descriptor/address.ts';
import { inspect, type SocketDescriptor } from '../descriptor/inspect.ts';
import { peerCredentials } from '../descriptor/peer-credentials.ts';
import { cookieOf } from '../descriptor/socket-flags.ts';
import type { UnitDescription } from './description.ts';
import { pidfdId } from './pidfd-id.ts';
import type { SocketDescription } from './socket-description.ts';
import type { PassedDescriptor } from './world.ts';

/** A connection, and what is known of it. */
export interface Connection {
  readonly passed: PassedDescriptor;
  /** REMOTE_ADDR, REMOTE_PORT and SO_COOKIE (systemd.exec(5)). */
  readonly variables: Readonly<Record<string, string>>;
  /** What stands between the `@` and the suffix of the service's name. */
  readonly instance: string;
}

/** An IPv4 client of an IPv6 socket is shown by its IPv4 address. */
const hostOf = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');

/** An address and port, as in the name of an instance. */
function endOf(address: Address): string {
  return 'port' in address && 'address' in address
    ? `${hostOf(address.address)}:${address.port}`
    : '';
}

/** The release that names the cookie of a connection. 252 and 262 were measured. */
const WITH_COOKIE = 258;

/** The client of a Unix socket: its pid, since the cookie with an id that no other process gets, and its uid. */
function clientOf(fd: number, systemd: number): string {
  const { pid, uid } = peerCredentials(fd);
  const id = systemd >= WITH_COOKIE ? pidfdId(pid) : undefined;
  return `${pid}${id === undefined ? '' : `_${id}`}-${uid}`;
}

/**
 * An instance is named after its number, since 258 its cookie, and both ends of its connection; or, of a Unix socket,
 * the client.
 */
function instanceOf(count: number, socket: SocketDescriptor, systemd: number): string {
  const { fd, family, localAddress, peerAddress } = socket;
  const first = systemd >= WITH_COOKIE ? `${count}-${cookieOf(fd)}` : `${count}`;
  if (family === 'unix') return `${first}-${clientOf(fd, systemd)}`;
  if (peerAddress === undefined) return `${first}-unknown`;
  return [first, endOf(localAddress), endOf(peerAddress)].filter(Boolean).join('-');
}

/** 252 says nothing of Unix clients. Since 257 it tells the name of those that have one. */
function unixVariables(address: Address, systemd: number): Record<string, string> {
  if (address.family !== 'unix' || systemd < 257) return {};
  const { path, abstract } = address as { readonly path?: string; readonly abstract?: string };
  if (path !== undefined) return { REMOTE_ADDR: path };
  return abstract === undefined ? {} : { REMOTE_ADDR: `@${abstract}` };
}

function remoteVariables(peer: Address | undefined, systemd: number): Record<string, string> {
  if (peer === undefined) return {}; // the client has gone already
  if (peer.family === 'vsock' && 'cid' in peer)
    return { REMOTE_ADDR: `vsock:${peer.cid}`, REMOTE_PORT: String(peer.port) };
  if (!('address' in peer)) return unixVariables(peer, systemd);
  return { REMOTE_ADDR: hostOf(peer.address), REMOTE_PORT: String(peer.port) };
}

/** The name of a connection is `connection`; since 257 FileDescriptorName=, if the socket unit has it. */
function nameOf({ name }: SocketDescription, systemd: number): string {
  return systemd >= 257 && !name.endsWith('.socket') ? name : 'connection';
}

/**
 * What a connection is to its service.
 *
 * @param count - how many connections came before
 */
export function connectionOf(
  fd: number,
  socket: SocketDescription,
  { systemd }: UnitDescription,
  count: number,
): Connection {
  const descriptor = inspect(fd) as SocketDescriptor;
  return {
    passed: { fd, name: nameOf(socket, systemd) },
    variables: {
      ...remoteVariables(descriptor.peerAddress, systemd),
      ...(systemd >= WITH_COOKIE && { SO_COOKIE: String(cookieOf(fd)) }),
    },
    instance: instanceOf(count, descriptor, systemd),
  };
}

/** The name of the service of a connection: `app.service` and `app@.service` make `app@0-….service`. */
export function instanceName(unit: string, instance: string): string {
  const [, prefix = unit, suffix = ''] = /^(.*?)@?(\.service)?$/.exec(unit) ?? [];
  return `${prefix}@${instance}${suffix}`;
}
