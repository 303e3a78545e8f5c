// createJournal(): sends entries to the journal, with options of its own.
import { type OptionNames, takeOptions } from '../base/options.ts';
import { validateBoolean, validateMilliseconds } from '../base/validate.ts';
import { addCallSite } from './call-site.ts';
import { addEntry, type JournalEntry } from './entry.ts';
import { Entry } from './entry-bytes.ts';
import { sender } from './sender.ts';
import { ENTRY_OPTIONS, type EntryOptions, settingsOf } from './settings.ts';
import { isStream } from './stream.ts';

/** Options of {@link createJournal}. */
export interface JournalOptions extends EntryOptions {
  /** True adds where in the program `send()` was called: CODE_FILE, CODE_LINE, CODE_FUNC. It takes some microseconds. Default false. */
  readonly location?: boolean | undefined;
}

/** Options of {@link Journal.flush}. */
export interface FlushOptions {
  /** The milliseconds to wait at most. Default 5000. */
  readonly timeout?: number | undefined;
}

/** Sends entries to the journal: {@link journal}, or what {@link createJournal} returns. */
export interface Journal {
  /**
   * Sends an entry. The call never waits for journald, and does not throw when journald fails.
   *
   * - true: journald has the entry, or it waits for journald: its queue is full, or it is being restarted. What waits is
   * sent later, in its order.
   * - false: there is no journal here, or the entry was dropped, see {@link Journal.dropped}.
   *
   * @param entry - its message or error, and more
   * @returns true or false, as above
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for a value of the wrong type, a property that an entry
   * does not have, and the name of a field that journald would drop
   * @throws RangeError ERR_OUT_OF_RANGE for more than 1,024 fields in all
   * @throws SystemdError ERR_SYSTEMD_ADDON when there is a journal, and the add-on of this package can't be loaded
   * @see sd_journal_send(3), version 187; systemd.journal-fields(7)
   */
  send(entry: JournalEntry): boolean;
  /** How many entries of this journal wait for journald. */
  readonly waiting: number;
  /**
   * How many entries of this journal were dropped: more than `maxWaiting` waited, or 64 MiB in all, or one had more than 32
   * MiB, or the process ended. A process warning (ERR_SYSTEMD_JOURNAL) tells of them too.
   */
  readonly dropped: number;
  /**
   * Waits until journald has all entries of this thread that wait now.
   *
   * - true: it has them, or none waited.
   * - false: the timeout has passed.
   *
   * @param options - default {}: a timeout of 5 seconds
   * @returns true or false, as above
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong options
   */
  flush(options?: FlushOptions): Promise<boolean>;
  /**
   * Tells whether standard output (1) or standard error (2) goes to the journal, so that its lines may have a
   * {@link levelPrefix}.
   *
   * @param fd - 1 or 2
   * @returns true when the descriptor is the stream that JOURNAL_STREAM= names; false when it is another one, such as a
   * terminal, or a pipe to another program
   * @throws TypeError ERR_INVALID_ARG_VALUE for another number
   * @see systemd.exec(5), JOURNAL_STREAM of systemd 231
   */
  isStream(fd: 1 | 2): boolean;
}

const JOURNAL_OPTIONS: OptionNames<JournalOptions> = { ...ENTRY_OPTIONS, location: true };

const FLUSH_OPTIONS: OptionNames<FlushOptions> = { timeout: true };

async function flush(options: FlushOptions = {}): Promise<boolean> {
  const { timeout } = takeOptions(options, FLUSH_OPTIONS, 'flush()');
  if (timeout !== undefined) validateMilliseconds('options.timeout', timeout);
  return await sender().flush(timeout);
}

/**
 * Makes a {@link Journal} with options of its own. All journals of a thread share one socket and one order.
 *
 * @param options - see {@link JournalOptions}; default {}
 * @returns a journal, whose `waiting` and `dropped` count its own entries
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong options, and for fields as
 * {@link Journal.send} does
 * @see sd_journal_send(3), version 187
 */
export function createJournal(options: JournalOptions = {}): Journal {
  const taken = takeOptions(options, JOURNAL_OPTIONS, 'createJournal()');
  const { location = false } = taken;
  validateBoolean('options.location', location);
  const { common, identifier, account } = settingsOf(taken);
  const send = (given: JournalEntry): boolean => {
    const entry = new Entry(common);
    if (location) addCallSite(entry, send);
    addEntry(entry, given, identifier);
    const outcome = sender().send(entry.encode(), account);
    return outcome === 'sent' || outcome === 'waits';
  };
  return {
    send,
    get waiting() {
      return account.waiting;
    },
    get dropped() {
      return account.dropped;
    },
    flush,
    isStream,
  };
}

/**
 * The journal of this machine, with the default options of {@link createJournal}. The first entry opens a socket; the import does nothing.
 *
 * @see sd_journal_send(3), version 187; systemd-journald.service(8)
 */
export const journal: Journal = /* @__PURE__ */ createJournal();
