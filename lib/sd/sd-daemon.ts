// sd-daemon(3), one to one: the functions with C's names, argument order and meaning. The C functions are libsystemd's,
// or built in where the machine's libsystemd lacks them.

import { native } from '../addon/exports.ts';
import { systemError } from '../base/errors.ts';
import { encodeAddress, type SockAddr } from './sockaddr.ts';

type Facts = { readonly fd?: number; readonly path?: string };

/** Returns the result of a C function, or throws the error for a negative result. */
function resultOrThrow(result: number, syscall: string, facts?: Facts): number {
  if (result < 0) throw systemError(result, syscall, facts);
  return result;
}

/** True for a positive result, false for 0. Throws the error for a negative result, with the descriptor and path. */
function booleanOrThrow(result: number, syscall: string, fd?: number, path?: unknown): boolean {
  const facts = {
    ...(fd !== undefined && { fd }),
    ...(typeof path === 'string' && { path }),
  };
  return resultOrThrow(result, syscall, facts) > 0;
}

/**
 * Returns how many descriptors the service manager passed to this process. Their numbers begin with
 * {@link SD_LISTEN_FDS_START}. After the call they are close-on-exec.
 *
 * - 0: no descriptors were passed, or LISTEN_PID names another process.
 * - More than 0: the number of descriptors.
 *
 * @param unset_environment - true, or as in C a number other than 0, removes LISTEN_PID, LISTEN_FDS and
 * LISTEN_FDNAMES from the environment, even when the call fails; default false
 * @returns the number of descriptors
 * @throws SystemdError EINVAL or ERANGE when a variable is malformed; EBADF when one of the descriptors is not open
 * @see sd_listen_fds(3), version 209
 */
export function sd_listen_fds(unset_environment: boolean | number = false): number {
  return resultOrThrow(native().sd_listen_fds(unset_environment), 'sd_listen_fds');
}

/**
 * Returns the names of the descriptors that the service manager passed to this process, in the order of their
 * numbers. The first name belongs to {@link SD_LISTEN_FDS_START}.
 *
 * - []: no descriptors were passed, or LISTEN_PID names another process.
 * - Names: one for each descriptor; `unknown` for each where LISTEN_FDNAMES is unset.
 *
 * @param unset_environment - true, or as in C a number other than 0, removes LISTEN_PID, LISTEN_FDS and
 * LISTEN_FDNAMES from the environment, even when the call fails; default false
 * @returns the names
 * @throws SystemdError EINVAL when LISTEN_FDNAMES has more or fewer names than there are descriptors, and the errors
 * of {@link sd_listen_fds}
 * @see sd_listen_fds_with_names(3), version 227
 */
export function sd_listen_fds_with_names(unset_environment: boolean | number = false): string[] {
  const [result, names] = native().sd_listen_fds_with_names(unset_environment);
  resultOrThrow(result, 'sd_listen_fds_with_names');
  return names;
}

/**
 * Tells whether a descriptor is a FIFO or a pipe.
 *
 * - true: it is a FIFO or a pipe, and it is the FIFO at `path` if a path is given.
 * - false: it is something else, or another FIFO than the one at `path`, or nothing is at `path`.
 *
 * @param fd - a file descriptor
 * @param path - a path in the file system. libsystemd compares its device and inode with those of `fd`. null or
 * undefined: any FIFO or pipe
 * @returns true or false, as above
 * @throws SystemdError EBADF when `fd` is not open
 * @see sd_is_fifo(3), version 209
 */
export function sd_is_fifo(fd: number, path?: string | null): boolean {
  return booleanOrThrow(native().sd_is_fifo(fd, path), 'sd_is_fifo', fd, path);
}

/**
 * Tells whether a descriptor is a regular file or a character device.
 *
 * - true: it is a file or a character device, and it is the one at `path` if a path is given.
 * - false: it is something else, or another file than the one at `path`, or nothing is at `path`.
 *
 * @param fd - a file descriptor
 * @param path - a path in the file system. libsystemd compares its inode, or its device number, with that of `fd`.
 * null or undefined: any file or character device
 * @returns true or false, as above
 * @throws SystemdError EBADF when `fd` is not open
 * @see sd_is_special(3), version 209
 */
export function sd_is_special(fd: number, path?: string | null): boolean {
  return booleanOrThrow(native().sd_is_special(fd, path), 'sd_is_special', fd, path);
}

/**
 * Tells whether a descriptor is a socket with this family, type and state.
 *
 * - true: it is a socket, and every given property matches.
 * - false: it is no socket, or a property differs.
 *
 * @param fd - a file descriptor
 * @param family - an AF_ number; default 0: any family
 * @param type - a SOCK_ number without flags; default 0: any type
 * @param listening - more than 0: the socket must be listening; 0: it must not be; default -1: either
 * @returns true or false, as above
 * @throws SystemdError EBADF when `fd` is not open; EINVAL for a negative family or type
 * @see sd_is_socket(3), version 209
 */
export function sd_is_socket(fd: number, family = 0, type = 0, listening = -1): boolean {
  return booleanOrThrow(native().sd_is_socket(fd, family, type, listening), 'sd_is_socket', fd);
}

/**
 * Tells whether a descriptor is an IPv4 or IPv6 socket with this type, state and local port.
 *
 * - true: it is an IPv4 or IPv6 socket, and every given property matches.
 * - false: it is something else, or a property differs.
 *
 * @param fd - a file descriptor
 * @param family - AF_INET or AF_INET6; default 0: either
 * @param type - a SOCK_ number; default 0: any type
 * @param listening - more than 0: the socket must be listening; 0: it must not be; default -1: either
 * @param port - the local port; default 0: any port
 * @returns true or false, as above
 * @throws SystemdError EBADF when `fd` is not open; EINVAL for any other family
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
  return booleanOrThrow(result, 'sd_is_socket_inet', fd);
}

/**
 * Tells whether a descriptor is a socket that is bound to this IPv4 or IPv6 address.
 *
 * - true: it is bound to the address, and every given property matches.
 * - false: it is something else, or a property differs.
 *
 * @param fd - a file descriptor
 * @param type - a SOCK_ number; 0: any type
 * @param address - the address. In it, a port, flowinfo or scopeId of 0 matches any; 0.0.0.0 and :: match only
 * themselves
 * @param listening - more than 0: the socket must be listening; 0: it must not be; default -1: either
 * @returns true or false, as above
 * @throws SystemdError EBADF when `fd` is not open. When `address` is bytes, also ENOBUFS or EINVAL (too few bytes)
 * or EPFNOSUPPORT (another family)
 * @see sd_is_socket_sockaddr(3), version 233
 */
export function sd_is_socket_sockaddr(
  fd: number,
  type: number,
  address: SockAddr,
  listening = -1,
): boolean {
  const result = native().sd_is_socket_sockaddr(fd, type, encodeAddress(address), listening);
  return booleanOrThrow(result, 'sd_is_socket_sockaddr', fd);
}

/**
 * Tells whether a descriptor is a Unix socket with this type and state, bound to this path or name.
 *
 * - true: it is a Unix socket, and every given property matches.
 * - false: it is something else, or a property differs.
 *
 * @param fd - a file descriptor
 * @param type - a SOCK_ number; default 0: any type
 * @param listening - more than 0: the socket must be listening; 0: it must not be; default -1: either
 * @param path - the path or name, compared byte by byte. A string is a path; '' matches a socket without a name. A
 * Uint8Array is compared with its exact length: an abstract name is one that begins with a null byte. null or
 * undefined: any path or name
 * @returns true or false, as above
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
  return booleanOrThrow(result, 'sd_is_socket_unix', fd, path);
}

/**
 * Tells whether a descriptor is a POSIX message queue.
 *
 * - true: it is a message queue, and it is the one of the name if a name is given.
 * - false: it is something else, or another queue than the named one.
 *
 * @param fd - a file descriptor
 * @param path - the queue's name, such as `/queue`; null or undefined: any queue
 * @returns true or false, as above
 * @throws SystemdError EBADF when `fd` is not open; ENOENT when no queue has the name; EINVAL when the name does not
 * begin with a slash
 * @see sd_is_mq(3), version 209
 */
export function sd_is_mq(fd: number, path?: string | null): boolean {
  return booleanOrThrow(native().sd_is_mq(fd, path), 'sd_is_mq', fd, path);
}

/**
 * Sends a state to the service manager, unchanged. The call blocks while the manager's queue is full; `notify` of the
 * package's main entry never blocks.
 *
 * - true: the state was sent.
 * - false: there is no manager to send it to, because NOTIFY_SOCKET is unset.
 *
 * @param unset_environment - true, or as in C a number other than 0, removes NOTIFY_SOCKET from the environment,
 * even when the call fails
 * @param state - assignments, one a line: `READY=1\nSTATUS=Serving`
 * @returns true or false, as above
 * @throws SystemdError ECONNREFUSED, ENOENT and others when nobody receives at NOTIFY_SOCKET; EINVAL (from version
 * 255 on EPROTO) when NOTIFY_SOCKET is no address
 * @see sd_notify(3), version 209
 */
export function sd_notify(unset_environment: boolean | number, state: string): boolean {
  return booleanOrThrow(native().sd_notify(unset_environment, state), 'sd_notify');
}

/**
 * Like {@link sd_notify}, in the name of another process. The kernel allows that only to a privileged process.
 *
 * - true: the state was sent.
 * - false: there is no manager to send it to, because NOTIFY_SOCKET is unset.
 *
 * @param pid - the other process; 0: this process
 * @param unset_environment - true, or as in C a number other than 0, removes NOTIFY_SOCKET from the environment,
 * even when the call fails
 * @param state - assignments, one a line
 * @returns true or false, as above
 * @throws SystemdError the errors of {@link sd_notify}
 * @see sd_pid_notify(3), version 214
 */
export function sd_pid_notify(
  pid: number,
  unset_environment: boolean | number,
  state: string,
): boolean {
  return booleanOrThrow(native().sd_pid_notify(pid, unset_environment, state), 'sd_pid_notify');
}

/**
 * Like {@link sd_pid_notify}, with descriptors. The descriptors stay open in this process.
 *
 * - true: the state and the descriptors were sent.
 * - false: there is no manager to send them to, because NOTIFY_SOCKET is unset.
 *
 * @param pid - the other process; 0: this process
 * @param unset_environment - true, or as in C a number other than 0, removes NOTIFY_SOCKET from the environment,
 * even when the call fails
 * @param state - assignments, one a line
 * @param fds - at most 253 file descriptors
 * @returns true or false, as above
 * @throws SystemdError EBADF when one of `fds` is not open; E2BIG or EINVAL when there are too many; and the errors
 * of {@link sd_notify}
 * @see sd_pid_notify_with_fds(3), version 219
 */
export function sd_pid_notify_with_fds(
  pid: number,
  unset_environment: boolean | number,
  state: string,
  fds: readonly number[],
): boolean {
  const result = native().sd_pid_notify_with_fds(pid, unset_environment, state, fds);
  return booleanOrThrow(result, 'sd_pid_notify_with_fds');
}

/**
 * Waits until the service manager has processed every notification that was sent before. The call blocks the thread,
 * as in C; `notify.barrier()` of the package's main entry does not.
 *
 * - true: the manager has processed them.
 * - false: there is no manager, because NOTIFY_SOCKET is unset.
 *
 * @param unset_environment - true, or as in C a number other than 0, removes NOTIFY_SOCKET from the environment,
 * even when the call fails
 * @param timeout_usec - how long to wait, in microseconds; 2n ** 64n - 1n: without end
 * @returns true or false, as above
 * @throws SystemdError ETIMEDOUT when the time is over; EINTR when a signal interrupts the wait; and the errors of
 * {@link sd_notify}
 * @see sd_notify_barrier(3), version 246
 */
export function sd_notify_barrier(
  unset_environment: boolean | number,
  timeout_usec: number | bigint,
): boolean {
  const result = native().sd_notify_barrier(unset_environment, timeout_usec);
  return booleanOrThrow(result, 'sd_notify_barrier');
}

/**
 * Like {@link sd_notify_barrier}, in the name of another process.
 *
 * - true: the manager has processed them.
 * - false: there is no manager, because NOTIFY_SOCKET is unset.
 *
 * @param pid - the other process; 0: this process
 * @param unset_environment - true, or as in C a number other than 0, removes NOTIFY_SOCKET from the environment,
 * even when the call fails
 * @param timeout_usec - how long to wait, in microseconds; 2n ** 64n - 1n: without end
 * @returns true or false, as above
 * @throws SystemdError the errors of {@link sd_notify_barrier}
 * @see sd_pid_notify_barrier(3), version 254
 */
export function sd_pid_notify_barrier(
  pid: number,
  unset_environment: boolean | number,
  timeout_usec: number | bigint,
): boolean {
  const result = native().sd_pid_notify_barrier(pid, unset_environment, timeout_usec);
  return booleanOrThrow(result, 'sd_pid_notify_barrier');
}

/**
 * Tells whether systemd is the init system of this machine.
 *
 * - true: it is, because /run/systemd/system is a directory.
 * - false: it is not.
 *
 * @returns true or false, as above
 * @throws SystemdError EACCES and others when the folder cannot be inspected
 * @see sd_booted(3), version 209
 */
export function sd_booted(): boolean {
  return booleanOrThrow(native().sd_booted(), 'sd_booted');
}

/**
 * Returns the watchdog timeout: how long the service manager waits for the next keep-alive message of this process.
 *
 * - 0n: the manager expects no such messages, or WATCHDOG_PID names another process.
 * - More than 0n: the timeout in microseconds.
 *
 * @param unset_environment - true, or as in C a number other than 0, removes WATCHDOG_USEC and WATCHDOG_PID from
 * the environment, even when the call fails; default false
 * @returns the timeout in microseconds, or 0n
 * @throws SystemdError EINVAL or ERANGE when a variable is malformed
 * @see sd_watchdog_enabled(3), version 209
 */
export function sd_watchdog_enabled(unset_environment: boolean | number = false): bigint {
  const [result, usec] = native().sd_watchdog_enabled(unset_environment);
  return resultOrThrow(result, 'sd_watchdog_enabled') > 0 ? usec : 0n;
}

/**
 * Returns a number that identifies a process, and no other one until the machine is restarted.
 *
 * @param pidfd - a descriptor of a process, from pidfd_open(2)
 * @returns the inode number of the pidfd
 * @throws SystemdError EBADF when `pidfd` is not open; EOPNOTSUPP when the kernel has no such number
 * @see sd_pidfd_get_inode_id(3), version 258
 */
export function sd_pidfd_get_inode_id(pidfd: number): bigint {
  const [result, id] = native().sd_pidfd_get_inode_id(pidfd);
  resultOrThrow(result, 'sd_pidfd_get_inode_id', { fd: pidfd });
  return id;
}
