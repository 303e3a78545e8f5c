// Sends the messages of a socket, at once or when there is room for them.
import { types } from 'node:util';
import { nativeSockets } from '../addon/sockets.ts';
import { EAGAIN, ECONNREFUSED, ENOENT, ENOTCONN } from '../base/errno.ts';
import { SystemdError } from '../base/errors.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { invalidType, outOfRange, validateInteger } from '../base/validate.ts';
import type { SocketSettings } from './options.ts';
import { Outbox, type Outgoing } from './outbox.ts';
import { sendError } from './send-error.ts';

/** No bytes instead of a name: the peer that the socket is connected to. */
export const PEER = new Uint8Array(0);

/** The peer that a socket is connected to. */
export interface Peer {
  /** The encoded name, for errors; undefined when it is unknown. */
  peerName(): Uint8Array | undefined;
  /**
   * Called when a message could not be sent, with a negative errno. Returns 0 when the message shall be sent once more,
   * because the socket is connected again, and otherwise the errno of the failure.
   */
  repair(result: number): number;
}

/** There is no receiver now, or it has no room: what 'drop' drops. */
const UNDELIVERABLE = [EAGAIN, ECONNREFUSED, ENOENT, ENOTCONN].map((errno) => -errno);

/** How a message is sent. */
export interface SendOptions {
  /**
   * Descriptors that go along, at most 253: the receiver gets copies of them. They must stay open until the message is
   * sent; after that the caller closes its own.
   */
  readonly fds?: readonly number[] | undefined;
}

const SEND_OPTIONS: OptionNames<SendOptions> = { fds: true };

/** The same for all messages, because most are sent at once, and a promise takes as long as half a system call. */
const SENT = Promise.resolve(true);

const NO_FDS: readonly number[] = Object.freeze([]);

/** The add-on takes no longer list. From 254 descriptors on the kernel refuses the message: EINVAL. */
const LONGEST_LIST = 4096;

const LARGEST_INT = 2 ** 31 - 1;

/**
 * The descriptors of these options. All that the add-on would refuse is refused here: a message that waits is sent
 * later, when no caller could be told.
 */
export function sendOptions(options: SendOptions | undefined): readonly number[] {
  if (options === undefined) return NO_FDS;
  const { fds = NO_FDS } = takeOptions(options, SEND_OPTIONS, 'send()');
  if (!Array.isArray(fds)) throw invalidType('options.fds', 'an array of file descriptors', fds);
  if (fds.length > LONGEST_LIST) {
    throw outOfRange('options.fds', `an array of at most ${LONGEST_LIST} descriptors`, fds.length);
  }
  // A copy, because the message may wait.
  const copy: readonly number[] = [...fds];
  for (const fd of copy) validateInteger('options.fds', fd, -LARGEST_INT - 1, LARGEST_INT);
  return copy;
}

/** The bytes of a message: a text is sent as UTF-8. */
export function toBytes(data: unknown): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  // The add-on refuses an object that has only the class.
  if (types.isUint8Array(data)) return data;
  throw invalidType('data', 'of type string or an instance of Uint8Array', data);
}

export function closedError(): SystemdError {
  return new SystemdError('ERR_SYSTEMD_CLOSED', 'The socket is closed');
}

function fullError(count: number): SystemdError {
  const message = `${count} messages wait to be sent, as many as options.maxWaiting allows: await send(), or drop messages`;
  return new SystemdError('ERR_SYSTEMD_QUEUE_FULL', message);
}

/** The result for messages that close() has given up. It is no errno. */
const CLOSED = Number.NEGATIVE_INFINITY;

/** The sending half of a socket. */
export class Sending {
  readonly #fd: number;
  readonly #settings: SocketSettings;
  readonly #peer: Peer;
  readonly #outbox: Outbox;
  readonly #onEmpty: (() => void)[] = [];
  /** How many messages were dropped. */
  dropped = 0;

  /** @param wantRoom - called with true when {@link Sending.flush} shall be called once the peer has room */
  constructor(
    fd: number,
    settings: SocketSettings,
    peer: Peer,
    wantRoom: (wants: boolean) => void,
  ) {
    this.#fd = fd;
    this.#settings = settings;
    this.#peer = peer;
    this.#outbox = new Outbox((message) => this.#transmit(message), wantRoom);
  }

  get waiting(): number {
    return this.#outbox.size;
  }

  /** True when it was sent; false when it was dropped. Rejects when it can't be sent. */
  send(message: Outgoing): Promise<boolean> {
    const result = this.#outbox.holds(message.to) ? -EAGAIN : this.#transmit(message);
    return result >= 0 ? SENT : this.#notSent(result, message);
  }

  async #notSent(result: number, message: Outgoing): Promise<boolean> {
    if (this.#settings.whenFull === 'drop' && UNDELIVERABLE.includes(result)) {
      this.dropped++;
      return false;
    }
    if (result !== -EAGAIN) throw this.#error(result, message);
    if (this.#outbox.size >= this.#settings.maxWaiting) throw fullError(this.#outbox.size);
    return await this.#wait(message);
  }

  #wait(message: Outgoing): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#outbox.add(message, (result) => {
        if (result >= 0) resolve(true);
        else reject(result === CLOSED ? closedError() : this.#error(result, message));
        if (this.#outbox.size === 0) for (const call of this.#onEmpty.splice(0)) call();
      });
    });
  }

  /** True when it was sent; false when there is no room. Throws when it can't be sent. */
  trySend(message: Outgoing): boolean {
    const result = this.#outbox.holds(message.to) ? -EAGAIN : this.#transmit(message);
    if (result === -EAGAIN) return false;
    if (result < 0) throw this.#error(result, message);
    return true;
  }

  /** Resolves when no message waits any more. */
  async empty(): Promise<void> {
    if (this.#outbox.size > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }

  flush(): void {
    this.#outbox.flushPeer();
  }

  keepAlive(isRef: boolean): void {
    this.#outbox.keepAlive(isRef);
  }

  /** Gives up the messages that wait. */
  close(): void {
    this.#outbox.clear(CLOSED);
  }

  #transmit(message: Outgoing): number {
    const result = this.#call(message);
    if (result >= 0 || result === -EAGAIN || message.to.length > 0) return result;
    const repaired = this.#peer.repair(result);
    return repaired < 0 ? repaired : this.#call(message);
  }

  #call({ to, data, fds }: Outgoing): number {
    const native = nativeSockets();
    return fds.length === 0
      ? native.sendto(this.#fd, to, data)
      : native.sendmsg(this.#fd, fds, to, data);
  }

  #error(result: number, message: Outgoing): SystemdError {
    return sendError(result, message, this.#peer.peerName());
  }
}
