// UnixDatagram: a Unix datagram socket.
import { nativeSockets } from '../addon/sockets.ts';
import { ECONNREFUSED, EINVAL, ENOTCONN } from '../base/errno.ts';
import { type SystemdError, systemError } from '../base/errors.ts';
import { formatAddress } from '../descriptor/format.ts';
import { isUnixDatagram } from '../descriptor/predicates.ts';
import { localAddress } from '../descriptor/socket-options.ts';
import { UNIX_SERVER, type UnixServerParts } from '../descriptor/unix-server.ts';
import { SOCK_DGRAM } from '../sd/constants.ts';
import { encodeName, formatName, type UnixAddress, type UnixName } from './address.ts';
import {
  BIND_OPTIONS,
  type BindOptions,
  bindOptions,
  bindSocket,
  type SocketFile,
} from './bind.ts';
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
import { type SocketSettings, socketSettings, type UnixSocketOptions } from './options.ts';
import type { Outgoing } from './outbox.ts';
import { PEER, type SendOptions, sendOptions, toBytes } from './sending.ts';

/** The events of a {@link UnixDatagram}, with the arguments of their listeners. */
export interface UnixDatagramEvents {
  /** A message has come. While nobody listens to this event, messages stay in the socket. */
  message: [data: Buffer, message: UnixMessage];
  /** The socket receives, after `bind()`. */
  listening: [];
  /** The socket can't receive any more, and was closed. */
  error: [error: Error];
  /** The socket is closed. */
  close: [];
}

/**
 * A Unix datagram socket, such as `ListenDatagram=/path` of a socket unit: whole messages, in order, and none is lost
 * between its sender and its receiver. An EventEmitter, used like a socket of `node:dgram`.
 *
 * ```ts
 * const log = new UnixDatagram({ credentials: true });
 * log.on('message', (data, { credentials }) => console.log(credentials?.pid, String(data)));
 * log.bind('/run/app/log', { mode: 0o666 });
 * ```
 *
 * The socket keeps the process alive while it waits for messages or for room, unless {@link UnixDatagram.unref} was
 * called. A worker thread that ends closes its sockets.
 *
 * @see unix(7), systemd.socket(5)
 */
export class UnixDatagram extends MessageSocket<UnixDatagramEvents> {
  readonly #state: SocketState;
  readonly #settings: SocketSettings;
  #file: SocketFile | undefined;
  #peer: Uint8Array | undefined;
  /** Most messages in a row go to one receiver. */
  #lastTo: { readonly name: string; readonly bytes: Uint8Array } | undefined;
  #onActivity = () => {};

  /**
   * Opens nothing yet: `bind()`, `connect()` or the first `send()` does.
   *
   * @param options - see {@link UnixSocketOptions}
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, or RangeError ERR_OUT_OF_RANGE, for a wrong option
   */
  constructor(options: UnixSocketOptions = {}) {
    const state = new SocketState();
    super(state);
    this.#state = state;
    this.#settings = socketSettings(options, 'UnixDatagram');
  }

  /**
   * Gives the socket a name, or takes over a descriptor. 'listening' follows.
   *
   * - A name: a socket file that an ended process has left at the path is replaced. `close()` removes the file.
   * - A descriptor, such as one of `listenFds()`, by its number or as an object with the number as `fd`: it belongs to
   *   this socket from now on, which closes it, and leaves the file where it is. `listen()` does that for a socket
   *   unit.
   *
   * @param target - a name or a descriptor
   * @param options - see {@link BindOptions}
   * @returns this socket
   * @throws SystemdError EADDRINUSE when somebody else has the name; ENOENT, EACCES and others of bind(2); EINVAL when
   * this socket has a name, or is to take a descriptor and is open; ERR_SYSTEMD_FD_KIND or EBADF when the descriptor is
   * no open Unix datagram socket; ENOSPC and others of epoll_ctl(2), and then the descriptor is still the caller's;
   * ERR_SYSTEMD_CLOSED after `close()`
   * @throws Error ERR_ACCESS_DENIED when Node's permission model forbids to read or write the path
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE for what is no name, one of more than 107 bytes, or
   * a wrong option
   * @throws RangeError ERR_OUT_OF_RANGE for a number out of its range
   */
  bind(target: UnixTarget, options: BindOptions = {}): this {
    const taken = bindOptions(options, BIND_OPTIONS, 'bind()');
    const fd = fdOfTarget(target);
    if (fd === undefined) this.#name(encodeName('target', target), taken);
    else this.#adopt(fd);
    process.nextTick(() => {
      if (this.#state.closed === undefined) this.emit('listening');
    });
    return this;
  }

  /**
   * Connects the socket to one receiver, so that `send()` needs no name, takes a sixth of the time, and learns at once
   * when there is room. When the receiver has gone and another one has its name, the next `send()` connects to that
   * one. Only messages of this receiver arrive from now on.
   *
   * @param to - the name of the receiver
   * @returns this socket
   * @throws SystemdError ENOENT or ECONNREFUSED when there is no receiver; EPROTOTYPE when it is no datagram socket;
   * EACCES and others of connect(2); ERR_SYSTEMD_CLOSED after `close()`
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE for what is no name, or one of more than 107 bytes
   */
  connect(to: UnixName): this {
    const name = encodeName('to', to);
    connectSocket(this.#open().fd, name);
    this.#peer = name;
    return this;
  }

  /**
   * Sends a message. It goes out before this returns when its receiver has room, and else waits or is dropped, see
   * {@link UnixSocketOptions.whenFull}. Messages to one receiver arrive in the order of the calls.
   *
   * Resolves with
   * - (true) the receiver has the message in its queue;
   * - (false) the message was dropped, and counted by `dropped`.
   *
   * @param data - bytes, or a text that is sent as UTF-8. The bytes must not change before the promise resolves
   * @param to - the name of the receiver, such as `message.from`; default the receiver of `connect()`
   * @param options - see {@link SendOptions}
   * @throws SystemdError ECONNREFUSED or ENOENT when there is no receiver; EMSGSIZE when the message is longer than the
   * send buffer allows, by default 212,960 bytes; ENOTCONN without a receiver; ERR_SYSTEMD_QUEUE_FULL when `maxWaiting`
   * messages wait; ENOSPC and others of epoll_ctl(2) when it would have to wait; ERR_SYSTEMD_CLOSED after `close()`,
   * also when it comes while the message waits. All by a rejected promise
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, or RangeError ERR_OUT_OF_RANGE, for a wrong
   * argument, by a rejected promise
   */
  send(
    data: string | Uint8Array,
    to?: UnixName | undefined,
    options?: SendOptions,
  ): Promise<boolean> {
    try {
      return this.#open().sending.send(this.#outgoing(data, to, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends a message now, or not at all.
   *
   * - (true) the receiver has the message in its queue.
   * - (false) the receiver has no room now, or earlier messages to it wait. The message is not counted by `dropped`.
   *
   * @param data - bytes, or a text that is sent as UTF-8
   * @param to - the name of the receiver; default the receiver of `connect()`
   * @param options - see {@link SendOptions}
   * @throws SystemdError as `send()` does
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, or RangeError ERR_OUT_OF_RANGE, for a wrong
   * argument
   */
  trySend(data: string | Uint8Array, to?: UnixName | undefined, options?: SendOptions): boolean {
    const message = this.#outgoing(data, to, options);
    return this.#open().sending.trySend(message);
  }

  /**
   * The name of the socket; `{ family: 'unix' }` when it has none or is not open.
   *
   * @returns a frozen object, which `send()` of another socket takes as its receiver
   */
  address(): UnixAddress {
    const fd = this.#state.channel?.fd;
    return fd === undefined ? Object.freeze({ family: 'unix' }) : (localAddress(fd) as UnixAddress);
  }

  /**
   * Closes the socket at once, and removes the file that `bind()` has made. Messages that wait are given up: their
   * `send()` rejects. Resolves when 'close' is emitted. When the socket is closed already, nothing happens.
   */
  override close(): Promise<void> {
    this.#file?.remove();
    this.#file = undefined;
    return super.close();
  }

  /** @internal */
  [UNIX_SERVER](): UnixServerParts {
    return {
      kind: 'datagram',
      take: (fd) => this.bind(fd),
      listen: (path, { mode }) => this.bind(path, mode === undefined ? {} : { mode }),
      watch: (onActivity) => {
        this.#onActivity = onActivity;
      },
      connections: () => [],
      stopReceiving: () => this.pause(),
      flushed: async () => await this.#state.channel?.sending.empty(),
    };
  }

  /** The channel, which is opened at its first use. */
  #open(): Channel {
    this.#state.assertNotClosed();
    const { credentials } = this.#settings;
    this.#state.channel ??= orClose(openSocket(SOCK_DGRAM, credentials), (fd) =>
      this.#channelOf(fd),
    );
    return this.#state.channel;
  }

  #name(name: Uint8Array, options: BindOptions): void {
    const channel = this.#open();
    const { fd } = channel;
    const own = this.address();
    if (own.path !== undefined || own.abstract !== undefined) {
      const detail = `this socket has the name ${formatAddress(own)} already: make another one for this name`;
      throw systemError(-EINVAL, 'bind', { fd, path: formatName(name) }, detail);
    }
    // Before it has a name, because the kernel may refuse to watch the socket.
    channel.read();
    this.#file = bindSocket(fd, name, options);
  }

  #adopt(fd: number): void {
    this.#state.assertNotClosed();
    if (this.#state.channel !== undefined) {
      const detail = 'this socket is open already: make another one for this descriptor';
      throw systemError(-EINVAL, 'bind', { fd }, detail);
    }
    checkDescriptor(fd, isUnixDatagram, 'a Unix datagram socket (ListenDatagram=/path)');
    if (this.#settings.credentials) passCredentials(fd);
    const channel = this.#channelOf(fd);
    channel.take();
    this.#state.channel = channel;
  }

  #channelOf(fd: number): Channel {
    const owner: ChannelOwner = {
      hasListener: () => this.listenerCount('message') > 0,
      emitMessage: (data, message) => {
        this.#onActivity();
        this.emit('message', data, message);
      },
      onEnd() {},
      onFailure: (error) => this.#fail(error),
      peerName: () => this.#peer,
      repair: (result) => this.#reconnect(result),
    };
    return this.#state.prepare(new Channel(fd, this.#settings, owner, false));
  }

  #fail(error: SystemdError): void {
    void this.close();
    this.emit('error', error);
  }

  /** The kernel disconnects a socket whose receiver has gone: with the first message that it refuses, by the man page. */
  #reconnect(result: number): number {
    const { fd } = this;
    const hasGone = result === -ECONNREFUSED || result === -ENOTCONN;
    if (!hasGone || this.#peer === undefined || fd === undefined) return result;
    return nativeSockets().connect(fd, this.#peer);
  }

  #outgoing(data: unknown, to: UnixName | undefined, options?: SendOptions): Outgoing {
    return { data: toBytes(data), to: this.#encode(to), fds: sendOptions(options) };
  }

  #encode(to: UnixName | undefined): Uint8Array {
    if (to === undefined) return PEER;
    if (typeof to !== 'string') return encodeName('to', to);
    if (this.#lastTo?.name !== to) this.#lastTo = { name: to, bytes: encodeName('to', to) };
    return this.#lastTo.bytes;
  }
}
