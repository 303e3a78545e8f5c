// Descriptors that the service manager keeps while the service restarts (FileDescriptorStoreMax=).
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { invalidType, invalidValue, validateInteger, validateOptions } from './errors.ts';
import { handleFd } from './handle.ts';
import { send } from './sender.ts';
import { escapeBackslashes } from './state.ts';

/** What can be stored: a descriptor's number, whatever has it as `fd`, or a socket of Node's. */
export type Storable = number | { readonly fd: number } | Server | Socket | DgramSocket;

/** What {@link fdStore.add} may be told. */
export interface StoreOptions {
  /**
   * Whether the manager watches it, and drops it when the other side hangs up or it fails. Default
   * true; false sends FDPOLL=0 (246).
   */
  readonly poll?: boolean;
}

/** fdname_is_valid() of systemd: printable ASCII without the colon that separates names. */
const NAME = /^[ -9;-~]{1,255}$/;

function validateName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw invalidType('name', 'of type string', name);
  if (NAME.test(name)) return;
  throw invalidValue('name', '1 to 255 printable ASCII characters without a colon', name);
}

function fdIn(storable: object): unknown {
  return 'fd' in storable ? storable.fd : handleFd(storable);
}

function fdOf(storable: unknown): number {
  const fd = typeof storable === 'object' && storable !== null ? fdIn(storable) : storable;
  if (typeof fd !== 'number') {
    const expected = 'a file descriptor, an object with an fd, or an open server or socket';
    throw invalidType('fd', expected, storable);
  }
  validateInteger('fd', fd, -0x8000_0000, 0x7fff_ffff);
  return fd;
}

/**
 * The service manager's store of descriptors, from which they come back after a restart: by
 * `listenFds(name)`. Without a manager (NOTIFY_SOCKET unset) nothing happens.
 *
 * @see sd_pid_notify_with_fds(3), FDSTORE=1 version 219; systemd.service(5), FileDescriptorStoreMax=
 */
export const fdStore = {
  /**
   * Gives the manager a copy of a descriptor. It stays open here. Above the store's limit the
   * manager drops it, and says so in its own log only.
   *
   * @param name - 1 to 255 printable ASCII characters without a colon; several may share one
   * @param fd - a number, whatever has it as `fd`, or an open server or socket of net or dgram
   * @param options - default {}: watched by the manager
   * @returns true when sent or accepted, false when there is no manager
   * @throws SystemdError EBADF when it is not open, and what {@link notify.send} throws
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for wrong arguments
   * @see sd_notify(3), FDSTORE=1 version 219, FDPOLL=0 version 246
   */
  add(name: string, fd: Storable, options: StoreOptions = {}): boolean {
    validateName(name);
    validateOptions(options);
    const { poll = true } = options;
    if (typeof poll !== 'boolean') throw invalidType('options.poll', 'of type boolean', poll);
    const state = `FDSTORE=1\nFDNAME=${escapeBackslashes(name)}${poll ? '' : '\nFDPOLL=0'}`;
    return send({ pid: 0, state, fds: [fdOf(fd)] });
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
    const state = `FDSTOREREMOVE=1\nFDNAME=${escapeBackslashes(name)}`;
    return send({ pid: 0, state, fds: [] });
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
