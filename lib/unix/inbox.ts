// The messages of a socket on their way to its listeners.
import { EAGAIN, ECONNREFUSED, ECONNRESET, EINTR, ENOBUFS, ENOMEM } from '../base/errno.ts';
import { type SystemdError, systemError } from '../base/errors.ts';
import { throwLater } from '../base/throw-later.ts';
import type { ReceivedMessage, UnixMessage } from './message.ts';
import type { SocketSettings } from './options.ts';
import { type Receiving, receive } from './receiving.ts';

/** Who gets the messages of a socket. */
export interface Listeners {
  /** False while nobody listens to 'message': then messages stay in the socket. */
  hasListener(): boolean;
  emitMessage(data: Buffer, message: UnixMessage): void;
  /** Called when no message can come any more, and all that came have been handed over. */
  onEnd(): void;
  /** Called when the socket can't receive any more. */
  onFailure(error: SystemdError): void;
}

/** So many system calls receive in a row, so that other sockets have their turn. */
const BATCHES_IN_A_ROW = 4;

/** A lack of memory may pass. */
const PASSING = [EAGAIN, EINTR, ENOMEM, ENOBUFS].map((errno) => -errno);

/** A datagram socket whose peer has gone goes on; a connection has been cut. */
const PEER_HAS_GONE = [ECONNREFUSED, ECONNRESET].map((errno) => -errno);

/** The receiving half of a socket. */
export class Inbox {
  readonly #fd: number;
  readonly #receiving: Receiving;
  readonly #listeners: Listeners;
  /** True for a seqpacket: an empty message without credentials is its end, because each real one has some. */
  readonly #canEnd: boolean;
  readonly #waiting: ReceivedMessage[] = [];
  #isPaused = false;
  #isHandingOver = false;
  /** 'ended': nothing more comes from the socket; 'over': and nothing more is handed over. */
  #state: 'open' | 'ended' | 'over' = 'open';

  constructor(fd: number, settings: SocketSettings, listeners: Listeners, canEnd: boolean) {
    this.#fd = fd;
    const { maxMessage: most, fds: keepsFds } = settings;
    this.#receiving = { most, keepsFds, hasSenders: !canEnd };
    this.#listeners = listeners;
    this.#canEnd = canEnd;
  }

  get #isFlowing(): boolean {
    return this.#state !== 'over' && !this.#isPaused && this.#listeners.hasListener();
  }

  /** True while the socket shall be read. */
  get wantsMore(): boolean {
    return this.#isFlowing && this.#state === 'open';
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
  }

  /** Receives what there is, and hands it over. */
  read(): void {
    for (let i = 0; i < BATCHES_IN_A_ROW && this.wantsMore; i++) {
      const batch = receive(this.#fd, this.#receiving);
      if (typeof batch === 'number') {
        this.#fail(batch);
        return;
      }
      this.#keep(batch.messages);
      this.handOver();
      if (!batch.isFull) return;
    }
  }

  #keep(messages: readonly ReceivedMessage[]): void {
    for (const message of messages) {
      if (this.#canEnd && message.data.length === 0 && message.credentials === undefined) {
        this.#state = 'ended';
        return; // all that follow are ends too
      }
      this.#waiting.push(message);
    }
  }

  #fail(result: number): void {
    if (PASSING.includes(result) || (!this.#canEnd && PEER_HAS_GONE.includes(result))) return;
    this.#state = 'over';
    this.#listeners.onFailure(systemError(result, 'recvmmsg', { fd: this.#fd }));
  }

  /** Hands over what was received, until somebody pauses the socket or nobody listens any more. */
  handOver(): void {
    if (this.#isHandingOver) return;
    this.#isHandingOver = true;
    while (this.#isFlowing) {
      const message = this.#waiting.shift();
      if (message === undefined) break;
      this.#call(message);
    }
    this.#isHandingOver = false;
    if (this.#state !== 'ended' || this.#waiting.length > 0 || !this.#isFlowing) return;
    this.#state = 'over';
    this.#listeners.onEnd();
  }

  /** The error of a listener is the program's own, as that of a timer is, and the other messages come all the same. */
  #call(message: ReceivedMessage): void {
    try {
      this.#listeners.emitMessage(message.data, message);
    } catch (error) {
      throwLater(error);
    } finally {
      message.closeFds();
    }
  }

  /** Drops what was not handed over. */
  clear(): void {
    this.#state = 'over';
    for (const message of this.#waiting.splice(0)) message.closeFds();
  }
}
