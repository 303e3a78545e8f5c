// UnixSeqpacket: a connection of messages.
import { setTimeout as sleep } from 'node:timers/promises';
import { nativeSockets } from '../addon/sockets.ts';
import { EAGAIN, EINVAL, ENOTCONN, EPIPE } from '../base/errno.ts';
import { type SystemdError, systemError } from '../base/errors.ts';
import { isSeqpacket } from '../descriptor/predicates.ts';
import { SOCK_SEQPACKET } from '../sd/constants.ts';
import { encodeName } from './address.ts';
import { Channel, type ChannelOwner } from './channel.ts';
import type { UnixMessage } from './message.ts';
import { MessageSocket, SocketState } from './message-socket.ts';
import {
  checkDescriptor,
  connectSocket,
  fdOfTarget,
  openSocket,
  orClose,
  passCredentials,
  type UnixTarget,
} from './open.ts';
import { PEER, type SendOptions, sendOptions, toBytes } from './sending.ts';
import {
  type ConnectionSettings,
  connectionSettings,
  type UnixSeqpacketOptions,
} from './seqpacket-options.ts';

/** The events of a {@link UnixSeqpacket}, with the arguments of their listeners. */
export interface UnixSeqpacketEvents {
  /** A message has come. While nobody listens to this event, messages stay in the socket. */
  message: [data: Buffer, message: UnixMessage];
  /** The peer sends nothing more: after its last message. */
  end: [];
  /** The connection was cut, such as by a peer that closed it before it had read everything: ECONNRESET. 'close' follows. */
  error: [error: Error];
  /** The connection is closed. */
  close: [];
}

const SHUT_WR = 1;

/** The milliseconds after which a listener without room is tried again, twice as many each time, and at most the second number. */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 64;

/**
 * A connection of whole messages, in order (SOCK_SEQPACKET): what a {@link UnixSeqpacketServer} accepts, and its
 * client.
 *
 * ```ts
 * await using client = await new UnixSeqpacket().connect('/run/app/control');
 * client.on('message', (data) => console.log(String(data)));
 * await client.send('status');
 * ```
 *
 * An EventEmitter. An empty message arrives as one, and is told from the end of the connection. Messages have the
 * credentials of their sender. The connection keeps the process alive while it waits for messages or for room, unless
 * `unref()` was called. A worker thread that ends closes its connections.
 *
 * @see unix(7), systemd.socket(5)
 */
export class UnixSeqpacket extends MessageSocket<UnixSeqpacketEvents> {
  readonly #state: SocketState;
  readonly #settings: ConnectionSettings;
  #peer: Uint8Array | undefined;
  #hasPeerEnded = false;
  #isConnecting = false;
  #ended: Promise<void> | undefined;

  /**
   * Opens nothing yet: `connect()` does.
   *
   * @param options - see {@link UnixSeqpacketOptions}
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, or RangeError ERR_OUT_OF_RANGE, for a wrong option
   */
  constructor(options: UnixSeqpacketOptions = {}) {
    const state = new SocketState();
    super(state);
    this.#state = state;
    this.#settings = connectionSettings(options, 'UnixSeqpacket');
  }

  /**
   * Connects to a listener, or takes over a descriptor that is connected already. Waits while as many connections as
   * the listener allows wait to be accepted.
   *
   * @param target - the name of the listener, or a descriptor: its number, or an object with the number as `fd`. It
   * belongs to this connection from then on
   * @returns this connection
   * @throws SystemdError ENOENT or ECONNREFUSED when there is no listener; EPROTOTYPE when it is no seqpacket socket;
   * EACCES and others of connect(2); EINVAL when this one is connected; ERR_SYSTEMD_FD_KIND or EBADF when the
   * descriptor is no open connection; ENOSPC and others of epoll_ctl(2), and then the descriptor is still the caller's;
   * ERR_SYSTEMD_CLOSED after `close()`, also when it comes meanwhile. All by a rejected promise
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE for what is no name, or one of more than 107 bytes,
   * by a rejected promise
   */
  async connect(target: UnixTarget): Promise<this> {
    const fd = fdOfTarget(target);
    this.#state.assertNotClosed();
    if (this.#state.channel !== undefined || this.#isConnecting) {
      throw systemError(
        -EINVAL,
        'connect',
        {},
        'this socket is connected already, or about to be: make another one',
      );
    }
    if (fd === undefined) await this.#connectTo(encodeName('target', target));
    else this.#adopt(fd);
    return this;
  }

  /**
   * Sends a message, which goes out before this returns when the peer has room, and else waits or is dropped, see
   * {@link UnixSeqpacketOptions.whenFull}.
   *
   * Resolves with
   * - (true) the peer has the message in its queue;
   * - (false) the message was dropped, and counted by `dropped`.
   *
   * @param data - bytes, or a text that is sent as UTF-8. The bytes must not change before the promise resolves
   * @param options - see {@link SendOptions}
   * @throws SystemdError EPIPE when the peer has closed, or after `end()`; EMSGSIZE when the message is longer than the
   * send buffer allows, by default 212,960 bytes; ENOTCONN before `connect()`; ERR_SYSTEMD_QUEUE_FULL when `maxWaiting`
   * messages wait; ENOSPC and others of epoll_ctl(2) when it would have to wait; ERR_SYSTEMD_CLOSED after `close()`.
   * All by a rejected promise
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, or RangeError ERR_OUT_OF_RANGE, for a wrong
   * argument, by a rejected promise
   */
  send(data: string | Uint8Array, options?: SendOptions): Promise<boolean> {
    try {
      const message = { data: toBytes(data), to: PEER, fds: sendOptions(options) };
      return this.#open().sending.send(message);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends a message now, or not at all.
   *
   * - (true) the peer has the message in its queue.
   * - (false) the peer has no room now, or earlier messages wait. The message is not counted by `dropped`.
   *
   * @param data - bytes, or a text that is sent as UTF-8
   * @param options - see {@link SendOptions}
   * @throws SystemdError as `send()` does
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, or RangeError ERR_OUT_OF_RANGE, for a wrong
   * argument
   */
  trySend(data: string | Uint8Array, options?: SendOptions): boolean {
    const message = { data: toBytes(data), to: PEER, fds: sendOptions(options) };
    return this.#open().sending.trySend(message);
  }

  /**
   * Ends this side, as soon as all messages that wait are sent: the peer gets 'end'. Messages of the peer still arrive.
   * The connection closes when both sides have ended. Resolves when this side has ended; nothing happens when it has,
   * or the connection is closed.
   */
  end(): Promise<void> {
    const channel = this.#state.channel;
    if (channel === undefined) return Promise.resolve();
    this.#ended ??= this.#end(channel);
    return this.#ended;
  }

  /**
   * The same as {@link UnixSeqpacket.close}, by the name that it has in `node:net`, for the drain hook of `serve()`.
   *
   * @returns this connection
   */
  destroy(): this {
    void this.close();
    return this;
  }

  #open(): Channel {
    this.#state.assertNotClosed();
    if (this.#state.channel === undefined) {
      throw systemError(-ENOTCONN, 'sendto', {}, 'wait for connect() before');
    }
    if (this.#ended !== undefined) throw systemError(-EPIPE, 'sendto', {}, 'end() was called');
    return this.#state.channel;
  }

  /** Nobody tells when a listener has room again, so it is asked from time to time. */
  async #connectTo(name: Uint8Array): Promise<void> {
    const fd = openSocket(SOCK_SEQPACKET, false);
    this.#isConnecting = true;
    try {
      for (let pause = FIRST_PAUSE; !tryConnect(fd, name); ) {
        await sleep(pause, undefined, { ref: this.#state.isRef });
        pause = Math.min(2 * pause, LONGEST_PAUSE);
        this.#state.assertNotClosed();
      }
      this.#peer = name;
    } catch (error) {
      this.#isConnecting = false;
      nativeSockets().close(fd);
      throw error;
    }
    this.#isConnecting = false;
    orClose(fd, () => this.#begin(fd));
  }

  #adopt(fd: number): void {
    const expected = 'a connected Unix seqpacket socket';
    checkDescriptor(fd, (descriptor) => isSeqpacket(descriptor, false), expected);
    this.#begin(fd);
  }

  #begin(fd: number): void {
    // An empty message has credentials, and the end has none.
    passCredentials(fd);
    const owner: ChannelOwner = {
      hasListener: () => this.listenerCount('message') > 0,
      emitMessage: (data, message) => this.emit('message', data, message),
      onEnd: () => this.#onEnd(),
      onFailure: (error) => this.#fail(error),
      peerName: () => this.#peer,
      repair: (result) => result,
    };
    const channel = this.#state.prepare(new Channel(fd, this.#settings, owner, true));
    channel.take();
    this.#state.channel = channel;
  }

  async #end(channel: Channel): Promise<void> {
    await channel.sending.empty();
    if (this.#state.channel === undefined) return;
    nativeSockets().shutdown(channel.fd, SHUT_WR);
    if (this.#hasPeerEnded) void this.close();
  }

  #onEnd(): void {
    this.#hasPeerEnded = true;
    const ended = this.#ended ?? (this.#settings.allowHalfOpen ? undefined : this.end());
    void ended?.then(() => this.close());
    this.emit('end');
  }

  #fail(error: SystemdError): void {
    void this.close();
    this.emit('error', error);
  }
}

/** False when the listener has no room now. */
function tryConnect(fd: number, name: Uint8Array): boolean {
  try {
    connectSocket(fd, name);
    return true;
  } catch (error) {
    if ((error as SystemdError).errno === -EAGAIN) return false;
    throw error;
  }
}
