// MessageSocket: what UnixDatagram and UnixSeqpacket have in common.
import { EventEmitter } from 'node:events';
import type { Channel } from './channel.ts';
import { emitClose, whenListenedTo } from './listeners.ts';
import { closedError } from './sending.ts';

/** The channel of a socket of the program. There is none before the socket is opened, and after it is closed. */
export class SocketState {
  channel: Channel | undefined;
  /** Resolves when 'close' has been emitted; undefined before `close()`. */
  closed: Promise<void> | undefined;
  isRef = true;
  isPaused = false;
  /** Of a closed socket. */
  dropped = 0;

  /** @throws SystemdError ERR_SYSTEMD_CLOSED after `close()` */
  assertNotClosed(): void {
    if (this.closed !== undefined) throw closedError();
  }

  /** Does with a new channel what the program has asked for before. */
  prepare(channel: Channel): Channel {
    channel.keepAlive(this.isRef);
    channel.setPaused(this.isPaused);
    return channel;
  }
}

/** A socket that sends and receives messages. */
export abstract class MessageSocket<
  Events extends Record<keyof Events, unknown[]>,
> extends EventEmitter<Events> {
  readonly #state: SocketState;

  /** @internal */
  constructor(state: SocketState) {
    super();
    this.#state = state;
    whenListenedTo(this, 'message', () => state.channel?.goOn());
  }

  /** The number of the descriptor; undefined until the socket is opened, and when it is closed. */
  get fd(): number | undefined {
    return this.#state.channel?.fd;
  }

  /** How many messages were dropped, with the option `whenFull: 'drop'`. */
  get dropped(): number {
    return this.#state.channel?.sending.dropped ?? this.#state.dropped;
  }

  /** How many messages wait until their receivers have room. */
  get waiting(): number {
    return this.#state.channel?.sending.waiting ?? 0;
  }

  /**
   * Leaves messages in the socket from now on, so that their senders wait when there is no room for more.
   *
   * @returns this socket
   */
  pause(): this {
    this.#state.isPaused = true;
    this.#state.channel?.setPaused(true);
    return this;
  }

  /**
   * Goes on after `pause()`.
   *
   * @returns this socket
   */
  resume(): this {
    this.#state.isPaused = false;
    this.#state.channel?.setPaused(false);
    return this;
  }

  /**
   * Keeps the process alive while the socket waits for something, as it does at first.
   *
   * @returns this socket
   */
  ref(): this {
    this.#state.isRef = true;
    this.#state.channel?.keepAlive(true);
    return this;
  }

  /**
   * Lets the process end although the socket waits for something.
   *
   * @returns this socket
   */
  unref(): this {
    this.#state.isRef = false;
    this.#state.channel?.keepAlive(false);
    return this;
  }

  /**
   * Closes the socket at once. Messages that wait are given up: their `send()` rejects. Resolves when 'close' is
   * emitted. When the socket is closed already, nothing happens.
   */
  close(): Promise<void> {
    const { channel, closed } = this.#state;
    if (closed !== undefined) return closed;
    this.#state.dropped = this.dropped;
    this.#state.channel = undefined;
    this.#state.closed = emitClose(this);
    channel?.close();
    return this.#state.closed;
  }

  /** The same as `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
