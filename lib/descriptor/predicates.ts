// Questions about descriptors that have been inspected.
import { formatKind } from './format.ts';
import { type Descriptor, peerOf } from './inspect.ts';

/** Whether it is a socket with a peer. A netlink socket has the kernel for one, always. */
export function isConnection(descriptor: Descriptor): boolean {
  return (
    descriptor.kind === 'socket' &&
    peerOf(descriptor) !== undefined &&
    descriptor.family !== 'netlink'
  );
}

/** Whether a server of Node's can listen on it: a stream listener, or a UDP socket without a peer. */
export function isForServers(descriptor: Descriptor): boolean {
  return isListener(descriptor) || isUdp(descriptor, 'inet') || isUdp(descriptor, 'inet6');
}

/** Whether a server of net, http and the like can listen on it. */
export function isListener(descriptor: Descriptor): boolean {
  return (
    descriptor.kind === 'socket' &&
    descriptor.listening &&
    descriptor.type === 'stream' &&
    ['inet', 'inet6', 'unix'].includes(descriptor.family as string)
  );
}

/** Whether it is a UDP socket of this family that takes datagrams of anybody. */
export function isUdp(descriptor: Descriptor, family: 'inet' | 'inet6'): boolean {
  return (
    descriptor.kind === 'socket' &&
    descriptor.type === 'dgram' &&
    descriptor.family === family &&
    peerOf(descriptor) === undefined
  );
}

/** Whether they are of the same kind, and sockets of the same addresses, whatever their numbers. */
export function isSame(one: Descriptor, other: Descriptor): boolean {
  return formatKind(one) === formatKind(other);
}
