/**
 * systemd for Node daemons: the sockets it opened, what a service tells it, and its watchdog.
 *
 * @module libsystemd
 */
export { type InheritedDescriptor, listenFd, listenFds } from './activation.ts';
export {
  type Address,
  formatAddress,
  type Inet6Address,
  type InetAddress,
  type NetlinkAddress,
  type OtherAddress,
  type UnixAbstractAddress,
  type UnixPathAddress,
  type UnixUnnamedAddress,
  type VsockAddress,
} from './address.ts';
export { booted } from './booted.ts';
export { connection } from './connection.ts';
export { type PeerCredentials, peerCredentials } from './credentials.ts';
export {
  type AcceptQueue,
  acceptQueue,
  type Descriptor,
  type Family,
  type FileDescriptor,
  inspect,
  type SocketDescriptor,
  type SocketType,
} from './descriptor.ts';
export type { DrainContext, OpenConnection } from './drain.ts';
export { type ErrorFacts, SystemdError } from './errors.ts';
export { fdStore, type Storable, type StoreOptions } from './fd-store.ts';
export { type ListenFdOptions, listen } from './listen.ts';
export { type BarrierOptions, notify, type SendOptions } from './notify.ts';
export type { ServedServer } from './servers.ts';
export { type Service, serve } from './service.ts';
export type { ServeOptions, ServiceState } from './service-options.ts';
export type { NotifyState } from './state.ts';
export { type Watchdog, type WatchdogOptions, watchdog } from './watchdog.ts';
export type { WorkersOptions } from './workers.ts';
