// Descriptors that the service manager keeps while the service restarts (FileDescriptorStoreMax=).
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { dgram } from './builtin.ts';
import { invalidType, invalidValue, validateOptions } from './errors.ts';
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

/** Node's sockets and servers have their descriptor in a handle, and dgram's has its own in a state. */
function handleOf(value: object): unknown {
  if ('_handle' in value && !(value instanceof dgram().Socket)) {
    return value._handle;
  }
  // Not `socket._handle`, which is deprecated and says so (DEP0112).
  const symbol = Object.getOwnPropertySymbols(value).find(
    (key) => key.description === 'state symbol',
  );
  const state = symbol && (value as Record<symbol, { handle?: unknown } | undefined>)[symbol];
  return state?.handle;
}

function fdOf(storable: unknown): number {
  if (typeof storable === 'number') return storable;
  if (typeof storable === 'object' && storable !== null) {
    if ('fd' in storable && typeof storable.fd === 'number') return storable.fd;
    const handle = handleOf(storable);
    const fd = (handle as { fd?: unknown } | null | undefined)?.fd;
    if (typeof fd === 'number' && fd >= 0) return fd;
  }
  const expected = 'a file descriptor, an object with an fd, or an open server or socket';
  throw invalidType('fd', expected, storable);
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
    const message = `FDSTORE=1\nFDNAME=${escapeBackslashes(name)}${poll ? '' : '\nFDPOLL=0'}`;
    return send(0, message, [fdOf(fd)]);
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
    return send(0, `FDSTOREREMOVE=1\nFDNAME=${escapeBackslashes(name)}`, []);
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
