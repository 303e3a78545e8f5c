// The sender: sends the entries of this thread in their order, and no call waits for journald.
//
// While journald's queue is full, entries wait here, and a timer sends them later.
import { LONGEST_TIMER, now } from '../base/clock.ts';
import { isExhausted, SystemdError } from '../base/errors.ts';
import { processState } from '../base/process-state.ts';
import type { Account } from './account.ts';
import type { EntryBytes } from './entry-bytes.ts';
import { Losses } from './losses.ts';
import { type Attempt, JournalSocket } from './socket.ts';
import { WaitingEntries } from './waiting-entries.ts';

/** After this many entries the event loop gets its turn. journald's queue takes no more at once (net.unix.max_dgram_qlen). */
const MOST_PER_TURN = 512;

/** Milliseconds from one attempt to the next. Each attempt without a success doubles the delay. */
const FIRST_DELAY = 1;
const LONGEST_DELAY = 64;

/** Milliseconds without progress for which a process with nothing else to do stays alive. */
const PATIENCE = 1_000;

/** Milliseconds that an exiting process waits for room without progress, and in all. */
const EXIT_PATIENCE = 1_000;
const EXIT_PATIENCE_IN_ALL = 5_000;

/** Milliseconds that a flush waits by default. */
const FLUSH_TIMEOUT = 5_000;

/** journald drops a longer entry of an ordinary user, and says nothing (DATA_SIZE_MAX of systemd 257). */
const LONGEST_ENTRY = 32 * 1024 * 1024;

/**
 * What has become of an entry:
 *
 * - `sent`: journald has it
 * - `waits`: it will be sent
 * - `dropped`: it is lost, and counted
 * - `none`: there is no journal here
 */
export type Outcome = 'sent' | 'waits' | 'dropped' | 'none';

interface Flush {
  /** How many entries must have gone. */
  readonly until: number;
  readonly settle: (isDone: boolean) => void;
}

class Sender {
  readonly #socket = new JournalSocket();
  readonly #waiting = new WaitingEntries();
  readonly #losses = new Losses();
  readonly #flushes = new Set<Flush>();
  #timer: NodeJS.Timeout | undefined;
  #delay = FIRST_DELAY;
  #lastProgress = 0;
  #isExiting = false;
  /** When the exiting process waits no longer; undefined before it has begun to wait. */
  #exitEnd: number | undefined;
  #watchesExit = false;

  send(entry: EntryBytes, account: Account): Outcome {
    this.#watchExit();
    if (entry.length > LONGEST_ENTRY) return this.#drop(account, tooLong(entry.length));
    if (this.#waiting.size > 0 && account.isFull) this.#handOver(MOST_PER_TURN);
    const attempt = this.#waiting.size > 0 ? 'full' : this.#attempt(entry, account);
    if (attempt === 'sent') this.#losses.tell();
    if (attempt !== 'full') return attempt;
    if (!this.#waiting.hasRoomFor(entry, account)) return this.#drop(account);
    this.#waiting.add(entry, account);
    if (this.#isExiting) this.#finish();
    else this.#schedule();
    return 'waits';
  }

  /** Resolves with true once all entries that wait now have gone; with false after `timeout` milliseconds. */
  flush(timeout = FLUSH_TIMEOUT): Promise<boolean> {
    if (this.#waiting.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (isDone: boolean) => {
        clearTimeout(timer);
        this.#flushes.delete(flush);
        resolve(isDone);
      };
      const flush = { until: this.#waiting.come, settle };
      const timer = setTimeout(settle, Math.min(timeout, LONGEST_TIMER), false);
      this.#flushes.add(flush);
    });
  }

  #attempt(entry: EntryBytes, account: Account): Attempt | 'dropped' {
    try {
      return this.#socket.send(entry);
    } catch (error) {
      if (isExhausted(error)) return 'full'; // no descriptor is left to load the add-on
      // Without the add-on no entry ever gets into the journal: that is for the caller.
      if (error instanceof SystemdError && error.errno === undefined) throw error;
      return this.#drop(account, error);
    }
  }

  #drop(account: Account, cause?: unknown): 'dropped' {
    account.dropped++;
    this.#losses.add(cause);
    if (this.#isExiting) this.#losses.tellAtExit();
    return 'dropped';
  }

  /** Hands over at most `most` entries that wait. Returns how many do not wait any more. */
  #handOver(most: number): number {
    let count = 0;
    for (; count < most; count++) {
      const { oldest } = this.#waiting;
      if (oldest === undefined) break;
      const attempt = this.#attempt(oldest, oldest.account);
      if (attempt === 'full') break;
      if (attempt === 'none') this.#drop(oldest.account);
      this.#waiting.remove();
    }
    for (const flush of this.#flushes) if (flush.until <= this.#waiting.gone) flush.settle(true);
    if (count > 0 && !this.#isExiting) this.#losses.tell();
    return count;
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    this.#lastProgress = now();
    this.#delay = FIRST_DELAY;
    this.#plan();
  }

  #plan(): void {
    this.#timer = setTimeout(() => this.#retry(), this.#delay);
    if (now() - this.#lastProgress > PATIENCE) this.#timer.unref();
  }

  #retry(): void {
    const hasProgress = this.#handOver(MOST_PER_TURN) > 0;
    this.#timer = undefined;
    if (this.#waiting.size === 0) return;
    if (hasProgress) this.#lastProgress = now();
    this.#delay = hasProgress ? FIRST_DELAY : Math.min(this.#delay * 2, LONGEST_DELAY);
    this.#plan();
  }

  #watchExit(): void {
    if (this.#watchesExit) return;
    this.#watchesExit = true;
    process.once('exit', () => {
      this.#isExiting = true;
      this.#finish();
    });
  }

  /**
   * Sends what journald takes, and waits for it as long as it reads.
   *
   * @param end - when it waits no longer; default: in 5 seconds
   */
  sendWhileReading(end = now() + EXIT_PATIENCE_IN_ALL): void {
    do {
      this.#handOver(Number.POSITIVE_INFINITY);
      if (this.#waiting.size === 0 || now() > end) break;
    } while (this.#socket.waitForRoom(EXIT_PATIENCE));
  }

  /** What does not go now is lost. */
  #finish(): void {
    this.#exitEnd ??= now() + EXIT_PATIENCE_IN_ALL;
    this.sendWhileReading(this.#exitEnd);
    // What the program sends while it ends does not wait again.
    if (this.#waiting.size > 0) this.#exitEnd = Number.NEGATIVE_INFINITY;
    for (let { oldest } = this.#waiting; oldest !== undefined; { oldest } = this.#waiting) {
      oldest.account.dropped++;
      this.#losses.add();
      this.#waiting.remove();
    }
    this.#losses.tellAtExit();
  }
}

function tooLong(length: number): Error {
  return new Error(`it has ${length} bytes, and journald takes ${LONGEST_ENTRY}`);
}

/** One for all copies of this package in this thread, so that entries keep their order. */
export const sender = (): Sender => processState('journal', () => new Sender());
