// Tells sockets when they can be read and written. All sockets of a thread are in one epoll(7). In Node the event loop
// watches that; in Bun and Deno, which have no event loop of libuv, the add-on's thread does.
import { EPOLLIN } from '../addon/epoll.ts';
import { nativeSockets } from '../addon/sockets.ts';
import { beginWatch, endWatch, keepAliveUntil } from '../addon/watcher-events.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { ENOSYS } from '../base/errno.ts';
import { resultOrThrow } from '../base/errors.ts';
import { throwLater } from '../base/throw-later.ts';
import { closeDescriptor } from '../descriptor/calls.ts';

// The operations of epoll_ctl(2).
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

/** Called with the events of epoll(7). */
type Handler = (events: number) => void;

/** How a thread learns that its epoll descriptor has events. */
interface Waiter {
  /** Called when all events have been handled. */
  goOn(): void;
  keepAlive(alive: boolean): void;
  stop(): void;
}

/** undefined where there is no event loop of libuv. Bun has the functions of libuv too, and ends the process in them. */
function waitInLoop(epoll: number, onEvents: () => void): Waiter | undefined {
  if (process.versions['bun'] !== undefined || process.versions['deno'] !== undefined)
    return undefined;
  const native = nativeSockets();
  const result = native.poll_start(epoll, onEvents);
  if (result === -ENOSYS) return undefined;
  resultOrThrow(result, 'uv_poll_init', epoll);
  return {
    goOn() {},
    keepAlive: (alive) => native.poll_keep_alive(alive),
    stop: () => native.poll_stop(),
  };
}

function waitInThread(epoll: number, onEvents: () => void): Waiter {
  const id = beginWatch((native) => native.watch(epoll, EPOLLIN), onEvents, 'epoll_ctl', epoll);
  let end: Deferred<void> | undefined;
  const keepAlive = (alive: boolean) => {
    if (alive === (end !== undefined)) return;
    end?.resolve();
    end = alive ? deferred<void>() : undefined;
    if (end !== undefined) void keepAliveUntil(end.promise);
  };
  keepAlive(true);
  return {
    // The watch tells of an event once.
    goOn: () => nativeSockets().resume(id),
    keepAlive,
    stop() {
      keepAlive(false);
      endWatch(id);
    },
  };
}

/** The epoll descriptor of this thread, which is open while it has a socket. */
class Readiness {
  readonly handlers = new Map<number, Handler>();
  readonly epoll = resultOrThrow(nativeSockets().epoll_create(), 'epoll_create1');
  readonly #waiter: Waiter;
  readonly #events = new Int32Array(2 * 64);
  readonly #bytes = new Uint8Array(this.#events.buffer);
  #refs = 0;

  constructor() {
    const onEvents = () => this.#handle();
    try {
      this.#waiter = waitInLoop(this.epoll, onEvents) ?? waitInThread(this.epoll, onEvents);
      this.#waiter.keepAlive(false);
    } catch (error) {
      closeDescriptor(this.epoll);
      throw error;
    }
  }

  #handle(): void {
    const count = nativeSockets().epoll_wait(this.epoll, this.#bytes);
    for (let at = 0; at < 2 * count; at += 2) {
      try {
        this.handlers.get(this.#events[at] as number)?.(this.#events[at + 1] as number);
      } catch (error) {
        throwLater(error);
      }
    }
    if (this.handlers.size > 0) this.#waiter.goOn();
  }

  keepAlive(change: 1 | -1): void {
    this.#refs += change;
    if (this.#refs === 0 || (this.#refs === 1 && change === 1)) {
      this.#waiter.keepAlive(this.#refs > 0);
    }
  }

  close(): void {
    this.#waiter.stop();
    closeDescriptor(this.epoll);
  }
}

let readiness: Readiness | undefined;
let lastId = 0;

/** What one socket waits for. */
export class Interest {
  readonly #fd: number;
  readonly #id: number;
  #readiness: Readiness | undefined;
  #events = 0;
  #isRef = true;

  /** @param handler - called from the event loop, with the events that have come */
  constructor(fd: number, handler: Handler) {
    this.#fd = fd;
    readiness ??= new Readiness();
    this.#readiness = readiness;
    do lastId = (lastId + 1) | 0;
    while (readiness.handlers.has(lastId));
    this.#id = lastId;
    readiness.handlers.set(this.#id, handler);
  }

  /**
   * Waits for these events from now on. For 0 the socket leaves the epoll, because the kernel would go on to report an error
   * or a hang-up.
   *
   * @throws SystemdError the error of epoll_ctl(2), such as ENOSPC or EPERM; never for 0
   */
  set(events: number): void {
    if (this.#readiness === undefined || events === this.#events) return;
    if (events === 0) this.#leave();
    else {
      const operation = this.#events === 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
      resultOrThrow(this.#control(operation, events), 'epoll_ctl', this.#fd);
    }
    this.#have(events);
  }

  /** The result has no news: a descriptor that other code has closed is in no epoll any more. */
  #leave(): void {
    this.#control(EPOLL_CTL_DEL, 0);
  }

  #control(operation: number, events: number): number {
    const epoll = this.#readiness?.epoll ?? -1;
    return nativeSockets().epoll_ctl(epoll, operation, this.#fd, this.#id, events);
  }

  #have(events: number): void {
    this.#keepAlive(() => {
      this.#events = events;
    });
  }

  /** True: the process goes on while events are waited for, as it does at first. */
  keepAlive(isRef: boolean): void {
    this.#keepAlive(() => {
      this.#isRef = isRef;
    });
  }

  #keepAlive(change: () => void): void {
    const isAlive = () => this.#isRef && this.#events !== 0;
    const before = isAlive();
    change();
    if (isAlive() !== before) this.#readiness?.keepAlive(before ? -1 : 1);
  }

  /** Ends the waiting. Must come before the descriptor is closed, because epoll(7) knows open files and not numbers. */
  close(): void {
    if (this.#readiness === undefined) return;
    this.set(0);
    const { handlers } = this.#readiness;
    handlers.delete(this.#id);
    this.#readiness = undefined;
    if (handlers.size > 0) return;
    readiness?.close();
    readiness = undefined;
  }
}
