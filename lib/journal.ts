/**
 * Entries of the systemd journal: with priorities, with fields of their own, and in one piece however many lines they have. No call
 * waits for journald, and nothing in a value can forge another field.
 *
 * @module libsystemd/journal
 */
export type { SystemdErrorCode } from './base/error-codes.ts';
export { SystemdError } from './base/errors.ts';
export {
  type JournalConsole,
  type JournalConsoleOptions,
  journalConsole,
} from './journal/console.ts';
export type { JournalEntry } from './journal/entry.ts';
export { fieldName } from './journal/field-names.ts';
export type { Fields, FieldValue } from './journal/field-values.ts';
export {
  createJournal,
  type FlushOptions,
  type Journal,
  type JournalOptions,
  journal,
} from './journal/journal.ts';
export type { Priority } from './journal/priority.ts';
export type { ReadJournalOptions } from './journal/reading/options.ts';
export { type JournalReader, readJournal } from './journal/reading/read-journal.ts';
export type { JournalRecord, RecordValue } from './journal/reading/record.ts';
export type { EntryOptions } from './journal/settings.ts';
export { levelPrefix } from './journal/stream.ts';
