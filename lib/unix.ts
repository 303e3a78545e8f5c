/**
 * Unix datagram and seqpacket sockets, own or inherited, which Node does not have: messages instead of a stream of bytes, with
 * their sender's credentials and with descriptors. Needs Linux.
 *
 * @module libsystemd/unix
 */
export type { UnixAddress, UnixName } from './unix/address.ts';
export type { BindOptions } from './unix/bind.ts';
export { UnixDatagram, type UnixDatagramEvents } from './unix/datagram.ts';
export { closeFd, type UnixCredentials, type UnixMessage } from './unix/message.ts';
export type { UnixTarget } from './unix/open.ts';
export type { UnixSocketOptions } from './unix/options.ts';
export type { SendOptions } from './unix/sending.ts';
export { UnixSeqpacket, type UnixSeqpacketEvents } from './unix/seqpacket.ts';
export type { UnixSeqpacketOptions } from './unix/seqpacket-options.ts';
export {
  type UnixListenOptions,
  UnixSeqpacketServer,
  type UnixSeqpacketServerEvents,
} from './unix/seqpacket-server.ts';
