/**
 * The functions of sd-daemon(3), and those of sd-journal(3) that write, one to one: C's names, C's argument order, C's
 * meaning. The defaults are C's wildcards.
 *
 * These are the only differences from C:
 *
 * - `unset_environment` is a boolean, and so is the result of a function that returns 1 or 0 in C.
 * - A negative result is thrown as a {@link SystemdError}.
 * - What C writes through a pointer is returned: the names by {@link sd_listen_fds_with_names}, the time by
 *   {@link sd_watchdog_enabled}, the inode number by {@link sd_pidfd_get_inode_id}.
 * - An argument that has a length in C is passed without the length: `fds`, the address of
 *   {@link sd_is_socket_sockaddr}, the path of {@link sd_is_socket_unix}.
 * - The printf forms, such as sd_notifyf(3), are left out; {@link sd_journal_print} takes a text instead of a format. A
 *   function that returns only 0 in C returns nothing.
 *
 * Every function checks its arguments before the call, and throws
 *
 * - TypeError ERR_INVALID_ARG_TYPE for an argument of the wrong type,
 * - RangeError ERR_OUT_OF_RANGE for a number that does not fit its C type,
 * - TypeError ERR_INVALID_ARG_VALUE for a string with a null byte.
 *
 * The functions are those of this machine's libsystemd. Where it cannot be loaded, or is older than a function, a
 * built-in one stands in, with the results of libsystemd 262; {@link implementation} tells which ones are built in.
 *
 * Every function throws a {@link SystemdError} when the add-on of this package cannot be loaded:
 *
 * - ERR_SYSTEMD_ADDON: no file of it fits, or the loading is forbidden.
 * - EMFILE or ENFILE: no descriptor is left to load it. A later call tries again.
 *
 * The functions read the environment of the process as C does. No other thread may write to `process.env` during a
 * call.
 *
 * @module libsystemd/sd
 */
export type { SystemdErrorCode } from './base/error-codes.ts';
export { SystemdError } from './base/errors.ts';
export * from './sd/constants.ts';
export { type Implementation, implementation } from './sd/implementation.ts';
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
export { sd_journal_print, sd_journal_sendv, sd_journal_stream_fd } from './sd/sd-journal.ts';
export type { SockAddr } from './sd/sockaddr.ts';
