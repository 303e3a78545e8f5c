/**
 * systemd for Node daemons: the sockets it opened, what a service tells it, and its watchdog.
 *
 * @module libsystemd
 */
export { type InheritedDescriptor, listenFd, listenFds } from './activation/environment.ts';
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
} from './descriptor/address.ts';
export { booted } from './notification/booted.ts';
export { connection } from './activation/connection.ts';
export { type PeerCredentials, peerCredentials } from './descriptor/peer-credentials.ts';
export {
  type AcceptQueue,
  acceptQueue,
  type Descriptor,
  type Family,
  type FileDescriptor,
  inspect,
  type SocketDescriptor,
  type SocketType,
} from './descriptor/inspect.ts';
export type { DrainContext, OpenConnection } from './traffic/traffic.ts';
export { type ErrorFacts, SystemdError } from './base/errors.ts';
export { fdStore, type Storable, type StoreOptions } from './store/fd-store.ts';
export { type ListenFdOptions, listen } from './activation/listen.ts';
export { type BarrierOptions, notify, type SendOptions } from './notification/notify.ts';
export type { ServedServer } from './service/servers.ts';
export { type Service, serve } from './service/serve.ts';
export type { ServeOptions, ServiceState } from './service/options.ts';
export type { NotifyState } from './notification/state.ts';
export { type Watchdog, type WatchdogOptions, watchdog } from './notification/watchdog.ts';
export type { WorkersOptions } from './service/workers/pool.ts';
