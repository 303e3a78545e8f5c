// PsiSource: a file of the kernel's pressure stall information, with a trigger.
import { EPOLLERR, EPOLLET, EPOLLPRI } from '../addon/epoll.ts';
import type { WatcherEvent } from '../addon/sockets.ts';
import { beginWatch, endWatch } from '../addon/watcher-events.ts';
import { fs } from '../base/lazy-builtins.ts';
import { closeFile, openFile, writeTrigger } from './open-file.ts';
import type { Source, SourceEvents } from './source.ts';
import { type Target, triggerOf } from './target.ts';

/** What a trigger asks for: `some 200000 2000000`, microseconds of waiting within a window of microseconds. */
const TRIGGER = /^(some|full) (\d+) \d+/;

/**
 * The trigger belongs to the open file, so it ends when the last copy of the descriptor is closed: the watch has the
 * only one. It must go on between two events (EPOLLET), because poll(2) on such a file takes an event away, and one
 * that comes while the watch is renewed would be lost.
 */
export class PsiSource implements Source {
  readonly #path: string;
  readonly #kind: string;
  /** The microseconds of waiting that the trigger asks for. */
  readonly #threshold: number;
  readonly #events: SourceEvents;
  readonly #id: number;
  /** The microseconds of waiting at the start, or at the last report; undefined when they could not be read. */
  #total: number | undefined;
  #hasReported = false;

  constructor(target: Target, events: SourceEvents) {
    const trigger = triggerOf(target);
    const [, kind = 'some', threshold = '0'] =
      TRIGGER.exec(Buffer.from(trigger).toString('latin1')) ?? [];
    this.#path = target.path;
    this.#kind = kind;
    this.#threshold = Number(threshold);
    this.#events = events;
    const fd = openFile(target.path);
    try {
      writeTrigger(fd, trigger);
      this.#total = this.#readTotal();
      this.#id = beginWatch(
        (native) => native.watch(fd, EPOLLPRI | EPOLLET),
        this.#handle,
        'epoll_ctl',
        fd,
      );
    } finally {
      closeFile(fd);
    }
  }

  /** All waiting so far, in microseconds; undefined when it can't be read, as where no descriptor is left. */
  #readTotal(): number | undefined {
    try {
      const text = fs().readFileSync(this.#path, 'latin1');
      const [, total] = new RegExp(`^${this.#kind} .* total=(\\d+)`, 'm').exec(text) ?? [];
      return total === undefined ? undefined : Number(total);
    } catch {
      return undefined;
    }
  }

  readonly #handle = ([, , result]: WatcherEvent): void => {
    if ((result & EPOLLERR) !== 0) {
      this.close(); // the cgroup is gone
      this.#events.onEnd();
      return;
    }
    const total = this.#readTotal();
    const stalled =
      total === undefined || this.#total === undefined ? undefined : total - this.#total;
    // The kernel may count waiting from before the start into the first window (measured: Linux 6.18). Later it may
    // report what the last report had, when that was read late.
    const least = this.#hasReported ? 1 : this.#threshold;
    if (stalled !== undefined && stalled < least) return;
    this.#hasReported = true;
    this.#total = total;
    this.#events.onPressure(stalled);
  };

  close(): void {
    endWatch(this.#id);
  }
}
