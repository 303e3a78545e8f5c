// Brings the events of the add-on's thread to the objects that wait for them.
import { resultOrThrow, systemError } from '../base/errors.ts';
import { throwLater } from '../base/throw-later.ts';
import { type NativeSockets, nativeSockets, type WatcherEvent } from './sockets.ts';

const MESSAGE = 1;
const FAILED = 3;

type Handler = (event: WatcherEvent) => void;

/** What handles the events of each watch, by its number. */
const handlers = new Map<number, Handler>();

let hasCallback = false;

/**
 * An error of a callback is the program's own, as that of a timer is, and the other events are brought all the same.
 */
function call(handler: Handler, event: WatcherEvent): void {
  try {
    handler(event);
  } catch (error) {
    throwLater(error);
  }
}

/** A watch may have ended while its event was on the way. */
function drop(event: WatcherEvent): void {
  if (event[1] === MESSAGE) for (const fd of event[8]) nativeSockets().close(fd);
}

function fail([, , result]: WatcherEvent): void {
  throw systemError(result, 'epoll_wait', {}, 'no message and no event is received any more');
}

function bring(events: readonly WatcherEvent[]): void {
  for (const event of events) {
    call(event[1] === FAILED ? fail : (handlers.get(event[0]) ?? drop), event);
  }
}

/**
 * Begins a watch, and returns its number.
 *
 * @param begin - calls the function of the add-on that begins it
 * @throws SystemdError the error of `syscall` when it can't be begun
 */
export function beginWatch(
  begin: (native: NativeSockets) => number,
  handler: Handler,
  syscall: string,
  fd: number,
): number {
  const native = nativeSockets();
  if (!hasCallback) resultOrThrow(native.on_events(bring), 'napi_create_threadsafe_function');
  hasCallback = true;
  const id = resultOrThrow(begin(native), syscall, fd);
  handlers.set(id, handler);
  return id;
}

/** Ends a watch. Events of it that are on the way are dropped. */
export function endWatch(id: number): void {
  handlers.delete(id);
  nativeSockets().unwatch(id);
}

/** How many callers wait for an event. */
let waiting = 0;

/** Keeps the process alive until the promise is settled, as a timer would, because its event comes for certain. */
export async function keepAliveUntil(promise: Promise<void>): Promise<void> {
  const native = nativeSockets();
  if (waiting++ === 0) native.keep_alive(true);
  try {
    await promise;
  } finally {
    if (--waiting === 0) native.keep_alive(false);
  }
}
