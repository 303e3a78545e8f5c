// The exports of the second add-on, which has what no start of a service needs: a service manager for tests, the
// transport of the journal, Unix sockets, and the wait for memory pressure. The first call loads it.
import { loadAddon } from './load.ts';
import { prebuiltSockets } from './prebuilt-sockets.ts';

/** A C int: 0 or more, or a negative errno. */
type Int = number;

/**
 * Something has happened to what a watch watches: `id` is the number that `watch()` has returned, `events` are those of
 * epoll_wait(2).
 */
type Happened = readonly [id: number, kind: 0, events: number, at: bigint];

/** A datagram. `flags` are those of recvmsg(2): MSG_TRUNC, MSG_CTRUNC. Whoever takes the event closes `fds`. */
export type Message = readonly [
  id: number,
  kind: 1,
  flags: number,
  at: bigint,
  bytes: Buffer,
  pid: number,
  uid: number,
  gid: number,
  fds: readonly number[],
];

/** All messages that were in the socket when `drain()` was called have come before. */
type Drained = readonly [id: number, kind: 2, result: 0, at: bigint];

/** The thread can't go on: epoll_wait(2) has failed with this negative errno. */
export type Failed = readonly [id: 0, kind: 3, errno: number, at: bigint];

/** What the add-on's thread tells. `at` is the time of CLOCK_MONOTONIC in microseconds. */
export type WatcherEvent = Happened | Message | Drained | Failed;

/**
 * The exports of the second add-on, whose sources are in native/sockets/. As in {@link ./exports.ts}, names, arguments
 * and int results are those of C. All descriptors are close-on-exec. Those that `close()` has not closed are closed
 * when the thread of JavaScript ends or is terminated.
 */
export interface NativeSockets {
  socket(family: number, type: number, protocol: number): Int;
  bind(fd: number, addr: Uint8Array): Int;
  setsockopt(fd: number, level: number, optname: number, optval: Uint8Array): Int;
  /** Writes the value into `optval`. Returns its length. */
  getsockopt(fd: number, level: number, optname: number, optval: Uint8Array): Int;
  /** Does not wait: -EAGAIN without a connection. */
  accept(fd: number): Int;
  /** Makes no file. */
  open(path: string, flags: number): Int;
  mkfifo(path: string, mode: number): Int;
  /** The name goes without its slash. 0 for `maxmsg` or `msgsize`: the kernel's defaults hold. */
  mq_open(name: string, flags: number, mode: number, maxmsg: number, msgsize: number): Int;
  mq_unlink(name: string): Int;

  set_nonblocking(fd: number, nonblocking: boolean): Int;
  /** The size of a pipe's buffer, by fcntl(2). */
  set_pipe_size(fd: number, size: number): Int;
  fchmod(fd: number, mode: number): Int;
  /** 1 when both descriptors are one open file; 0 when they are two. */
  is_same_file(fd: number, other: number): Int;
  pidfd_open(pid: number): Int;
  /** Of a descriptor that this add-on has opened with O_NONBLOCK. Other ones: -EBADF, -EINVAL. */
  read(fd: number, buffer: Uint8Array): Int;
  /** To a descriptor as for read(). */
  write(fd: number, bytes: Uint8Array): Int;
  close(fd: number): Int;
  /**
   * Closes a descriptor of this add-on, unless other code has done so. Its number may belong to another file then,
   * which stays open.
   */
  close_held(fd: number): Int;
  /** Gives free memory back to the system: 1 when there was some, else 0; -ENOSYS in musl, which lacks the function. */
  malloc_trim(): Int;

  connect(fd: number, addr: Uint8Array): Int;
  shutdown(fd: number, how: number): Int;
  /** Sends a message without waiting: -EAGAIN where there is no room. No bytes in `to`: to the peer. */
  sendto(fd: number, to: Uint8Array, data: Uint8Array): Int;
  /** Like sendto(), with descriptors. */
  sendmsg(fd: number, fds: readonly number[], to: Uint8Array, data: Uint8Array): Int;
  /**
   * Receives messages without waiting, and writes a record of each into the buffer; lib/unix/receiving.ts says what a
   * record holds. Returns the number of messages.
   *
   * @param size - the room for the bytes of each message
   * @param keeps_fds - false: the descriptors that come along are closed
   */
  recvmmsg(fd: number, buffer: Uint8Array, size: number, keeps_fds: boolean): Int;
  /** Takes over a descriptor that other code has opened, as if it were from here. */
  hold(fd: number): Int;
  /** Hands a descriptor over: `close()` is no longer needed, and nothing closes it at the thread's end. */
  release(fd: number): Int;

  epoll_create(): Int;
  epoll_ctl(epfd: number, op: number, fd: number, id: number, events: number): Int;
  /** Does not wait. Writes two ints for each event, its `id` and its events. Returns how many events there are. */
  epoll_wait(epfd: number, buffer: Uint8Array): Int;
  /**
   * Calls the callback from the event loop of libuv each time that an epoll descriptor can be read. One for each
   * thread.
   */
  poll_start(epfd: number, callback: () => void): Int;
  poll_stop(): Int;
  /** False: the descriptor of poll_start() does not keep the event loop alive. */
  poll_keep_alive(alive: boolean): Int;

  /** Sets the callback for all events of this thread of JavaScript, once. -EALREADY when there is one. */
  on_events(callback: (events: readonly WatcherEvent[]) => void): Int;
  /** True: the process does not end while events are waited for. By itself nothing here keeps it alive. */
  keep_alive(alive: boolean): Int;
  /** Begins to receive from a Unix datagram socket. Returns the number of the watch. */
  receive(fd: number): Int;
  /**
   * Waits once for events of epoll(7); for 0: until the descriptor is hung up. With EPOLLET it goes on, and tells of
   * each. Returns the number of the watch.
   */
  watch(fd: number, events: number): Int;
  unwatch(id: number): Int;
  pause(id: number): Int;
  resume(id: number): Int;
  drain(id: number): Int;

  /** Opens a socket of datagrams that is connected to this Unix address. */
  journal_open(addr: Uint8Array): Int;
  /**
   * Sends the first `size` bytes of `entry` without waiting: -EAGAIN when the receiver's queue is full, -EBADF when
   * other code has closed the socket.
   */
  journal_send(fd: number, entry: Uint8Array, size: number): Int;
  /** Waits until there is room for an entry: 1, or 0 after so many milliseconds. */
  journal_wait(fd: number, timeout: number): Int;

  /** All fields in a row, and the length of each as a number of 32 bits. */
  sd_journal_sendv(fields: Uint8Array, lengths: Uint8Array): Int;
  sd_journal_print(priority: number, message: string): Int;
  sd_journal_stream_fd(
    identifier: string | null | undefined,
    priority: number,
    level_prefix: boolean | number,
  ): Int;
}

let addon: NativeSockets | undefined;

/**
 * The second add-on.
 *
 * @throws SystemdError ERR_SYSTEMD_ADDON when no file of it can be loaded; EMFILE or ENFILE when no descriptor is left
 * to load it
 */
export function nativeSockets(): NativeSockets {
  addon ??= loadAddon({
    name: 'libsystemd-sockets',
    prebuilt: prebuiltSockets,
  }) as NativeSockets;
  return addon;
}
