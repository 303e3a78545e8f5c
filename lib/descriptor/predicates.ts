// Questions about inspected descriptors: the peer, connections, listeners, UDP sockets.
import type { Address, OtherAddress } from './address.ts';
import type { Descriptor, SocketDescriptor } from './inspect.ts';

/** The address of the peer; undefined without one. A `peerAddress` on Object.prototype is ignored. */
export function peerOf(socket: SocketDescriptor): Address | undefined {
  return Object.hasOwn(socket, 'peerAddress') ? socket.peerAddress : undefined;
}

/**
 * True for a TCP socket whose peer has reset the connection: the kernel forgets the peer at once. A socket that was
 * bound and neither listens nor was connected looks the same, but no service manager passes one.
 */
function wasReset(socket: SocketDescriptor): boolean {
  const { type, listening, localAddress: local } = socket;
  const isBound = (local.family === 'inet' || local.family === 'inet6') && local.port > 0;
  return type === 'stream' && !listening && isBound && peerOf(socket) === undefined;
}

/**
 * True for a socket that has a peer, or had one. A netlink socket does not count: its peer is always the kernel.
 */
export function isConnection(descriptor: Descriptor): boolean {
  if (descriptor.kind !== 'socket' || descriptor.family === 'netlink') return false;
  return peerOf(descriptor) !== undefined || wasReset(descriptor);
}

/** True when a server can listen on the descriptor: it listens, or receives datagrams without a peer. */
export function isForServers(descriptor: Descriptor): boolean {
  const isOfNode =
    isListener(descriptor) || isUdp(descriptor, 'inet') || isUdp(descriptor, 'inet6');
  return isOfNode || isForUnixServers(descriptor);
}

/** True when a server of `libsystemd/unix` can listen on the descriptor, which Node itself can't open. */
export function isForUnixServers(descriptor: Descriptor): boolean {
  return isUnixReceiver(descriptor) || isSeqpacket(descriptor, true);
}

/** True for a listening stream socket, which a server of net, http, https or http2 can listen on. */
export function isListener(descriptor: Descriptor): boolean {
  return (
    descriptor.kind === 'socket' &&
    descriptor.listening &&
    descriptor.type === 'stream' &&
    ['inet', 'inet6', 'unix'].includes(descriptor.family as string)
  );
}

/** True for a UDP socket of this family that receives datagrams from any sender, because it has no peer. */
export function isUdp(descriptor: Descriptor, family: 'inet' | 'inet6'): boolean {
  return (
    descriptor.kind === 'socket' &&
    descriptor.type === 'dgram' &&
    descriptor.family === family &&
    peerOf(descriptor) === undefined
  );
}

/** True for a Unix datagram socket, with a peer or without. */
export function isUnixDatagram(descriptor: Descriptor): boolean {
  return (
    descriptor.kind === 'socket' && descriptor.family === 'unix' && descriptor.type === 'dgram'
  );
}

/** True for a Unix datagram socket that receives from any sender, because it has no peer. */
export function isUnixReceiver(descriptor: Descriptor): boolean {
  return isUnixDatagram(descriptor) && !isConnection(descriptor);
}

/** True for a Unix seqpacket socket: a listener, or a connection. */
export function isSeqpacket(descriptor: Descriptor, listening: boolean): boolean {
  return (
    descriptor.kind === 'socket' &&
    descriptor.family === 'unix' &&
    descriptor.type === 'seqpacket' &&
    descriptor.listening === listening &&
    (listening || peerOf(descriptor) !== undefined)
  );
}

/** The fields of all addresses but `bytes`, and `flowinfo`, which is no part of the place that an address names. */
const ADDRESS_FIELDS = [
  'family',
  'address',
  'port',
  'scopeId',
  'path',
  'abstract',
  'pid',
  'groups',
  'cid',
] as const;

type Fields = { readonly [name in (typeof ADDRESS_FIELDS)[number]]?: unknown };

function isSameAddress(a: Address, b: Address): boolean {
  for (const field of ADDRESS_FIELDS) {
    if ((a as Fields)[field] !== (b as Fields)[field]) return false;
  }
  // Only the address of a family that this package does not decode has nothing but its bytes.
  return (
    typeof a.family !== 'number' ||
    Buffer.compare((a as OtherAddress).bytes, (b as OtherAddress).bytes) === 0
  );
}

function isSameSocket(a: SocketDescriptor, b: SocketDescriptor): boolean {
  if (a.family !== b.family || a.type !== b.type) return false;
  const [peerOfA, peerOfB] = [peerOf(a), peerOf(b)];
  if (peerOfA !== undefined && peerOfB !== undefined) return isSameAddress(peerOfA, peerOfB);
  if (peerOfA !== peerOfB || a.listening !== b.listening) return false;
  return isSameAddress(a.localAddress, b.localAddress);
}

/**
 * True when two descriptors have the same kind, path, and for sockets the same type and address: the peer's for a
 * connection, the local one for any other. The numbers and names of the descriptors may differ.
 */
export function looksTheSame(a: Descriptor, b: Descriptor): boolean {
  if (a.kind === 'socket') return b.kind === 'socket' && isSameSocket(a, b);
  return a.kind === b.kind && a.path === b.path;
}
