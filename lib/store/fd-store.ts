// The fd store: the service manager stores descriptors while the service restarts
// (FileDescriptorStoreMax=).
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { plainBytes } from '../base/plain-bytes.ts';
import { validateBoolean } from '../base/validate.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { fdOf } from '../descriptor/node-handles.ts';
import { isDatagram } from '../descriptor/socket-options.ts';
import type { UnixConnection, UnixServer } from '../descriptor/unix-server.ts';
import { managerAddress } from '../notification/manager-environment.ts';
import { validateFdName } from './fd-name.ts';
import { removeFromStore, storeBytes, storeFd } from './storing.ts';
import { takeBytes, takeFds } from './taking.ts';

/**
 * A descriptor that can be stored: its number, an object with an `fd`, or a server or socket of Node's or of
 * `libsystemd/unix`.
 */
export type Storable =
  | number
  | { readonly fd: number }
  | Server
  | Socket
  | DgramSocket
  | UnixServer
  | UnixConnection;

/** Options of {@link fdStore.add}. */
export interface StoreOptions {
  /**
   * True: the manager polls the stored descriptor, and removes it after a hang-up or an error. False
   * sends FDPOLL=0 (systemd 246). Default: false for a datagram socket, which has no hang-up, and whose
   * errors concern single datagrams; true for anything else.
   */
  readonly poll?: boolean | undefined;
}

const STORE_OPTIONS: OptionNames<StoreOptions> = { poll: true };

/**
 * The fd store of the service manager: file descriptors, and bytes, that outlive a restart of the
 * service. The next process takes them over by {@link fdStore.take} and {@link fdStore.load}, and
 * `listenFds(name)` lists them. Without a manager (NOTIFY_SOCKET is unset, empty or /dev/null) nothing
 * is stored.
 *
 * @see sd_pid_notify_with_fds(3), FDSTORE=1 version 219; systemd.service(5), FileDescriptorStoreMax=
 */
export const fdStore = {
  /**
   * Stores a copy of a descriptor. The original stays open in this process.
   *
   * The manager drops a descriptor beyond the store's limit, and mentions that in its own log only. A
   * service with more stored descriptors than a process may open (LimitNOFILE=, 1024 by default) does
   * not start again.
   *
   * @param name - 1 to 255 printable ASCII characters without a colon, where a backslash counts as two.
   * Several descriptors may have the same name
   * @param fd - a number, an object with an `fd`, or an open server or socket of node:net, node:dgram or
   * libsystemd/unix
   * @param options - default {}: the manager polls the descriptor, unless it is a datagram socket
   * @returns
   * - true: the message is sent, or waits to be sent
   * - false: there is no manager
   * @throws SystemdError EBADF when the descriptor is not open, and all that {@link notify.send} throws
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for a wrong argument
   * @see sd_notify(3), FDSTORE=1 version 219, FDPOLL=0 version 246
   */
  add(name: string, fd: Storable, options: StoreOptions = {}): boolean {
    validateFdName(name);
    const { poll } = takeOptions(options, STORE_OPTIONS, 'fdStore.add()');
    if (poll !== undefined) validateBoolean('options.poll', poll);
    const number = fdOf('fd', fd);
    if (managerAddress() === undefined) return false;
    return storeFd(name, number, poll ?? !isDatagram(number));
  },

  /**
   * Removes a name from the store: the manager closes every descriptor that it stores under this name.
   *
   * @param name - as for {@link fdStore.add}
   * @returns
   * - true: the message is sent, or waits to be sent
   * - false: there is no manager
   * @throws SystemdError, TypeError as {@link fdStore.add}
   * @see sd_notify(3), FDSTOREREMOVE=1 version 236
   */
  remove(name: string): boolean {
    validateFdName(name);
    return removeFromStore(name);
  },

  /**
   * Takes over the inherited descriptors of a name. The caller has to close them. The manager closes
   * its copies, so that the other side of a connection sees the end when the connection is closed here.
   *
   * ```js
   * for (const { fd } of fdStore.take('client')) {
   *   serve(new net.Socket({ fd, readable: true, writable: true }));
   * }
   * for (const { fd } of fdStore.take('statsd')) dgram.createSocket('udp4').bind({ fd });
   * ```
   *
   * The manager closes everything that it stores under this name, also what this process has added. So
   * take first, then add.
   *
   * `listenFds()` still lists a taken descriptor, but no server gets it. A socket that a server listens
   * on is not taken. A socket that a server could listen on is not taken either while a stored
   * descriptor has the same name, for example because users choose the names. In a cluster's primary
   * take before the first fork, because workers do not learn of a later take.
   *
   * @param name - as for {@link fdStore.add}
   * @returns the descriptors in the manager's order, which is the newest first for stored ones; [] when
   * none has this name, or they were taken before
   * @throws SystemdError, and then nothing is taken
   * - ERR_SYSTEMD_CLUSTER: this is a cluster worker, and the descriptors are the primary's
   * - ERR_SYSTEMD_THREAD: this is a worker thread, and the descriptors are the main thread's
   * - all that {@link listenFds} and {@link notify.send} throw
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for a wrong name
   * @see sd_notify(3), FDSTOREREMOVE=1 version 236
   */
  take(name: string): readonly InheritedDescriptor[] {
    validateFdName(name);
    return takeFds(name);
  },

  /**
   * Saves bytes for the next process of this service, which reads them by {@link fdStore.load}. The
   * bytes replace everything that the manager stores under this name.
   *
   * The manager keeps the bytes in a sealed memory file, and on no disk, until the service is stopped
   * for good (FileDescriptorStorePreserve=). The file counts as one descriptor.
   *
   * @param name - as for {@link fdStore.add}
   * @param state - any number of bytes, 0 too. They are copied before this function returns. When
   * another thread writes to the memory meanwhile, the copy may have bytes from before and after the
   * write
   * @returns
   * - true: the bytes are sent, or wait to be sent
   * - false: there is no manager
   * @throws SystemdError
   * - ENOSPC, ENOMEM, EMFILE and the like: there is no room for the memory file
   * - all that {@link notify.send} throws. Two messages are sent, one that removes the old bytes and
   * one that stores the new ones. The manager keeps the old bytes unless only the second message fails
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for a wrong argument
   * @see sd_notify(3), FDSTORE=1 version 219; memfd_create(2)
   */
  save(name: string, state: Uint8Array): boolean {
    validateFdName(name);
    return storeBytes(name, plainBytes('state', state));
  },

  /**
   * Loads the bytes that the previous process has saved under this name, and removes them from the
   * store. The next process gets them only when they are saved again.
   *
   * @param name - as for {@link fdStore.add}
   * @returns the bytes; undefined when none were saved under this name, or they were loaded before
   * @throws SystemdError, and then nothing is taken
   * - ERR_SYSTEMD_FD_KIND: the descriptor of this name is no sealed memory file
   * - ERR_SYSTEMD_FD_COUNT: several files have this name
   * - EBADF: other code has closed the descriptor
   * - all that {@link fdStore.take} throws
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for a wrong name
   * @see sd_listen_fds_with_names(3), version 227; memfd_create(2)
   */
  load(name: string): Uint8Array | undefined {
    validateFdName(name);
    return takeBytes(name);
  },

  /**
   * How many descriptors the manager stores at most for this service, from the variable FDSTORE.
   * undefined when the variable is not set, as before systemd 254.
   *
   * @see systemd.exec(5), $FDSTORE version 254
   */
  get limit(): number | undefined {
    const limit = process.env.FDSTORE;
    return limit !== undefined && /^\d+$/.test(limit) ? Number(limit) : undefined;
  },
};
