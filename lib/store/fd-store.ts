// Descriptors that the service manager keeps while the service restarts (FileDescriptorStoreMax=).
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { ofPrimary } from '../activation/activation.ts';
import { stopSharing } from '../activation/cluster/shared.ts';
import { listenFd, listenFds } from '../activation/listen-fds.ts';
import {
  hasListener,
  isRemoved,
  isTaken,
  markRemoved,
  markTaken,
} from '../activation/ownership.ts';
import { native } from '../addon/exports.ts';
import { SystemdError } from '../base/errors.ts';
import { isMainThread } from '../base/main-thread.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { plainBytes } from '../base/plain-bytes.ts';
import { invalidType, invalidValue } from '../base/validate.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { inspectNamed, isDatagram } from '../descriptor/inspect.ts';
import { fdOf } from '../descriptor/node-handles.ts';
import { isForServers } from '../descriptor/predicates.ts';
import { managerAddress } from '../notification/manager-environment.ts';
import { type Message, send } from '../notification/queue.ts';
import { escapeBackslashes } from '../notification/state.ts';
import { createSealed, isSealed, readSealed } from './sealed-memfd.ts';

/** What can be stored: a descriptor's number, whatever has it as `fd`, or a socket of Node's. */
export type Storable = number | { readonly fd: number } | Server | Socket | DgramSocket;

/** What {@link fdStore.add} may be told. */
export interface StoreOptions {
  /**
   * Whether the manager watches it, and drops it when the other side hangs up or it fails; false
   * sends FDPOLL=0 (246). Default true, but false for a datagram socket: there nobody hangs up, and
   * an error is one datagram's.
   */
  readonly poll?: boolean;
}

const STORE_OPTIONS: OptionNames<StoreOptions> = { poll: true };

/** fdname_is_valid() of systemd: printable ASCII without the colon that separates names. */
const NAME = /^[ -9;-~]{1,255}$/;

function validateName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw invalidType('name', 'of type string', name);
  if (NAME.test(keptName(name))) return;
  const expected =
    '1 to 255 printable ASCII characters without a colon, of which a backslash counts twice';
  throw invalidValue('name', expected, name);
}

/**
 * The name as the manager keeps it. It writes LISTEN_FDNAMES as names are, and libsystemd, who reads them,
 * takes a backslash for the begin of an escape: so that it stays, it has to be two there.
 */
function keptName(name: string): string {
  return escapeBackslashes(name);
}

/** FDNAME= as it is sent: the manager takes a backslash for the begin of an escape too. */
function nameLine(name: string): string {
  return `FDNAME=${escapeBackslashes(keptName(name))}`;
}

function storing(name: string, fd: number, poll: boolean): Message {
  const state = `FDSTORE=1\n${nameLine(name)}${poll ? '' : '\nFDPOLL=0'}`;
  return { pid: 0, state, fds: [fd] };
}

function removing(name: string): Message {
  return { pid: 0, state: `FDSTOREREMOVE=1\n${nameLine(name)}`, fds: [] };
}

/**
 * Remembers of an inherited name that the manager keeps nothing of the process before under it. All other
 * names need not be remembered, and a service may use any number of them.
 */
function noteRemoved(name: string): void {
  try {
    if (listenFds(name).length > 0) markRemoved(name);
  } catch {
    // What can't be listed can't be taken either: then it is not yet known, and told again.
  }
}

function assertSealed({ fd, name }: InheritedDescriptor): void {
  if (isSealed(fd)) return;
  const message = `Expected a sealed memory file, as fdStore.save() stores, and got ${formatDescriptor(inspectNamed(fd, name))}`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd });
}

/** A cluster worker lists the primary's, and a worker thread what the main thread may close. */
function assertOwn(descriptor: InheritedDescriptor): void {
  const inThread = !isMainThread();
  if (!inThread && ofPrimary(descriptor) === undefined) return;
  const owner = inThread ? 'the main thread' : "the cluster's primary";
  throw new SystemdError(
    inThread ? 'ERR_SYSTEMD_THREAD' : 'ERR_SYSTEMD_CLUSTER',
    `Only ${owner} can take ${formatDescriptor(descriptor)}`,
  );
}

/**
 * What is stored may have the name of the unit's own socket, as where users give it. That one is for a
 * server then, and so is what a server listens on.
 */
function notForServers(descriptors: readonly InheritedDescriptor[]) {
  const free = descriptors.filter((one) => !hasListener(one));
  const others = free.filter((one) => !isForServers(one));
  return others.length > 0 ? others : free;
}

/** Those of this name that nobody has taken yet. */
function inherited(name: string): readonly InheritedDescriptor[] {
  validateName(name);
  const descriptors = notForServers(listenFds(name).filter((one) => !isTaken(one)));
  if (descriptors[0] !== undefined) assertOwn(descriptors[0]);
  return descriptors;
}

/** Only once the manager was told: until then they can be taken again. */
function handOver(name: string, descriptors: readonly InheritedDescriptor[]): void {
  if (!isRemoved(name)) fdStore.remove(name);
  markTaken(descriptors);
  for (const descriptor of descriptors) stopSharing(descriptor);
}

/**
 * The service manager's store of descriptors and of state, from which they come back after a
 * restart: {@link fdStore.take} and {@link fdStore.load} take them over, and `listenFds(name)` shows
 * them. Without a manager (NOTIFY_SOCKET unset, empty or /dev/null) nothing is stored.
 *
 * @see sd_pid_notify_with_fds(3), FDSTORE=1 version 219; systemd.service(5), FileDescriptorStoreMax=
 */
export const fdStore = {
  /**
   * Gives the manager a copy of a descriptor. It stays open here. Above the store's limit the
   * manager drops it, and says so in its own log only. A service whose store has more descriptors than
   * a process may open (LimitNOFILE=, 1024 by default) does not start again.
   *
   * @param name - 1 to 255 printable ASCII characters without a colon, of which a backslash counts twice;
   * several may share one
   * @param fd - a number, whatever has it as `fd`, or an open server or socket of net or dgram
   * @param options - default {}: watched by the manager, if it is no datagram socket
   * @returns true when sent or accepted, false when there is no manager
   * @throws SystemdError EBADF when it is not open, and what {@link notify.send} throws
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for wrong arguments
   * @see sd_notify(3), FDSTORE=1 version 219, FDPOLL=0 version 246
   */
  add(name: string, fd: Storable, options: StoreOptions = {}): boolean {
    validateName(name);
    const { poll } = takeOptions(options, STORE_OPTIONS, 'fdStore.add()');
    if (poll !== undefined && typeof poll !== 'boolean') {
      throw invalidType('options.poll', 'of type boolean', poll);
    }
    const number = fdOf('fd', fd);
    if (managerAddress() === undefined) return false;
    return send(storing(name, number, poll ?? !isDatagram(number)));
  },

  /**
   * Has the manager close all it keeps under this name.
   *
   * @returns true when sent or accepted, false when there is no manager
   * @throws SystemdError, TypeError as {@link fdStore.add}
   * @see sd_notify(3), FDSTOREREMOVE=1 version 236
   */
  remove(name: string): boolean {
    validateName(name);
    const sent = send(removing(name));
    if (sent) noteRemoved(name);
    return sent;
  },

  /**
   * Hands the inherited descriptors of this name over to the caller, who closes them, and has the
   * manager close its own: so the other side of a connection sees the end when it is closed here.
   *
   * ```js
   * for (const { fd } of fdStore.take('client')) {
   *   serve(new net.Socket({ fd, readable: true, writable: true }));
   * }
   * for (const { fd } of fdStore.take('statsd')) dgram.createSocket('udp4').bind({ fd });
   * ```
   *
   * The manager closes all that it keeps under this name, and so what this process has added: take
   * first, then add. `listenFds()` goes on listing what it listed, but no server gets what was taken. What
   * a server listens on is not taken, nor is a socket for servers that has the name of what is stored, as
   * where users give the names. In a cluster's primary, take before the first fork: the workers that
   * follow are told nothing of it.
   *
   * @param name - 1 to 255 printable ASCII characters without a colon
   * @returns in the manager's order, of stored ones the newest first; [] when there is none of this
   * name, or they were taken before
   * @throws SystemdError ERR_SYSTEMD_CLUSTER in a cluster worker, whose list is the primary's;
   * ERR_SYSTEMD_THREAD in a worker thread, whose list is the main thread's; and what
   * {@link listenFds} and {@link notify.send} throw: then nothing is taken
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for a wrong name
   * @see sd_notify(3), FDSTOREREMOVE=1 version 236
   */
  take(name: string): readonly InheritedDescriptor[] {
    const descriptors = inherited(name);
    if (descriptors.length > 0) handOver(name, descriptors);
    return descriptors;
  },

  /**
   * Saves bytes for the next process of this service, which gets them by {@link fdStore.load}. The
   * manager keeps them in a sealed memory file, on no disk, until the service is stopped for good
   * (FileDescriptorStorePreserve=). They take the place of all that it keeps under this name, and
   * count as one descriptor.
   *
   * @param name - 1 to 255 printable ASCII characters without a colon
   * @param state - any number of bytes, none too; copied before this returns. Of memory that other threads
   * write to meanwhile, what is read of it
   * @returns true when sent or accepted, false when there is no manager
   * @throws Error of the system when there is no room for it: ENOSPC, ENOMEM, EMFILE …; and what
   * {@link notify.send} throws. The manager then keeps what it had, unless the second of the two
   * messages failed, the one that stores
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for wrong arguments
   * @see sd_notify(3), FDSTORE=1 version 219; memfd_create(2)
   */
  save(name: string, state: Uint8Array): boolean {
    validateName(name);
    const bytes = plainBytes('state', state);
    if (managerAddress() === undefined) return false;
    const fd = createSealed(name, bytes);
    try {
      // Nobody can hang up on a memory file, so there is nothing to watch.
      const sent = send(removing(name), storing(name, fd, false));
      if (sent) noteRemoved(name);
      return sent;
    } finally {
      native().close(fd);
    }
  },

  /**
   * The bytes that the process before this one saved under this name. They are taken: the manager
   * keeps them no longer, unless they are saved again, and the descriptor is closed.
   *
   * @param name - 1 to 255 printable ASCII characters without a colon
   * @returns undefined when there are none, or they were loaded before
   * @throws SystemdError ERR_SYSTEMD_FD_KIND when what was stored under this name is no sealed memory
   * file; EBADF when other code has closed it; ERR_SYSTEMD_FD_COUNT when several files have this name; and what {@link fdStore.take}
   * throws. Nothing is taken then
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for a wrong name
   * @see sd_listen_fds_with_names(3), version 227; memfd_create(2)
   */
  load(name: string): Uint8Array | undefined {
    const descriptors = inherited(name);
    const files = descriptors.filter(({ kind }) => kind === 'file');
    const descriptor = files[0] ?? descriptors[0];
    if (descriptor === undefined) return undefined;
    if (files.length > 1) listenFd(name); // throws
    assertSealed(descriptor);
    const state = readSealed(descriptor.fd);
    handOver(name, [descriptor]);
    native().close(descriptor.fd);
    return state;
  },

  /**
   * How many descriptors the manager keeps for this service; undefined when it has not said, as
   * before version 254.
   *
   * @see systemd.exec(5), $FDSTORE version 254
   */
  get limit(): number | undefined {
    const limit = process.env.FDSTORE;
    return limit !== undefined && /^\d+$/.test(limit) ? Number(limit) : undefined;
  },
};
