// FifoSource: a FIFO into which somebody writes when memory is short.
import { EPOLLET, EPOLLIN } from '../addon/epoll.ts';
import { nativeSockets } from '../addon/sockets.ts';
import { beginWatch, endWatch } from '../addon/watcher-events.ts';
import { closeFile, openFile, writeTrigger } from './open-file.ts';
import type { Source, SourceEvents } from './source.ts';
import type { Target } from './target.ts';

/** As much as a FIFO holds by default. */
const BUFFER_SIZE = 1 << 16;

/** The FIFO is open for writing too, so it does not end when a writer goes. */
export class FifoSource implements Source {
  readonly #fd: number;
  readonly #events: SourceEvents;
  readonly #id: number;
  /** What was written at the start and not read since: it comes back if nobody else reads it. */
  #echo: Buffer;

  constructor({ path, trigger }: Target, events: SourceEvents) {
    this.#events = events;
    this.#echo = Buffer.from(trigger);
    const fd = openFile(path);
    this.#fd = fd;
    try {
      if (trigger.length > 0) writeTrigger(fd, trigger);
      this.#id = beginWatch(
        (native) => native.watch(fd, EPOLLIN | EPOLLET),
        this.#handle,
        'epoll_ctl',
        fd,
      );
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  }

  readonly #handle = (): void => {
    const bytes = this.#readAll();
    const echo = this.#echo;
    this.#echo = Buffer.alloc(0);
    const isEcho = echo.length > 0 && bytes.subarray(0, echo.length).equals(echo);
    if (bytes.length > (isEcho ? echo.length : 0)) this.#events.onPressure(undefined);
  };

  /** Empties the FIFO, and returns the first bytes of it. */
  #readAll(): Buffer {
    const first = Buffer.alloc(BUFFER_SIZE);
    const count = nativeSockets().read(this.#fd, first);
    if (count === BUFFER_SIZE) {
      const rest = Buffer.alloc(BUFFER_SIZE);
      while (nativeSockets().read(this.#fd, rest) === BUFFER_SIZE);
    }
    return first.subarray(0, Math.max(count, 0));
  }

  close(): void {
    endWatch(this.#id);
    closeFile(this.#fd);
  }
}
