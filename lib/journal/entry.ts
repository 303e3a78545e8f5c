// An entry as a program gives it, checked and put together.
import { path } from '../base/lazy-builtins.ts';
import { type OptionNames, unknownName } from '../base/options.ts';
import {
  invalidType,
  invalidValue,
  validateOptionalString,
  validateOptions,
} from '../base/validate.ts';
import { messageOf } from '../base/warn.ts';
import type { Entry } from './entry-bytes.ts';
import { addError } from './error-fields.ts';
import { addFields, checkCount, type Fields } from './field-values.ts';
import { ERR, INFO, type Priority, priorityNumber } from './priority.ts';

/** An entry of the journal, as {@link Journal.send} takes it. */
export interface JournalEntry {
  /** The text (MESSAGE=), of any number of lines. Default: that of `error`, which must be there then. */
  readonly message?: string | undefined;
  /** How important it is (PRIORITY=). Default: `'err'` with an `error`, `'info'` without. */
  readonly priority?: Priority | undefined;
  /** Who says it (SYSLOG_IDENTIFIER=), for `journalctl -t`. Default: that of the journal. */
  readonly identifier?: string | undefined;
  /**
   * What kind of entry it is (MESSAGE_ID=): 32 hexadecimal digits, which `systemd-id128 new` makes once for a kind. Default: none.
   *
   * @see sd_journal_print(3), version 187; systemd.journal-fields(7)
   */
  readonly messageId?: string | undefined;
  /**
   * An error, or any other value that was thrown. It becomes the fields ERROR_TYPE, ERROR_MESSAGE, ERROR_CODE, ERRNO, and
   * ERROR_STACK with the stacks of its causes. Default: none.
   */
  readonly error?: unknown | undefined;
  /** More fields, beside those of the journal. Default: none. */
  readonly fields?: Fields | undefined;
}

const ENTRY_PROPERTIES: OptionNames<JournalEntry> = {
  message: true,
  priority: true,
  identifier: true,
  messageId: true,
  error: true,
  fields: true,
};

const MESSAGE_ID = /^[\da-f]{32}$/;

/** Own properties alone are read, because somebody may have put one of these names on Object.prototype. */
function takeEntry(entry: JournalEntry): Partial<Record<keyof JournalEntry, unknown>> {
  validateOptions(entry, 'entry');
  if (entry instanceof Error) throw invalidType('entry', 'an entry, such as { error }', entry);
  const taken = Object.create(null) as Record<string, unknown>;
  for (const name of Object.keys(entry)) {
    const value = (entry as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (!Object.hasOwn(ENTRY_PROPERTIES, name)) {
      throw unknownName('entry', name, 'a property of an entry', Object.keys(ENTRY_PROPERTIES));
    }
    taken[name] = value;
  }
  return taken;
}

function messageOfEntry(message: unknown, error: unknown): string {
  if (message === undefined && error !== undefined) return messageOf(error);
  if (typeof message === 'string') return message;
  const unless = message === undefined ? ', unless the entry has an error' : '';
  throw invalidType('entry.message', `of type string${unless}`, message);
}

function messageIdOf(id: unknown): string {
  const text = typeof id === 'string' ? id.replaceAll('-', '').toLowerCase() : '';
  if (MESSAGE_ID.test(text)) return text;
  throw invalidValue('entry.messageId', '32 hexadecimal digits, made by `systemd-id128 new`', id);
}

let ownName: string | undefined;

/** The name of the program that runs: C's program_invocation_short_name. */
export function programName(): string {
  ownName ??= path().basename(process.argv0);
  return ownName;
}

/**
 * Adds the fields of an entry.
 *
 * @param by - who says it, unless the entry tells
 */
export function addEntry(entry: Entry, given: JournalEntry, by: string | undefined): void {
  const { message, priority, identifier, messageId, error, fields } = takeEntry(given);
  validateOptionalString('entry.identifier', identifier);
  entry.add('MESSAGE', messageOfEntry(message, error));
  const byDefault = error === undefined ? INFO : ERR;
  const number = priority === undefined ? byDefault : priorityNumber(priority, 'entry.priority');
  entry.add('PRIORITY', String(number));
  entry.add('SYSLOG_IDENTIFIER', identifier ?? by ?? programName());
  if (messageId !== undefined) entry.add('MESSAGE_ID', messageIdOf(messageId));
  if (error !== undefined) addError(entry, error);
  if (fields !== undefined) addFields(entry, fields as Fields);
  checkCount(entry);
}
