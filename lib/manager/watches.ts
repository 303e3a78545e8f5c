// Waits for descriptors and processes, by the add-on's thread: for a client of a service that is started by its first
// client, for the end of a stored descriptor, for the end of a main process that is nobody's child.
import { EPOLLIN } from '../addon/epoll.ts';
import { beginWatch, endWatch } from '../addon/watcher-events.ts';
import { EPERM, ESRCH } from '../base/errno.ts';
import { SystemdError } from '../base/errors.ts';
import { closeDescriptor, pidfdOpen } from '../descriptor/calls.ts';
import { readProcess, readRunning } from './proc.ts';

/** EPOLLHUP and EPOLLERR alone. */
const HANG_UP_ONLY = 0;

const hasErrno = (error: unknown, errno: number): boolean =>
  error instanceof SystemdError && error.errno === -errno;

/** Something that is waited for once. */
export interface Watch {
  /** Ends the waiting. The callback is not called any more. */
  close(): void;
}

class EpollWatch implements Watch {
  #id: number | undefined;
  readonly #onEnd: () => void;

  constructor(fd: number, events: number, callback: () => void, onEnd: () => void) {
    this.#onEnd = onEnd;
    const happened = () => {
      this.close();
      callback();
    };
    this.#id = beginWatch((native) => native.watch(fd, events), happened, 'epoll_ctl', fd);
  }

  close(): void {
    if (this.#id === undefined) return;
    endWatch(this.#id);
    this.#id = undefined;
    this.#onEnd();
  }
}

/** Waits for nothing: of what can't be polled nothing ever happens. */
class NoWatch implements Watch {
  close(): void {}
}

/** A process that has ended before it was watched. */
class EndedWatch implements Watch {
  readonly #onEnd: () => void;
  #isClosed = false;

  constructor(callback: () => void, onEnd: () => void) {
    this.#onEnd = onEnd;
    queueMicrotask(() => {
      if (this.#isClosed) return;
      this.close();
      callback();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#onEnd();
  }
}

/** How often a process is looked at, of whose end no descriptor tells, in milliseconds. */
const LOOK_INTERVAL = 50;

/**
 * A process that is looked at from time to time: in a sandbox without pidfd_open(2), and when no descriptor is left.
 */
class LookedAt implements Watch {
  readonly #onEnd: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(pid: number, callback: () => void, onEnd: () => void) {
    this.#onEnd = onEnd;
    const { startedAt } = readProcess(pid) ?? {};
    this.#timer = setInterval(() => {
      // Another process may have the pid by now.
      if (startedAt !== undefined && readRunning(pid)?.startedAt === startedAt) return;
      this.close();
      callback();
    }, LOOK_INTERVAL).unref();
  }

  close(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#onEnd();
  }
}

/**
 * A group of watches, which end together. Each callback is called once, from the event loop and never during the call
 * that adds it. No watch keeps the process alive. A watch has a copy of its descriptor, so the descriptor may be closed
 * meanwhile; but the open file stays open until the watch ends.
 */
export class Watches {
  readonly #open = new Set<Watch>();

  /** Makes a watch of this group, which calls `onEnd` when it ends. */
  #keep(make: (onEnd: () => void) => Watch): Watch {
    const watch = make(() => this.#open.delete(watch));
    this.#open.add(watch);
    return watch;
  }

  #add(fd: number, events: number, callback: () => void): Watch {
    return this.#keep((onEnd) => new EpollWatch(fd, events, callback, onEnd));
  }

  /**
   * Waits until a descriptor can be read: a connection waits, or a datagram.
   *
   * @throws SystemdError EPERM for a descriptor that can't be polled, such as a regular file
   */
  onReadable(fd: number, callback: () => void): Watch {
    return this.#add(fd, EPOLLIN, callback);
  }

  /**
   * Waits until a descriptor reports EPOLLHUP or EPOLLERR, as the manager does for those in its fd store. For a
   * descriptor that can't be polled, such as a regular file, the callback is never called.
   */
  onHangUp(fd: number, callback: () => void): Watch {
    try {
      return this.#add(fd, HANG_UP_ONLY, callback);
    } catch (error) {
      if (hasErrno(error, EPERM)) return new NoWatch();
      throw error;
    }
  }

  /**
   * Waits for the end of a process, by pidfd_open(2), or else by looks at it. It need not be a child. The callback is
   * also called for a process that does not exist any more.
   */
  onDeath(pid: number, callback: () => void): Watch {
    let pidfd: number | undefined;
    try {
      pidfd = pidfdOpen(pid);
      return this.#add(pidfd, EPOLLIN, callback);
    } catch (error) {
      return this.#keep((onEnd) =>
        hasErrno(error, ESRCH)
          ? new EndedWatch(callback, onEnd)
          : new LookedAt(pid, callback, onEnd),
      );
    } finally {
      if (pidfd !== undefined) closeDescriptor(pidfd);
    }
  }

  /** Ends all watches. */
  close(): void {
    for (const watch of this.#open) watch.close();
  }
}
