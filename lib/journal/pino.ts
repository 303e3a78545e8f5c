// The way from pino into the journal: its lines of JSON become entries.
import { type OptionNames, takeOptions } from '../base/options.ts';
import { invalidType, validateOptionalString, validateOptions } from '../base/validate.ts';
import { programName } from './entry.ts';
import { Entry } from './entry-bytes.ts';
import { addLoggedError, addRecord, jsonOf } from './log-record.ts';
import { CRIT, DEBUG, ERR, INFO, type Priority, priorityNumber, WARNING } from './priority.ts';
import { sender } from './sender.ts';
import { ENTRY_OPTIONS, type EntryOptions, type Settings, settingsOf } from './settings.ts';

/** Options of {@link journalDestination}, and of the transport `libsystemd/pino`. */
export interface JournalDestinationOptions extends EntryOptions {
  /**
   * The priorities of levels, by number or label, such as `{ 35: 'notice' }`. Default for the others: from 60 on (`fatal`) crit, from 50 err, from
   * 40 warning, from 30 info, below debug.
   */
  readonly levels?: Readonly<Record<string, Priority>> | undefined;
  /** What the names of fields begin with, such as `'APP_'`. Default: nothing. */
  readonly prefix?: string | undefined;
  /** The logger's `messageKey`. Default `'msg'`. */
  readonly messageKey?: string | undefined;
  /** The logger's `errorKey`. Default `'err'`. */
  readonly errorKey?: string | undefined;
  /** Where lines go when there is no journal, such as in a container: `'stdout'`, or a stream. Default `'stdout'`. */
  readonly fallback?: 'stdout' | NodeJS.WritableStream | undefined;
}

const OPTIONS: OptionNames<JournalDestinationOptions> = {
  ...ENTRY_OPTIONS,
  levels: true,
  prefix: true,
  messageKey: true,
  errorKey: true,
  fallback: true,
};

/** What pino writes to. */
export interface JournalDestination {
  /** True, by which pino knows a stream when it is the only argument. */
  readonly writable: boolean;
  /**
   * Sends a line of JSON as an entry, and never waits.
   *
   * @param line - what pino has written; text that is no JSON becomes the message
   * @returns true, whatever becomes of the entry: see {@link JournalDestination.dropped}
   * @throws SystemdError ERR_SYSTEMD_ADDON when there is a journal, and the add-on of this package can't be loaded
   */
  write(line: string): boolean;
  /** Calls back when journald has all entries of this thread, or 5 seconds later: `logger.flush()` calls this. */
  flush(callback?: (error?: Error | null) => void): void;
  /** Sends the entries that wait, as long as journald reads, for at most 5 seconds. */
  flushSync(): void;
  /** How many entries wait for journald. */
  readonly waiting: number;
  /** How many entries were dropped. */
  readonly dropped: number;
}

/** The labels of pino's own levels, for loggers that write labels (`formatters.level`). */
const LABELS: Readonly<Record<string, number>> = {
  ...{ trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 },
};

/** pino sets `lastLevel` of a destination that has this property. */
const METADATA = Symbol.for('pino.metadata');

type Levels = ReadonlyMap<string, number>;

/** The priority of a level: its number, or what the line has, which may be a label. */
function priorityOf(levels: Levels, level: unknown, lastLevel: unknown): number {
  for (const one of [level, lastLevel]) {
    const known = levels.get(String(one));
    if (known !== undefined) return known;
  }
  const label = typeof level === 'string' && Object.hasOwn(LABELS, level) ? LABELS[level] : level;
  const number = Number(typeof label === 'number' ? label : lastLevel);
  if (number >= 60) return CRIT;
  if (number >= 50) return ERR;
  if (number >= 40) return WARNING;
  return number < 30 ? DEBUG : INFO;
}

/** The object of a line; undefined when it is none, as with pino-pretty. */
function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** How a line becomes an entry. */
interface Reader extends Settings {
  readonly levels: Levels;
  readonly prefix: string;
  readonly messageKey: string;
  readonly errorKey: string;
  /** The keys that become no field by their name. */
  readonly without: ReadonlySet<string>;
}

function levelsOf(levels: Readonly<Record<string, Priority>>): Levels {
  validateOptions(levels, 'options.levels');
  return new Map(
    Object.entries(levels).map(([level, priority]) => [
      level,
      priorityNumber(priority, `options.levels.${level}`),
    ]),
  );
}

function readerOf(options: JournalDestinationOptions): Reader {
  const { levels = {}, prefix = '', messageKey = 'msg', errorKey = 'err' } = options;
  for (const [name, value] of Object.entries({ prefix, messageKey, errorKey })) {
    validateOptionalString(`options.${name}`, value);
  }
  // journald has its own time, pid and host of an entry, which nobody can forge.
  const without = new Set(['time', 'pid', 'hostname', messageKey, errorKey]);
  const settings = settingsOf(options);
  return { ...settings, levels: levelsOf(levels), prefix, messageKey, errorKey, without };
}

/** What an entry says when the record has no text: the record itself. */
function messageOfRecord(record: Record<string, unknown>, { messageKey, without }: Reader): string {
  const message = record[messageKey];
  if (typeof message === 'string') return message;
  if (message !== undefined) return jsonOf(message);
  const rest = Object.entries(record).filter(([key]) => !without.has(key) && key !== 'level');
  return jsonOf(Object.fromEntries(rest));
}

function entryOf(line: string, lastLevel: unknown, reader: Reader): Entry {
  const record = parse(line);
  const entry = new Entry(reader.common);
  entry.add('MESSAGE', record === undefined ? line.trimEnd() : messageOfRecord(record, reader));
  entry.add('PRIORITY', String(priorityOf(reader.levels, record?.['level'], lastLevel)));
  entry.add('SYSLOG_IDENTIFIER', reader.identifier ?? programName());
  if (record === undefined) return entry;
  if (record[reader.errorKey] !== undefined) addLoggedError(entry, record[reader.errorKey]);
  addRecord(entry, record, reader.without, reader.prefix);
  return entry;
}

function fallbackOf({ fallback = 'stdout' }: JournalDestinationOptions) {
  if (fallback === 'stdout') return (line: string) => process.stdout.write(line);
  if (typeof fallback?.write === 'function') return (line: string) => fallback.write(line);
  throw invalidType('options.fallback', "'stdout' or a stream that can be written to", fallback);
}

/**
 * Makes a destination for pino that writes into the journal: `pino(journalDestination())`. It runs in the program's own thread, so nothing is
 * lost when the program ends, and costs less than a transport.
 *
 * - The level becomes the priority, so `journalctl -p err` finds `logger.error()`.
 * - `err` becomes ERROR_TYPE, ERROR_MESSAGE, ERROR_STACK and more.
 * - Each other key becomes a field: `requestId` becomes REQUESTID. A nested object is JSON. Bindings of child loggers,
 * serializers and redaction have been applied.
 * - `time`, `pid` and `hostname` are left out, because journald has its own.
 * - A key cannot choose the priority or the identifier: `priority` becomes LOG_PRIORITY.
 *
 * @param options - default {}
 * @returns what pino takes as its stream
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong options
 * @see sd_journal_send(3), version 187; systemd.journal-fields(7)
 */
export function journalDestination(options: JournalDestinationOptions = {}): JournalDestination {
  const taken = takeOptions(options, OPTIONS, 'journalDestination()');
  const reader = readerOf(taken);
  const fall = fallbackOf(taken);
  const { account } = reader;
  const destination = {
    [METADATA]: true,
    // pino(destination) takes an object without this for its options.
    writable: true,
    lastLevel: undefined as unknown,
    write(line: string): boolean {
      const entry = entryOf(line, destination.lastLevel, reader);
      if (sender().send(entry.encode(), account) === 'none') fall(line);
      return true;
    },
    flush(callback: (error?: Error | null) => void = () => {}): void {
      sender()
        .flush()
        .then(() => callback(), callback);
    },
    flushSync: () => sender().sendWhileReading(),
    get waiting() {
      return account.waiting;
    },
    get dropped() {
      return account.dropped;
    },
  };
  return destination;
}
