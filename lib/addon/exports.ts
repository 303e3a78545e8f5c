// The exports of the add-on. The first call that needs the add-on loads it, so a process without systemd never does.
import { fs } from '../base/lazy-builtins.ts';
import { loadChunksSoon } from './chunks.ts';
import { loadAddon } from './load.ts';
import { prebuilt } from './prebuilt.ts';

/** A C int: 0 or more, or a negative errno. */
type Int = number;

/**
 * The exports of the add-on, whose sources are in native/. Names, argument order and int results are those of C.
 * A function with out-parameters returns an array: the int, then the out-parameters. Bytes, such as an address, are
 * written into a Uint8Array of the caller.
 */
export interface Native {
  sd_listen_fds(unset_environment: boolean | number): Int;
  sd_listen_fds_with_names(unset_environment: boolean | number): [result: Int, names: string[]];
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
  sd_notify(unset_environment: boolean | number, state: string): Int;
  sd_pid_notify(pid: number, unset_environment: boolean | number, state: string): Int;
  sd_pid_notify_with_fds(
    pid: number,
    unset_environment: boolean | number,
    state: string,
    fds: readonly number[],
  ): Int;
  sd_notify_barrier(unset_environment: boolean | number, timeout_usec: number | bigint): Int;
  sd_pid_notify_barrier(
    pid: number,
    unset_environment: boolean | number,
    timeout_usec: number | bigint,
  ): Int;
  sd_pidfd_get_inode_id(pidfd: number): [result: Int, id: bigint];
  sd_booted(): Int;
  sd_watchdog_enabled(unset_environment: boolean | number): [result: Int, usec: bigint];
  /** The file name of libsystemd, undefined without one, and the names of the functions above that are built in. */
  implementation(): [result: 0, library: 'libsystemd.so.0' | undefined, builtin: `sd_${string}`[]];

  /** 1 when a LISTEN_PIDFDID= names this process, or the kernel has no such numbers; 0 when it names another one. */
  is_own_pidfdid(pidfdid: string): Int;

  getsockname(fd: number, address: Uint8Array): Int;
  peer_credentials(fd: number, ucred: Uint8Array): Int;
  peer_groups(fd: number, gids: Uint8Array): Int;
  getsockopt(fd: number, level: number, optname: number): Int;
  listen(fd: number, backlog: number): Int;
  inet_pton(af: number, src: string, dst: Uint8Array): Int;
  inet_ntop(af: number, src: Uint8Array): [result: Int, text: string];
  /** 1 when the receiver at this Unix address would take a datagram at once; 0 when its queue is full. */
  datagram_room(address: Uint8Array): Int;
  /** Sends a datagram without waiting: -EAGAIN when the receiver's queue is full. */
  send_text(address: Uint8Array, state: string): Int;
  /** Like send_text(), with descriptors. */
  send_datagram(address: Uint8Array, state: string, fds: readonly number[]): Int;
  tcp_accept_queue(fd: number): [result: Int, waiting: number, limit: number];
  unix_accept_queue(fd: number): [result: Int, waiting: number, limit: number];
  /**
   * Writes the number of records, and a record about each of `count` descriptors from `fd` on, or about as many as fit
   * into the buffer. Returns the number of bytes. lib/descriptor/records.ts says what a record holds.
   */
  inspect_fds(fd: number, count: number, buffer: Uint8Array): Int;
  /** The file type of st_mode, see inode(7). */
  file_type(fd: number): Int;
  file_size(fd: number): [result: Int, size: number];
  pread(fd: number, buffer: Uint8Array, offset: number): Int;
  pwrite(fd: number, buffer: Uint8Array, offset: number): Int;
  /**
   * Closes a descriptor that one of the functions below has opened. When a thread ends or is terminated, all of its
   * descriptors that were neither closed nor released are closed.
   */
  close(fd: number): Int;
  /** Hands a descriptor over to Node, which closes it from now on. */
  release(fd: number): 0;
  /** Makes a copy of a descriptor, with a number of `lowest` or above. */
  dup(fd: number, lowest: number): Int;
  memfd_create(name: string, flags: number): Int;
  add_seals(fd: number, seals: number): Int;
  get_seals(fd: number): Int;
  pipe(): [result: Int, readEnd: number, writeEnd: number];
  /** Makes a copy of another process's descriptor in this process, see pidfd_getfd(2). */
  pid_getfd(pid: number, fd: number): Int;
  /** 1 when a system call filter would kill a process that calls pid_getfd(); 0 when none would. */
  pid_getfd_kills(): Int;
  /**
   * Lets the children of this process copy its descriptors where Yama (kernel.yama.ptrace_scope) would forbid it, see
   * PR_SET_PTRACER in prctl(2). -EINVAL without Yama.
   */
  let_children_copy(): Int;

  /**
   * Returns the list of inherited descriptors, a text that belongs to the process: every thread and every copy of
   * this package reads the same text, also threads that start later. With an argument the text is replaced first.
   */
  shared(text?: string): [result: Int, text: string | undefined];
  /** Stores the text that shared() returns: the names, a line break, and the records as hexadecimal digits. */
  share_list(list: string, buffer: Uint8Array): Int;
  /** Like shared(), for the settings that the manager has passed in the environment, such as NOTIFY_SOCKET. */
  remembered(text?: string): [result: Int, text: string | undefined];
}

let addon: Native | undefined;

/**
 * True when a thread of this process may have loaded the add-on, from any copy of this package. A bundler may have
 * renamed its file, so every loaded file of the name *.node counts. True also where /proc cannot be read.
 */
function mayBeLoaded(): boolean {
  try {
    const maps = fs().readFileSync('/proc/self/maps', 'latin1');
    return /\.node( \(deleted\))?$/m.test(maps);
  } catch {
    return true;
  }
}

/** The add-on; undefined when no thread of this process has loaded it. Throws as {@link native} does. */
export function nativeIfLoaded(): Native | undefined {
  return mayBeLoaded() ? native() : undefined;
}

/**
 * The add-on.
 *
 * @throws SystemdError ERR_SYSTEMD_ADDON when no file of it can be loaded; EMFILE or ENFILE when no descriptor is left
 * to load it
 */
export function native(): Native {
  if (addon === undefined) {
    addon = loadAddon({ name: 'libsystemd', prebuilt }) as Native;
    loadChunksSoon();
  }
  return addon;
}
