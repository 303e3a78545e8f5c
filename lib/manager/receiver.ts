// Receives the messages of a daemon on a socket for NOTIFY_SOCKET, by the add-on's thread.
import { nativeSockets, type WatcherEvent } from '../addon/sockets.ts';
import { beginWatch, endWatch, keepAliveUntil } from '../addon/watcher-events.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { resultOrThrow, systemError } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';
import { closeDescriptor } from '../descriptor/calls.ts';
import { SO_PASSCRED, SOL_SOCKET, setFlag } from '../descriptor/socket-flags.ts';
import { AF_UNIX, SOCK_DGRAM } from '../sd/constants.ts';
import { unixAddress } from './listen-address.ts';
import type { ReceivedMessage } from './world.ts';

const MESSAGE = 1;
const DRAINED = 2;

/** Of recvmsg(2): the message was too long. The other flag that comes is MSG_CTRUNC. */
const MSG_TRUNC = 0x20;

/** Opens the socket. Anybody may write to it, as to the manager's. */
function openSocket(path: string): number {
  const native = nativeSockets();
  const fd = resultOrThrow(native.socket(AF_UNIX, SOCK_DGRAM, 0), 'socket');
  try {
    // Before bind(2), because a message that comes earlier has no credentials.
    setFlag(fd, SOL_SOCKET, SO_PASSCRED);
    const result = native.bind(fd, unixAddress(path));
    if (result < 0) throw systemError(result, 'bind', { path });
    if (!path.startsWith('@')) fs().chmodSync(path, 0o777);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/**
 * A socket for NOTIFY_SOCKET. A thread receives its messages at once, also while JavaScript is busy, so that no sender
 * ever waits: the socket's queue may have as few as 10 places (net.unix.max_dgram_qlen). What was received waits in
 * memory for the event loop.
 *
 * A receiver does not keep the process alive; a running `drain()` does.
 */
export class Receiver {
  /** The value for NOTIFY_SOCKET. */
  readonly path: string;
  readonly #onMessage: (message: ReceivedMessage) => void;
  readonly #id: number;
  /** Those who wait for the end of a drain, in the order of their calls. */
  readonly #draining: Deferred<void>[] = [];
  #resumed: Deferred<void> | undefined;
  #isClosed = false;

  /**
   * @param path - of the socket, which must not exist: at most 107 bytes. After an `@`: an abstract name
   * @param onMessage - called from the event loop, for each message in the order of their arrival
   * @throws SystemdError EADDRINUSE when the path exists; EMFILE when no descriptor is left
   * @throws TypeError ERR_INVALID_ARG_VALUE when the path is too long
   */
  constructor(path: string, onMessage: (message: ReceivedMessage) => void) {
    this.path = path;
    this.#onMessage = onMessage;
    const fd = openSocket(path);
    try {
      this.#id = beginWatch((native) => native.receive(fd), this.#handle, 'epoll_ctl', fd);
    } catch (error) {
      this.#removePath();
      throw error;
    } finally {
      closeDescriptor(fd); // the thread has a copy
    }
  }

  readonly #handle = (event: WatcherEvent): void => {
    if (event[1] === DRAINED) this.#draining.shift()?.resolve();
    if (event[1] !== MESSAGE) return;
    const [, , flags, at, bytes, pid, uid, gid, fds] = event;
    const message = { bytes, pid, uid, gid, fds, at };
    // When a descriptor is lost, none comes.
    if (flags === 0) this.#onMessage(message);
    else this.#onMessage({ ...message, lost: flags & MSG_TRUNC ? 'bytes' : 'descriptors' });
  };

  /**
   * Leaves all further messages in the socket, as a manager does that is stuck. Senders wait when its queue is full.
   */
  pause(): void {
    if (this.#isClosed || this.#resumed !== undefined) return;
    this.#resumed = deferred();
    resultOrThrow(nativeSockets().pause(this.#id), 'epoll_ctl');
  }

  /** Goes on after `pause()`. */
  resume(): void {
    if (this.#isClosed || this.#resumed === undefined) return;
    resultOrThrow(nativeSockets().resume(this.#id), 'epoll_ctl');
    this.#resumed.resolve();
    this.#resumed = undefined;
  }

  /**
   * Waits until each message that is in the socket now was handed over. A paused receiver is resumed first by somebody
   * else, and a closed one hands over nothing, so then the promise resolves at once.
   */
  async drain(): Promise<void> {
    while (this.#resumed !== undefined) await this.#resumed.promise;
    if (this.#isClosed) return;
    resultOrThrow(nativeSockets().drain(this.#id), 'recvmsg');
    const end = deferred<void>();
    this.#draining.push(end);
    await keepAliveUntil(end.promise);
  }

  /**
   * Closes the socket and removes its file. Messages that were not handed over yet are lost, and their descriptors
   * closed.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    endWatch(this.#id);
    for (const { resolve } of this.#draining.splice(0)) resolve();
    this.#resumed?.resolve();
    this.#resumed = undefined;
    this.#removePath();
  }

  #removePath(): void {
    if (!this.path.startsWith('@')) fs().rmSync(this.path, { force: true });
  }
}
