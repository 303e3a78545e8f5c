// The datagrams of a dgram socket, and how the socket ends without the loss of an answer.
import type { Socket } from 'node:dgram';
import { now } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import { replaceMethod } from '../base/replace-method.ts';
import { dgramHandle } from '../descriptor/node-handles.ts';
import { ANSWER_GRACE, type Traffic } from './traffic.ts';

/** The milliseconds between two checks whether the kernel has taken all datagrams. */
const SEND_CHECK_INTERVAL = 10;

/**
 * Stops reading at once, even amid a burst, and keeps sending possible. Node has no public function for this.
 * Where the handle has none either, as in other runtimes, the socket reads on.
 */
function stopReading(socket: Socket): void {
  (dgramHandle(socket) as { recvStop?(): unknown } | null | undefined)?.recvStop?.();
}

/**
 * Calls `act`. Returns
 * - the result of `act`;
 * - (undefined) the socket is closed, and `onClosed` was called with the error that says so.
 *
 * Throws any other error of `act`.
 */
function runUnlessClosed<T>(act: () => T, onClosed = (_error: unknown) => {}): T | undefined {
  try {
    return act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
    onClosed(error);
    return undefined;
  }
}

/** Counts the datagrams that Node keeps because the kernel had no room for them. */
function countQueued(socket: Socket): number {
  return runUnlessClosed(() => socket.getSendQueueCount?.()) ?? 0;
}

/**
 * Makes a closed socket tolerate calls of `send()` and `close()`, which otherwise throw.
 *
 * `send()` gives its callback the error: an answer that comes too late is lost, as UDP allows, whereas an exception
 * would end the process amid its stop. `close()` does nothing, because the program's stop hook may close the socket
 * as it may close a server.
 */
function tolerateLateCalls(socket: Socket): void {
  const { send } = socket;
  const sendLate = (...args: unknown[]) => {
    const callback = args.findLast((arg) => typeof arg === 'function') as
      | ((error: unknown) => void)
      | undefined;
    const passError = (error: unknown) => callback && process.nextTick(callback, error);
    runUnlessClosed(() => Reflect.apply(send, socket, args), passError);
  };
  const closeAgain = (callback?: unknown) => {
    if (typeof callback === 'function') process.nextTick(callback as () => void);
    return socket;
  };
  replaceMethod(socket, 'send', sendLate);
  replaceMethod(socket, 'close', closeAgain);
}

/** The traffic of one dgram socket. Unread datagrams wait in the kernel for the next start of the service. */
export class DatagramTraffic implements Traffic {
  readonly connections = 0;
  readonly open = [];
  readonly endsLast = true;
  readonly #socket: Socket;
  readonly #closed = deferred<void>();
  #isOpen = true;
  #isCut = false;
  /** When the last datagram was read, in milliseconds of {@link now}. */
  #lastRead = Number.NEGATIVE_INFINITY;

  constructor(socket: Socket, onActivity: () => void) {
    this.#socket = socket;
    socket.on('message', () => {
      this.#lastRead = now();
      onActivity();
    });
    socket.once('close', () => {
      this.#isOpen = false;
      this.#closed.resolve();
    });
  }

  async drain(drainHookEnded: Promise<unknown>): Promise<void> {
    if (this.#isOpen) stopReading(this.#socket);
    await Promise.race([this.#waitUntilSent(drainHookEnded), this.#closed.promise]);
    this.cut();
    await new Promise(setImmediate); // the program gets its 'close' event meanwhile
  }

  /** Resolves when nothing may cause an answer any more, and the kernel has taken all answers. */
  async #waitUntilSent(drainHookEnded: Promise<unknown>): Promise<void> {
    await drainHookEnded;
    await this.#pause(this.#lastRead + ANSWER_GRACE - now());
    // send() sends in a later turn of the event loop. close() before that turn would drop the datagram.
    await new Promise(setImmediate);
    while (this.#isOpen && countQueued(this.#socket) > 0) await this.#pause(SEND_CHECK_INTERVAL);
  }

  /** Waits. Ends early when the socket is closed, so that the timer does not keep the process alive. */
  async #pause(milliseconds: number): Promise<void> {
    if (!(milliseconds > 0)) return;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([timeout, this.#closed.promise]);
    clearTimeout(timer);
  }

  /** Closes the socket. The drain hook may have closed it before, and the program may still answer late. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#isOpen = false;
    this.#closed.resolve(); // the 'close' listener is gone if the program has removed all listeners
    runUnlessClosed(() => this.#socket.close());
    tolerateLateCalls(this.#socket);
  }
}
