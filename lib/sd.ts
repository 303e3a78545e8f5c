/**
 * sd-daemon(3), one to one: C's names, C's argument order, C's meaning. A function that answers
 * yes or no in C answers with a boolean here; a negative result is thrown as a
 * {@link SystemdError}; nothing else is interpreted. The defaults are C's wildcards.
 *
 * Arguments are checked before the call: a wrong type is a TypeError ERR_INVALID_ARG_TYPE, a number
 * that does not fit its C type a RangeError ERR_OUT_OF_RANGE, a string with a null byte a TypeError
 * ERR_INVALID_ARG_VALUE. Without libsystemd on the host every function throws ERR_SYSTEMD_LIBRARY;
 * one that the host's libsystemd is too old for throws ERR_SYSTEMD_FUNCTION. When no descriptor is left
 * to load it by, that is EMFILE or ENFILE, and a later call loads it.
 *
 * These functions read the process's environment as C does. Other threads must not write to
 * `process.env` meanwhile.
 *
 * @module libsystemd/sd
 */
export type { SystemdErrorCode } from './base/error-codes.ts';
export { SystemdError } from './base/errors.ts';
export * from './sd/constants.ts';
export {
  sd_booted,
  sd_is_fifo,
  sd_is_mq,
  sd_is_socket,
  sd_is_socket_inet,
  sd_is_socket_sockaddr,
  sd_is_socket_unix,
  sd_is_special,
  sd_listen_fds,
  sd_listen_fds_with_names,
  sd_notify,
  sd_notify_barrier,
  sd_pid_notify,
  sd_pid_notify_barrier,
  sd_pid_notify_with_fds,
  sd_pidfd_get_inode_id,
  sd_watchdog_enabled,
} from './sd/sd-daemon.ts';
export type { SockAddr } from './sd/sockaddr.ts';
