/**
 * systemd for Node daemons: sockets that the service manager opened, notifications to the manager, its watchdog and
 * its fd store, and a whole service with an orderly stop.
 *
 * @module libsystemd
 */

export { connection } from './activation/connection.ts';
export { listen } from './activation/listen.ts';
export { listenFd, listenFds } from './activation/listen-fds.ts';
export type { ListenFdOptions, UnixFallback } from './activation/listen-options.ts';
export type { SystemdErrorCode } from './base/error-codes.ts';
export { type ErrorFacts, SystemdError } from './base/errors.ts';
export { type AcceptQueue, acceptQueue } from './descriptor/accept-queue.ts';
export type {
  Address,
  Inet6Address,
  InetAddress,
  NetlinkAddress,
  OtherAddress,
  UnixAbstractAddress,
  UnixPathAddress,
  UnixUnnamedAddress,
  VsockAddress,
} from './descriptor/address.ts';
export { formatAddress } from './descriptor/format.ts';
export {
  type Descriptor,
  type Family,
  type FileDescriptor,
  type InheritedDescriptor,
  inspect,
  type SocketDescriptor,
  type SocketType,
} from './descriptor/inspect.ts';
export { type PeerCredentials, peerCredentials } from './descriptor/peer-credentials.ts';
export type { UnixConnection, UnixServer } from './descriptor/unix-server.ts';
export type { BarrierOptions } from './notification/barrier.ts';
export { booted } from './notification/booted.ts';
export { notify, type SendOptions } from './notification/notify.ts';
export type { NotifyState } from './notification/state.ts';
export type { WatchdogOptions } from './notification/watchdog/options.ts';
export type { Watchdog } from './notification/watchdog/participant.ts';
export { watchdog } from './notification/watchdog.ts';
export {
  type MemoryPressure,
  type MemoryPressureOptions,
  type MemoryPressureWatch,
  onMemoryPressure,
} from './pressure/memory-pressure.ts';
export type { ServeOptions, WorkersOptions } from './service/options.ts';
export { serve } from './service/serve.ts';
export type { ServedServer } from './service/servers.ts';
export type { Service, ServiceState } from './service/service.ts';
export { fdStore, type Storable, type StoreOptions } from './store/fd-store.ts';
export type { DrainContext, OpenConnection } from './traffic/traffic.ts';
