// The messages that wait for room at their receivers.
import { EAGAIN } from '../base/errno.ts';

/** A message that has to be sent. */
export interface Outgoing {
  readonly data: Uint8Array;
  /** The encoded name of the receiver. No bytes: the peer that the socket is connected to. */
  readonly to: Uint8Array;
  readonly fds: readonly number[];
}

interface Waiting extends Outgoing {
  /** Called when the message was sent, with 0 or more, or could not be, with a negative errno. */
  readonly settle: (result: number) => void;
}

/**
 * The kernel tells when a peer has room, but of the receivers that a socket is not connected to nobody tells. So they are tried
 * again after so many milliseconds, twice as many each time without success, and at most the second number.
 */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 64;

const keyOf = (to: Uint8Array): string =>
  to.length === 0 ? '' : Buffer.from(to).toString('latin1');

/** The waiting messages of a socket, in order for each receiver: one that does not read does not hold up the others. */
export class Outbox {
  readonly #transmit: (message: Outgoing) => number;
  readonly #wantRoom: (wants: boolean) => void;
  readonly #queues = new Map<string, Waiting[]>();
  #size = 0;
  #pause = FIRST_PAUSE;
  #timer: NodeJS.Timeout | undefined;
  #isRef = true;

  /**
   * @param transmit - sends a message, and returns 0 or more, or a negative errno
   * @param wantRoom - called with true when {@link Outbox.flushPeer} shall be called once the peer has room
   */
  constructor(transmit: (message: Outgoing) => number, wantRoom: (wants: boolean) => void) {
    this.#transmit = transmit;
    this.#wantRoom = wantRoom;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#size;
  }

  /** True when a message to this receiver would overtake another one. */
  holds(to: Uint8Array): boolean {
    return this.#size > 0 && this.#queues.has(keyOf(to));
  }

  /** @throws SystemdError the error of epoll_ctl(2); then the message does not wait */
  add(message: Outgoing, settle: (result: number) => void): void {
    const key = keyOf(message.to);
    if (key === '') this.#wantRoom(true);
    else this.#tryLater();
    const queue = this.#queues.get(key);
    const waiting = { data: message.data, to: message.to, fds: message.fds, settle };
    if (queue === undefined) this.#queues.set(key, [waiting]);
    else queue.push(waiting);
    this.#size++;
  }

  /** Sends what there is room for at the peer. */
  flushPeer(): void {
    this.#flush('');
    if (!this.#queues.has('')) this.#wantRoom(false);
  }

  keepAlive(isRef: boolean): void {
    this.#isRef = isRef;
    if (isRef) this.#timer?.ref();
    else this.#timer?.unref();
  }

  /** Gives up all messages that wait. */
  clear(result: number): void {
    clearTimeout(this.#timer);
    const all = [...this.#queues.values()].flat();
    this.#queues.clear();
    this.#size = 0;
    for (const { settle } of all) settle(result);
  }

  /** True when a message was sent, or has failed for good. */
  #flush(key: string): boolean {
    const queue = this.#queues.get(key) ?? [];
    let done = 0;
    for (const message of queue) {
      const result = this.#transmit(message);
      if (result === -EAGAIN) break;
      done++;
      this.#size--;
      message.settle(result);
    }
    queue.splice(0, done);
    if (queue.length === 0) this.#queues.delete(key);
    return done > 0;
  }

  #tryLater(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flushOthers();
    }, this.#pause);
    this.keepAlive(this.#isRef);
  }

  #flushOthers(): void {
    const keys = [...this.#queues.keys()].filter((key) => key !== '');
    const sent = keys.map((key) => this.#flush(key));
    this.#pause = sent.includes(true) ? FIRST_PAUSE : Math.min(2 * this.#pause, LONGEST_PAUSE);
    if (keys.some((key) => this.#queues.has(key))) this.#tryLater();
  }
}
