// The socket of this thread to journald. It is connected, because only then the kernel tells when there is room again. It is
// made anew when journald has a new socket.
import { nativeSockets } from '../addon/sockets.ts';
import {
  EACCES,
  EAGAIN,
  EFBIG,
  EINTR,
  EINVAL,
  EMFILE,
  EMSGSIZE,
  ENFILE,
  ENOBUFS,
  ENOMEM,
  ENOSYS,
  EPERM,
  ETOOMANYREFS,
} from '../base/errno.ts';
import { systemError } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';
import { encodeUnixAddress } from '../sd/sockaddr.ts';
import type { EntryBytes } from './entry-bytes.ts';

const PATH = '/run/systemd/journal/socket';

/** A later attempt may succeed. */
const PASSING = new Set(
  [EAGAIN, ENOMEM, ENFILE, EMFILE, ENOBUFS, ETOOMANYREFS].map((errno) => -errno),
);

/** This entry can't be sent. All other errors say that the socket is of no use. */
const OF_ENTRY = new Set([EPERM, EACCES, EINVAL, EFBIG, ENOSYS, EMSGSIZE].map((errno) => -errno));

const isOfSocket = (result: number) => result < 0 && !PASSING.has(result) && !OF_ENTRY.has(result);

/**
 * What came of an attempt to send an entry:
 *
 * - `sent`: journald has it
 * - `full`: journald's queue is full, or journald is away for a while
 * - `none`: there is no journal here
 */
export type Attempt = 'sent' | 'full' | 'none';

function attemptOf(result: number): Attempt {
  if (result >= 0) return 'sent';
  if (PASSING.has(result)) return 'full';
  throw systemError(result, 'sendmsg', { path: PATH });
}

/** True unless there is surely no journal. So a process without one does not load the add-on. */
function mayBeThere(): boolean {
  try {
    return process.platform === 'linux' && fs().existsSync(PATH);
  } catch {
    return true; // Node's permission model forbids the question
  }
}

export class JournalSocket {
  #fd = -1;
  /** True once there was a journal: from then on it can only be away. */
  #wasThere = false;

  /**
   * Sends an entry without waiting.
   *
   * @throws SystemdError when the entry can't be sent, now or later; ERR_SYSTEMD_ADDON when there is a journal, and no
   * file of the add-on can be loaded
   */
  send(entry: EntryBytes): Attempt {
    if (this.#fd >= 0) {
      const result = this.#write(entry);
      if (!isOfSocket(result)) return attemptOf(result);
      this.#close();
    }
    const opened = this.#open();
    if (opened < 0) return this.#wasThere || PASSING.has(opened) ? 'full' : 'none';
    const result = this.#write(entry);
    if (!isOfSocket(result)) return attemptOf(result);
    this.#close();
    return 'full';
  }

  /**
   * Waits until there may be room, for at most `timeout` milliseconds. For the end of a process, where no timer fires.
   *
   * @returns false when there is none; true also when a signal has ended the wait
   */
  waitForRoom(timeout: number): boolean {
    if (this.#fd < 0) return false;
    const result = nativeSockets().journal_wait(this.#fd, timeout);
    return result > 0 || result === -EINTR;
  }

  #write({ buffer, length }: EntryBytes): number {
    return nativeSockets().journal_send(this.#fd, buffer, length);
  }

  /** Returns 0 or more, or a negative errno. */
  #open(): number {
    if (!this.#wasThere && !mayBeThere()) return Number.NEGATIVE_INFINITY;
    const result = nativeSockets().journal_open(encodeUnixAddress(PATH));
    this.#fd = result < 0 ? -1 : result;
    if (result >= 0) this.#wasThere = true;
    return result;
  }

  #close(): void {
    nativeSockets().close_held(this.#fd);
    this.#fd = -1;
  }
}
