// sd-daemon(3), one to one: C's names, order and meaning.

import { native } from '../addon/exports.ts';
import { outOfDescriptors } from '../addon/load.ts';
import { ENOSYS } from '../base/errno.ts';
import { SystemdError, systemError } from '../base/errors.ts';
import { encodeAddress, type SockAddr } from './sockaddr.ts';

/** The functions that not every libsystemd has, and the version that added them. */
const ADDED_IN: Readonly<Record<string, number>> = {
  sd_pid_notify: 214,
  sd_pid_notify_with_fds: 219,
  sd_listen_fds_with_names: 227,
  sd_is_socket_sockaddr: 233,
  sd_notify_barrier: 246,
  sd_pid_notify_barrier: 254,
  sd_pidfd_get_inode_id: 258,
};

function whyMissing(name: string): string | undefined {
  const [, reason] = native().missing(name);
  return reason;
}

function missingError(syscall: string, reason: string): SystemdError {
  if (whyMissing('sd_listen_fds') !== undefined) {
    const out = outOfDescriptors('libsystemd.so.0');
    if (out !== undefined) return out;
    const install = 'install it (Debian, Ubuntu: apt-get install libsystemd0)';
    const message = `libsystemd.so.0 can't be loaded: ${install}. The loader says: ${reason}`;
    return new SystemdError('ERR_SYSTEMD_LIBRARY', message, { syscall });
  }
  const message = `${syscall} needs libsystemd ${ADDED_IN[syscall] ?? 209} or newer. The loader says: ${reason}`;
  return new SystemdError('ERR_SYSTEMD_FUNCTION', message, { syscall });
}

type Facts = { readonly fd?: number; readonly path?: string };

/** The error for a negative result. -ENOSYS may mean that the function itself is not there. */
function failure(result: number, syscall: string, facts?: Facts): SystemdError {
  const reason = result === -ENOSYS ? whyMissing(syscall) : undefined;
  return reason === undefined ? systemError(result, syscall, facts) : missingError(syscall, reason);
}

function check(result: number, syscall: string, facts?: Facts): number {
  if (result < 0) throw failure(result, syscall, facts);
  return result;
}

/** For the checks of one descriptor: yes, no, or an error that names it. */
function answer(result: number, syscall: string, fd: number, path?: unknown): boolean {
  if (result < 0) throw failure(result, syscall, typeof path === 'string' ? { fd, path } : { fd });
  return result > 0;
}

/**
 * How many descriptors were passed to this process: they are numbered from
 * {@link SD_LISTEN_FDS_START} on, and are close-on-exec after the call. 0 when LISTEN_PID is unset
 * or another process's.
 *
 * @param unset_environment - remove LISTEN_* from the environment, on errors too; default false
 * @returns their number
 * @throws SystemdError EINVAL or ERANGE when a variable is malformed, EBADF when a descriptor is closed
 * @see sd_listen_fds(3), version 209
 */
export function sd_listen_fds(unset_environment = false): number {
  return check(native().sd_listen_fds(unset_environment), 'sd_listen_fds');
}

/**
 * The names of the descriptors that were passed, in their order from {@link SD_LISTEN_FDS_START}
 * on; `unknown` for each where LISTEN_FDNAMES is unset. [] when none was passed.
 *
 * @param unset_environment - remove LISTEN_* from the environment, on errors too; default false
 * @returns the names
 * @throws SystemdError as sd_listen_fds(), and EINVAL when the names don't match the number
 * @see sd_listen_fds_with_names(3), version 227
 */
export function sd_listen_fds_with_names(unset_environment = false): string[] {
  const [result, names] = native().sd_listen_fds_with_names(unset_environment);
  check(result, 'sd_listen_fds_with_names');
  return names;
}

/**
 * Is it a FIFO or a pipe, and that of this path?
 *
 * @param fd - a file descriptor
 * @param path - compared by device and inode; null or left out is any. A missing path is false.
 * @returns true for yes, false for no
 * @throws SystemdError EBADF when `fd` is not open
 * @see sd_is_fifo(3), version 209
 */
export function sd_is_fifo(fd: number, path?: string | null): boolean {
  return answer(native().sd_is_fifo(fd, path), 'sd_is_fifo', fd, path);
}

/**
 * Is it a regular file or a character device, and that of this path?
 *
 * @param fd - a file descriptor
 * @param path - compared by inode, or by device number; null or left out is any. A missing path is false.
 * @returns true for yes, false for no
 * @throws SystemdError EBADF when `fd` is not open
 * @see sd_is_special(3), version 209
 */
export function sd_is_special(fd: number, path?: string | null): boolean {
  return answer(native().sd_is_special(fd, path), 'sd_is_special', fd, path);
}

/**
 * Is it a socket of this family and type?
 *
 * @param fd - a file descriptor
 * @param family - AF_ number; default 0, any
 * @param type - SOCK_ number, without flags; default 0, any
 * @param listening - above 0: must listen; 0: must not; default -1, either
 * @returns true for yes, false for no
 * @throws SystemdError EBADF when `fd` is not open, EINVAL for a negative family or type
 * @see sd_is_socket(3), version 209
 */
export function sd_is_socket(fd: number, family = 0, type = 0, listening = -1): boolean {
  return answer(native().sd_is_socket(fd, family, type, listening), 'sd_is_socket', fd);
}

/**
 * Is it an IPv4 or IPv6 socket of this type and local port?
 *
 * @param fd - a file descriptor
 * @param family - AF_INET or AF_INET6; default 0, either
 * @param type - SOCK_ number; default 0, any
 * @param listening - above 0: must listen; 0: must not; default -1, either
 * @param port - default 0, any
 * @returns true for yes, false for no
 * @throws SystemdError EBADF when `fd` is not open, EINVAL for any other family
 * @see sd_is_socket_inet(3), version 209
 */
export function sd_is_socket_inet(
  fd: number,
  family = 0,
  type = 0,
  listening = -1,
  port = 0,
): boolean {
  const result = native().sd_is_socket_inet(fd, family, type, listening, port);
  return answer(result, 'sd_is_socket_inet', fd);
}

/**
 * Is it a socket of this type that is bound to this IPv4 or IPv6 address?
 *
 * @param fd - a file descriptor
 * @param type - SOCK_ number; 0 is any
 * @param address - port, flowinfo and scopeId 0 are any; 0.0.0.0 and :: are themselves
 * @param listening - above 0: must listen; 0: must not; default -1, either
 * @returns true for yes, false for no
 * @throws SystemdError EBADF when `fd` is not open; for bytes, ENOBUFS, EINVAL (too short) or
 * EPFNOSUPPORT (another family)
 * @see sd_is_socket_sockaddr(3), version 233
 */
export function sd_is_socket_sockaddr(
  fd: number,
  type: number,
  address: SockAddr,
  listening = -1,
): boolean {
  const result = native().sd_is_socket_sockaddr(fd, type, encodeAddress(address), listening);
  return answer(result, 'sd_is_socket_sockaddr', fd);
}

/**
 * Is it a Unix socket of this type, bound to this path or name?
 *
 * @param fd - a file descriptor
 * @param type - SOCK_ number; default 0, any
 * @param listening - above 0: must listen; 0: must not; default -1, either
 * @param path - compared byte by byte; null or left out is any, '' is unnamed. Bytes count with
 * their exact length, so an abstract name goes as bytes with their leading null.
 * @returns true for yes, false for no
 * @throws SystemdError EBADF when `fd` is not open
 * @see sd_is_socket_unix(3), version 209
 */
export function sd_is_socket_unix(
  fd: number,
  type = 0,
  listening = -1,
  path?: string | Uint8Array | null,
): boolean {
  const result = native().sd_is_socket_unix(fd, type, listening, path);
  return answer(result, 'sd_is_socket_unix', fd, path);
}

/**
 * Is it a POSIX message queue, and that of this name?
 *
 * @param fd - a file descriptor
 * @param path - its name, such as `/queue`; null or left out is any
 * @returns true for yes, false for no
 * @throws SystemdError EBADF when `fd` is not open, ENOENT when there is no queue of that name,
 * EINVAL when the name does not begin with a slash
 * @see sd_is_mq(3), version 209
 */
export function sd_is_mq(fd: number, path?: string | null): boolean {
  return answer(native().sd_is_mq(fd, path), 'sd_is_mq', fd, path);
}

/**
 * Sends a state to the service manager, as it is. Blocks while the manager's queue is full:
 * `notify` of the package's main entry does not.
 *
 * @param unset_environment - remove NOTIFY_SOCKET from the environment, on errors too
 * @param state - assignments, one a line: `READY=1\nSTATUS=Serving`
 * @returns true when it was sent, false when NOTIFY_SOCKET is unset
 * @throws SystemdError ECONNREFUSED, ENOENT … of the socket; EINVAL (from 255 on EPROTO) when
 * NOTIFY_SOCKET is no address
 * @see sd_notify(3), version 209
 */
export function sd_notify(unset_environment: boolean, state: string): boolean {
  return check(native().sd_notify(unset_environment, state), 'sd_notify') > 0;
}

/**
 * As {@link sd_notify}, in the name of another process, which needs privileges.
 *
 * @param pid - 0 for this process
 * @returns true when it was sent, false when NOTIFY_SOCKET is unset
 * @throws SystemdError as the function without the pid
 * @see sd_pid_notify(3), version 214
 */
export function sd_pid_notify(pid: number, unset_environment: boolean, state: string): boolean {
  return check(native().sd_pid_notify(pid, unset_environment, state), 'sd_pid_notify') > 0;
}

/**
 * As {@link sd_pid_notify}, with descriptors. They stay open here.
 *
 * @param fds - at most 253
 * @returns true when it was sent, false when NOTIFY_SOCKET is unset
 * @throws SystemdError also EBADF when one is not open, E2BIG or EINVAL when they are too many
 * @see sd_pid_notify_with_fds(3), version 219
 */
export function sd_pid_notify_with_fds(
  pid: number,
  unset_environment: boolean,
  state: string,
  fds: readonly number[],
): boolean {
  const result = native().sd_pid_notify_with_fds(pid, unset_environment, state, fds);
  return check(result, 'sd_pid_notify_with_fds') > 0;
}

/**
 * Waits until the service manager has processed all that was sent before. Blocks the thread, as in
 * C: `notify.barrier()` of the package's main entry does not.
 *
 * @param timeout_usec - microseconds; 2n ** 64n - 1n waits for ever
 * @returns true when it has, false when NOTIFY_SOCKET is unset
 * @throws SystemdError ETIMEDOUT; EINTR when a signal came
 * @see sd_notify_barrier(3), version 246
 */
export function sd_notify_barrier(
  unset_environment: boolean,
  timeout_usec: number | bigint,
): boolean {
  const result = native().sd_notify_barrier(unset_environment, timeout_usec);
  return check(result, 'sd_notify_barrier') > 0;
}

/**
 * As {@link sd_notify_barrier}, in the name of another process.
 *
 * @param pid - 0 for this process
 * @returns true when it has, false when NOTIFY_SOCKET is unset
 * @throws SystemdError as the function without the pid
 * @see sd_pid_notify_barrier(3), version 254
 */
export function sd_pid_notify_barrier(
  pid: number,
  unset_environment: boolean,
  timeout_usec: number | bigint,
): boolean {
  const result = native().sd_pid_notify_barrier(pid, unset_environment, timeout_usec);
  return check(result, 'sd_pid_notify_barrier') > 0;
}

/**
 * Was the machine booted with systemd?
 *
 * @returns true when /run/systemd/system is a directory
 * @throws SystemdError ERR_SYSTEMD_LIBRARY
 * @see sd_booted(3), version 209
 */
export function sd_booted(): boolean {
  return check(native().sd_booted(), 'sd_booted') > 0;
}

/**
 * The watchdog's timeout in microseconds; 0n when the service manager expects no keep-alive
 * messages from this process.
 *
 * @param unset_environment - remove WATCHDOG_* from the environment, on errors too; default false
 * @returns microseconds; 0n for off
 * @throws SystemdError EINVAL or ERANGE when a variable is malformed
 * @see sd_watchdog_enabled(3), version 209
 */
export function sd_watchdog_enabled(unset_environment = false): bigint {
  const [result, usec] = native().sd_watchdog_enabled(unset_environment);
  return check(result, 'sd_watchdog_enabled') > 0 ? usec : 0n;
}

/**
 * The number that names a process for as long as the machine runs, from a pidfd.
 *
 * @returns the inode number of the pidfd
 * @throws SystemdError EBADF when `pidfd` is not open, EOPNOTSUPP where the kernel has no such number
 * @see sd_pidfd_get_inode_id(3), version 258
 */
export function sd_pidfd_get_inode_id(pidfd: number): bigint {
  const [result, id] = native().sd_pidfd_get_inode_id(pidfd);
  check(result, 'sd_pidfd_get_inode_id', { fd: pidfd });
  return id;
}
