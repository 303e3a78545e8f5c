// The add-on, loaded at the first call that needs it: whoever is not under systemd pays nothing.
import { fs } from '../base/lazy-builtins.ts';
import { loadAddon } from './load.ts';

/** A C int: 0 or more, or a negative errno. */
type Int = number;

/**
 * The exports of native/: C's names, argument order and ints. Out-parameters follow the int in an
 * array; an address, or
 * anything else of many bytes, is written into the caller's.
 */
export interface Native {
  sd_listen_fds(unset_environment: boolean): Int;
  sd_listen_fds_with_names(unset_environment: boolean): [result: Int, names: string[]];
  sd_is_fifo(fd: number, path?: string | null): Int;
  sd_is_special(fd: number, path?: string | null): Int;
  sd_is_socket(fd: number, family: number, type: number, listening: number): Int;
  sd_is_socket_inet(fd: number, family: number, type: number, listening: number, port: number): Int;
  sd_is_socket_sockaddr(fd: number, type: number, addr: Uint8Array, listening: number): Int;
  sd_is_socket_unix(
    fd: number,
    type: number,
    listening: number,
    path?: string | Uint8Array | null,
  ): Int;
  sd_is_mq(fd: number, path?: string | null): Int;
  sd_notify(unset_environment: boolean, state: string): Int;
  sd_pid_notify(pid: number, unset_environment: boolean, state: string): Int;
  sd_pid_notify_with_fds(
    pid: number,
    unset_environment: boolean,
    state: string,
    fds: readonly number[],
  ): Int;
  sd_notify_barrier(unset_environment: boolean, timeout_usec: number | bigint): Int;
  sd_pid_notify_barrier(
    pid: number,
    unset_environment: boolean,
    timeout_usec: number | bigint,
  ): Int;
  sd_pidfd_get_inode_id(pidfd: number): [result: Int, id: bigint];
  sd_booted(): Int;
  sd_watchdog_enabled(unset_environment: boolean): [result: Int, usec: bigint];
  /** -ENOSYS when a function above answers that because it is not there, and why, in the loader's words. */
  missing(name: string): [result: Int, reason: string | undefined];

  getsockname(fd: number, address: Uint8Array): Int;
  getpeername(fd: number, address: Uint8Array): Int;
  peer_credentials(fd: number, ucred: Uint8Array): Int;
  peer_groups(fd: number, gids: Uint8Array): Int;
  getsockopt(fd: number, level: number, optname: number): Int;
  listen(fd: number, backlog: number): Int;
  inet_pton(af: number, src: string, dst: Uint8Array): Int;
  inet_ntop(af: number, src: Uint8Array): [result: Int, text: string];
  datagram_room(address: Uint8Array): Int;
  send_datagram(address: Uint8Array, state: string, fds: readonly number[]): Int;
  tcp_accept_queue(fd: number): [result: Int, waiting: number, limit: number];
  unix_accept_queue(fd: number): [result: Int, waiting: number, limit: number];
  file_type(fd: number): Int;
  file_size(fd: number): [result: Int, size: number];
  is_mq(fd: number): Int;
  pread(fd: number, buffer: Uint8Array, offset: number): Int;
  pwrite(fd: number, buffer: Uint8Array, offset: number): Int;
  /**
   * Closes what one of the functions below has opened. At the end of a thread, its termination too,
   * that is done for all that was neither closed nor released.
   */
  close(fd: number): Int;
  /** Says that Node has taken it, and will close it. */
  release(fd: number): 0;
  dup(fd: number, lowest: number): Int;
  memfd_create(name: string, flags: number): Int;
  add_seals(fd: number, seals: number): Int;
  get_seals(fd: number): Int;
  pipe(): [result: Int, readEnd: number, writeEnd: number];
  pid_getfd(pid: number, fd: number): Int;
  /** Whether a filter of system calls ends who calls that: 1 or 0. */
  pid_getfd_kills(): Int;

  /**
   * The list of descriptors, as a text for all threads of the process, those to come too, and for all copies
   * of this package in it. Leaves it there where a text is given, in the place of the one before; gives the
   * one that is there.
   */
  shared(text?: string): [result: Int, text: string | undefined];
  /** The same for what the manager has told this process by the environment. */
  remembered(text?: string): [result: Int, text: string | undefined];
}

let addon: Native | undefined;

/**
 * True when a thread of this process has loaded the add-on, of this copy of the package or of another.
 * A bundler may have renamed the file, so any add-on counts. Without /proc nobody knows.
 */
function isMapped(): boolean {
  try {
    const maps = fs().readFileSync('/proc/self/maps', 'latin1');
    return /\.node( \(deleted\))?$/m.test(maps);
  } catch {
    return true;
  }
}

/** The add-on, where a thread of this process has loaded one. */
export function nativeOfProcess(): Native | undefined {
  return isMapped() ? native() : undefined;
}

/** The add-on. Throws ERR_SYSTEMD_ADDON where there is none, EMFILE or ENFILE where it can't be now. */
export function native(): Native {
  addon ??= loadAddon() as Native;
  return addon;
}
