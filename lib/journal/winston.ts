// The way from winston into the journal: a transport.
import type { Writable } from 'node:stream';
import winston from 'winston';
import { util } from '../base/lazy-builtins.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { validateOptionalString, validateOptions } from '../base/validate.ts';
import { messageOf, stackOf } from '../base/warn.ts';
import { programName } from './entry.ts';
import { Entry } from './entry-bytes.ts';
import { addLoggedError, addRecord, jsonOf } from './log-record.ts';
import { INFO, type Priority, priorityNumber } from './priority.ts';
import { sender } from './sender.ts';
import { ENTRY_OPTIONS, type EntryOptions, type Settings, settingsOf } from './settings.ts';

/** Options of {@link JournalTransport}. */
export interface JournalTransportOptions extends EntryOptions {
  /**
   * The priorities of levels, by name, such as `{ audit: 'notice' }`. Default for the others: those of the same name; `error` err, `warn` warning, `http` info,
   * `verbose` and `silly` debug, `fatal` crit, and info for names that are unknown.
   */
  readonly levels?: Readonly<Record<string, Priority>> | undefined;
  /** What the names of fields begin with, such as `'APP_'`. Default: nothing. */
  readonly prefix?: string | undefined;
  /** winston's own: the least important level that is sent. Default: that of the logger. */
  readonly level?: string | undefined;
  /** winston's own: a format for this transport alone. Default: that of the logger. */
  readonly format?: unknown | undefined;
  /** winston's own: true sends nothing. Default false. */
  readonly silent?: boolean | undefined;
  /** winston's own: true sends uncaught errors too. Default false. */
  readonly handleExceptions?: boolean | undefined;
  /** winston's own: true sends unhandled rejections too. Default false. */
  readonly handleRejections?: boolean | undefined;
}

const OPTIONS: OptionNames<JournalTransportOptions> = {
  ...ENTRY_OPTIONS,
  levels: true,
  prefix: true,
  level: true,
  format: true,
  silent: true,
  handleExceptions: true,
  handleRejections: true,
};

/** The levels of winston's lists npm, cli and syslog that journald has by another name, and what other lists often have. */
const LEVELS: Readonly<Record<string, Priority>> = {
  ...{ emerg: 0, alert: 1, crit: 2, fatal: 2, critical: 2, error: 3, err: 3, warn: 4, warning: 4 },
  ...{ notice: 5, info: 6, http: 6, help: 6, data: 6, prompt: 6 },
  ...{ verbose: 7, debug: 7, input: 7, silly: 7, trace: 7 },
};

/** winston keeps the level under this key too, without colours. */
const LEVEL = Symbol.for('level');

/** Keys that become no field by their name. journald has a time of its own. */
const WITHOUT: ReadonlySet<string> = new Set([
  ...['level', 'message', 'timestamp', 'stack', 'error', 'err', 'cause'],
]);

type Info = Readonly<Record<PropertyKey, unknown>>;

/** Without colours, because journalctl -o json would print the message as an array of numbers. */
function textOf({ message }: Info): string {
  if (typeof message === 'string') return util().stripVTControlCharacters(message);
  const isPlain = typeof message === 'object' && stackOf(message) === undefined;
  return isPlain ? jsonOf(message) : messageOf(message);
}

function addErrorOf(entry: Entry, info: Info): void {
  const { error, err, message, stack } = info;
  const found =
    [error, err, message, info].find((one) => stackOf(one) !== undefined) ?? error ?? err;
  if (found !== undefined) addLoggedError(entry, found);
  else if (typeof stack === 'string') entry.add('ERROR_STACK', stack);
}

const Base = (winston as unknown as { readonly Transport: new (options: object) => Writable })
  .Transport;

/**
 * A transport of winston that writes into the journal: `createLogger({ transports: [new JournalTransport()] })`.
 *
 * - The level becomes the priority, so `journalctl -p err` finds `logger.error()`; its name is the field LEVEL.
 * - An error becomes ERROR_TYPE, ERROR_MESSAGE, ERROR_STACK and more.
 * - Each other key becomes a field: `requestId` becomes REQUESTID. A nested object is JSON.
 * - `timestamp` and colours are left out, because journald has its own time, and shows its own colours.
 * - A key cannot choose the priority or the identifier: `priority` becomes LOG_PRIORITY.
 * - Where there is no journal, the transport does nothing.
 *
 * @see sd_journal_send(3), version 187; systemd.journal-fields(7)
 */
export class JournalTransport extends Base {
  readonly #settings: Settings;
  readonly #levels: Readonly<Record<string, Priority>>;
  readonly #prefix: string;

  /**
   * @param options - default {}
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong options
   */
  constructor(options: JournalTransportOptions = {}) {
    const taken = takeOptions(options, OPTIONS, 'JournalTransport');
    const { levels = {}, prefix = '' } = taken;
    const { level, format, silent, handleExceptions, handleRejections } = taken;
    super({ level, format, silent, handleExceptions, handleRejections });
    validateOptions(levels, 'options.levels');
    validateOptionalString('options.prefix', prefix);
    for (const [name, priority] of Object.entries(levels)) {
      priorityNumber(priority, `options.levels.${name}`);
    }
    this.#levels = Object.assign(Object.create(null), LEVELS, levels);
    this.#prefix = prefix;
    this.#settings = settingsOf(taken);
  }

  /** winston calls this for each entry. */
  log(info: Readonly<Record<PropertyKey, unknown>>, callback: () => void): void {
    setImmediate(() => this.emit('logged', info));
    const { account } = this.#settings;
    sender().send(this.#entryOf(info).encode(), account);
    callback();
  }

  /** Waits until journald has all entries, or 5 seconds: `logger.end()` comes here. */
  override _final(callback: (error?: Error | null) => void): void {
    sender()
      .flush()
      .then(() => callback(), callback);
  }

  /** How many entries wait for journald. */
  get waiting(): number {
    return this.#settings.account.waiting;
  }

  /** How many entries were dropped. */
  get dropped(): number {
    return this.#settings.account.dropped;
  }

  #entryOf(info: Info): Entry {
    const { common, identifier } = this.#settings;
    const level = String(info[LEVEL] ?? info['level']);
    const entry = new Entry(common);
    entry.add('MESSAGE', textOf(info));
    const priority = this.#levels[level] ?? INFO;
    entry.add('PRIORITY', String(priorityNumber(priority, 'priority')));
    entry.add('SYSLOG_IDENTIFIER', identifier ?? programName());
    entry.add('LEVEL', level);
    addErrorOf(entry, info);
    addRecord(entry, info as Readonly<Record<string, unknown>>, WITHOUT, this.#prefix);
    return entry;
  }
}
