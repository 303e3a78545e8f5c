// What the programs of these tests use of lib/manager: programs.ts bundles it, because no runtime runs lib/ as it is.

export { native } from '../../lib/addon/exports.ts';
export { nativeSockets } from '../../lib/addon/sockets.ts';
export * from '../../lib/descriptor/calls.ts';
export { describe } from '../../lib/manager/defaults.ts';
export { openListener, removeListener } from '../../lib/manager/listeners.ts';
export { ManagedUnit } from '../../lib/manager/managed-unit.ts';
export { Receiver } from '../../lib/manager/receiver.ts';
export { Watches } from '../../lib/manager/watches.ts';
export { encodeUnixAddress } from '../../lib/sd/sockaddr.ts';
