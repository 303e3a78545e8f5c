// The datagrams of a socket of dgram, and how it ends without the loss of an answer.
import type { Socket } from 'node:dgram';
import { now } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import { dgramHandle } from '../descriptor/node-handles.ts';
import type { Traffic } from './traffic.ts';

/** Milliseconds in which a datagram that was read may be answered by who tells nobody that it will be. */
const GRACE = 1_000;

/** How often it is looked whether all has been sent, in milliseconds. */
const LOOK_INTERVAL = 10;

/**
 * Stops reading at once, even amid a burst, and goes on sending. Node has nothing public for that. Where the
 * handle can't do it, as in other runtimes, the socket reads on.
 */
function stopReading(socket: Socket): void {
  (dgramHandle(socket) as { recvStop?(): unknown } | null | undefined)?.recvStop?.();
}

/** Does something with a socket. Undefined, or what `onClosed` does with the error, when it has been closed. */
function unlessClosed<T>(act: () => T, onClosed = (_error: unknown) => {}): T | undefined {
  try {
    return act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
    onClosed(error);
    return undefined;
  }
}

/** How many datagrams the kernel had no room for. */
function queued(socket: Socket): number {
  return unlessClosed(() => socket.getSendQueueCount?.()) ?? 0;
}

/**
 * From now on `send()` gives its callback the error of a closed socket, and does not throw it. An answer that comes
 * too late is lost, as UDP allows; an exception would end the process amid its stop. And `close()` finds nothing
 * to do: the program's stop hook may call it, as it may that of a server.
 */
function beClosed(socket: Socket): void {
  const { send } = socket;
  const refuse = (...args: unknown[]) => {
    const callback = args.findLast((arg) => typeof arg === 'function') as
      | ((error: unknown) => void)
      | undefined;
    const tell = (error: unknown) => callback && process.nextTick(callback, error);
    unlessClosed(() => Reflect.apply(send, socket, args), tell);
  };
  const closeAgain = (callback?: unknown) => {
    if (typeof callback === 'function') process.nextTick(callback as () => void);
    return socket;
  };
  Object.defineProperty(socket, 'send', { configurable: true, writable: true, value: refuse });
  Object.defineProperty(socket, 'close', { configurable: true, writable: true, value: closeAgain });
}

/** Datagrams have no connections. What has not been read waits in the kernel for the next instance. */
export class DatagramTraffic implements Traffic {
  readonly connections = 0;
  readonly open = [];
  readonly endsLast = true;
  readonly #socket: Socket;
  readonly #closed = deferred<void>();
  #isOpen = true;
  #isCut = false;
  /** When the last datagram was read, in milliseconds. */
  #read = Number.NEGATIVE_INFINITY;

  constructor(socket: Socket, onActivity: () => void) {
    this.#socket = socket;
    socket.on('message', () => {
      this.#read = now();
      onActivity();
    });
    socket.once('close', () => {
      this.#isOpen = false;
      this.#closed.resolve();
    });
  }

  async drain(answered: Promise<unknown>): Promise<void> {
    if (this.#isOpen) stopReading(this.#socket);
    await Promise.race([this.#sent(answered), this.#closed.promise]);
    this.cut();
    await new Promise(setImmediate); // the program gets its 'close' event meanwhile
  }

  /** All answers are with the kernel. */
  async #sent(answered: Promise<unknown>): Promise<void> {
    await answered;
    await this.#pause(this.#read + GRACE - now());
    // send() puts off what it sends, and close() forgets that.
    await new Promise(setImmediate);
    while (this.#isOpen && queued(this.#socket) > 0) await this.#pause(LOOK_INTERVAL);
  }

  /** Holds no process that has nothing else to do once the socket is closed. */
  async #pause(milliseconds: number): Promise<void> {
    if (!(milliseconds > 0)) return;
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([over, this.#closed.promise]);
    clearTimeout(timer);
  }

  /** The program may have closed it in its drain hook, and answer late all the same. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#isOpen = false;
    this.#closed.resolve(); // by itself, because the program may have removed all listeners
    unlessClosed(() => this.#socket.close());
    beClosed(this.#socket);
  }
}
