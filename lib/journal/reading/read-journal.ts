// readJournal(): the entries of the journal, from a child process.
import { ExportParser } from './export-parser.ts';
import { Journalctl } from './journalctl.ts';
import { journalctlError } from './journalctl-error.ts';
import { type Reading, type ReadJournalOptions, readingOf } from './options.ts';
import type { JournalRecord } from './record.ts';

/** What {@link readJournal} returns: to be iterated once. Also `return()` and `await using` end the reading. */
export interface JournalReader extends AsyncIterableIterator<JournalRecord>, AsyncDisposable {
  /**
   * Fetches the next entry. The first call starts journalctl. Several calls at once are answered in their order.
   *
   * @returns the entry; `done` at the end
   * @throws what {@link readJournal} says of its iteration
   */
  next(): Promise<IteratorResult<JournalRecord, undefined>>;
  /** Ends journalctl, and waits for its end. A pending `next()` resolves with `done`. */
  return(): Promise<IteratorResult<JournalRecord, undefined>>;
  /** Returns this object. */
  [Symbol.asyncIterator](): JournalReader;
}

const DONE = { done: true, value: undefined } as const;

class Reader implements JournalReader {
  readonly #reading: Reading;
  readonly #parser = new ExportParser();
  #journalctl: Journalctl | undefined;
  /** Entries that are parsed and not fetched yet: those of one chunk at most. */
  #records: JournalRecord[] = [];
  #fetched = 0;
  #isOver = false;
  /** The end of the last call of next(), because a caller may call it several times at once. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<JournalRecord, undefined>> {
    const result = this.#last.then(() => this.#next());
    this.#last = result.catch(() => {});
    return result;
  }

  async #next(): Promise<IteratorResult<JournalRecord, undefined>> {
    try {
      while (!this.#isOver) {
        this.#reading.signal?.throwIfAborted();
        const value = this.#records[this.#fetched++];
        if (value !== undefined) return { done: false, value };
        await this.#readMore();
      }
    } catch (error) {
      await this.return();
      throw error;
    }
    return DONE;
  }

  async #readMore(): Promise<void> {
    this.#journalctl ??= this.#start();
    const chunk = await this.#journalctl.read();
    this.#fetched = 0;
    this.#records = chunk === undefined ? [] : this.#parser.push(chunk);
    if (chunk !== undefined || this.#isOver) return;
    this.#reading.signal?.throwIfAborted();
    await this.#journalctl.end();
    if (!this.#parser.isAtStart) throw journalctlError('journalctl has ended within an entry');
    this.#finish();
  }

  #start(): Journalctl {
    this.#reading.signal?.addEventListener('abort', this.#abort, { once: true });
    return new Journalctl(this.#reading.args);
  }

  readonly #abort = (): void => void this.#journalctl?.kill();

  #finish(): void {
    this.#isOver = true;
    this.#records = [];
    this.#reading.signal?.removeEventListener('abort', this.#abort);
  }

  async return(): Promise<IteratorResult<JournalRecord, undefined>> {
    this.#finish();
    await this.#journalctl?.kill();
    return DONE;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

/**
 * Reads the journal, the oldest entry first, by a child process `journalctl --output=export`. In the process itself
 * sd_journal_next(3) would block the event loop, and end the process by SIGBUS where a file of the journal is truncated meanwhile.
 *
 * The child is started by the first `next()`. It is read no faster than the entries are fetched: the pipe has a buffer, and then
 * journalctl waits. The end of the iteration, by `break`, `return()` or an error, ends the child and waits for that.
 *
 * A user who is neither root nor in one of the groups `systemd-journal`, `adm` and `wheel` sees only its own entries.
 *
 * @param options - {@link ReadJournalOptions}; default {}: all entries
 * @returns an async iterable of {@link JournalRecord}. Its iteration rejects
 *
 * - with a SystemdError ERR_SYSTEMD_JOURNALCTL when journalctl fails, such as for a user who may read no file of the journal:
 * the message has what journalctl said. Also when it is killed, and when it writes something else than the export format
 * - with a SystemdError ENOENT, EMFILE and others when journalctl can't be started; E2BIG when a value has 128 KiB or more
 * - with the signal's reason when the signal is aborted
 * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong options
 * @see journalctl(1); systemd.journal-fields(7)
 */
export function readJournal(options: ReadJournalOptions = {}): JournalReader {
  return new Reader(readingOf(options));
}
