// Predicates for inspected descriptors: connections, listeners, UDP sockets.
import { formatKind } from './format.ts';
import { type Descriptor, peerOf } from './inspect.ts';

/** True for a socket with a peer. A netlink socket does not count: its peer is always the kernel. */
export function isConnection(descriptor: Descriptor): boolean {
  return (
    descriptor.kind === 'socket' &&
    peerOf(descriptor) !== undefined &&
    descriptor.family !== 'netlink'
  );
}

/** True when a server of Node can listen on the descriptor: it is a stream listener, or a UDP socket without a peer. */
export function isForServers(descriptor: Descriptor): boolean {
  return isListener(descriptor) || isUdp(descriptor, 'inet') || isUdp(descriptor, 'inet6');
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

/**
 * True when two descriptors have the same kind, path, and for sockets the same type and addresses. The text that people
 * see has all of these, so the texts are compared. The numbers and names of the descriptors may differ.
 */
export function looksTheSame(a: Descriptor, b: Descriptor): boolean {
  return formatKind(a) === formatKind(b);
}
