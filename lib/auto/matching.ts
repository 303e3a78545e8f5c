// Finds the inherited sockets for a server by what the program asks for. A socket is never given to a server only
// because it is free: a port for metrics would get the socket of the site.
import { candidates } from '../activation/candidates.ts';
import type { ServerKind } from '../activation/server-kinds/index.ts';
import { fs, path as paths } from '../base/lazy-builtins.ts';
import type { Address } from '../descriptor/address.ts';
import { formatAddress } from '../descriptor/format.ts';
import type { InheritedDescriptor, SocketDescriptor } from '../descriptor/inspect.ts';

/** Where the program wants a server to listen: one of `fd`, `port` and `path`. */
export interface Wish {
  readonly fd?: number | undefined;
  readonly port?: number | undefined;
  /** An IP address; undefined for all addresses. */
  readonly host?: string | undefined;
  readonly path?: string | undefined;
}

export function formatWish({ fd, port, path }: Wish): string {
  if (fd !== undefined) return `descriptor ${fd}`;
  if (path !== undefined) return path.replace('\0', '@');
  return String(port);
}

/** The wish that a server which listens on this address must have had. */
export function wishOfAddress(address: Address): Wish {
  return address.family === 'inet' || address.family === 'inet6'
    ? { port: address.port, host: address.address }
    : { path: formatAddress(address) };
}

/** The port or path of a descriptor, as a program asks for it. */
export function formatPlace(descriptor: InheritedDescriptor): string {
  return String(portOf(descriptor) ?? formatAddress((descriptor as SocketDescriptor).localAddress));
}

export function portOf(descriptor: InheritedDescriptor): number | undefined {
  const { localAddress: address } = descriptor as SocketDescriptor;
  return address.family === 'inet' || address.family === 'inet6' ? address.port : undefined;
}

export function pathOf(descriptor: InheritedDescriptor): string | undefined {
  const { localAddress: address } = descriptor as SocketDescriptor;
  if (address.family !== 'unix') return undefined;
  return address.abstract === undefined ? address.path : `\0${address.abstract}`;
}

function hasAddress(descriptor: InheritedDescriptor, host: string | undefined): boolean {
  const { localAddress: address } = descriptor as SocketDescriptor;
  return (address.family === 'inet' || address.family === 'inet6') && address.address === host;
}

/** The absolute path, by the folder's real path: /var/run is most often a link to /run. */
function realPath(path: string): string {
  if (path.startsWith('\0')) return path;
  const absolute = paths().resolve(path);
  try {
    return paths().join(fs().realpathSync(paths().dirname(absolute)), paths().basename(absolute));
  } catch {
    return absolute;
  }
}

export function isSamePath(a: string | undefined, b: string): boolean {
  return a !== undefined && realPath(a) === realPath(b);
}

function byPort(suited: readonly InheritedDescriptor[], port: number, host: string | undefined) {
  const ofPort = suited.filter((descriptor) => portOf(descriptor) === port);
  const ofAddress = ofPort.filter((descriptor) => hasAddress(descriptor, host));
  if (ofAddress.length > 0) return ofAddress;
  if (ofPort.length > 0) return ofPort;
  return suited.filter(({ name }) => name === String(port));
}

/**
 * The sockets for a server of this kind, the first rule that finds any:
 * - `fd`: the inherited descriptor of this number
 * - LIBSYSTEMD_AUTO names the port or path: all descriptors of that name, or none
 * - `path`: the descriptor with this path
 * - `port`: the descriptors with this address and port, or else with this port, or else with the port as their name
 */
export function descriptorsForWish(
  kind: Pick<ServerKind, 'suits'>,
  wish: Wish,
  names: ReadonlyMap<string, string>,
): readonly InheritedDescriptor[] {
  const { fd, port, host, path } = wish;
  const suited = candidates().filter((descriptor) => kind.suits(descriptor));
  if (fd !== undefined) return suited.filter((descriptor) => descriptor.fd === fd);
  const mapped = names.get(formatWish(wish));
  if (mapped !== undefined) return suited.filter(({ name }) => name === mapped);
  if (path !== undefined) return suited.filter((known) => isSamePath(pathOf(known), path));
  return port === undefined ? [] : byPort(suited, port, host);
}
