/**
 * The way from pino into the systemd journal: `pino(journalDestination())` in the program's own thread, or the
 * transport `pino({ transport: { target: 'libsystemd/pino' } })`.
 *
 * @module libsystemd/pino
 */
export type { SystemdErrorCode } from './base/error-codes.ts';
export { SystemdError } from './base/errors.ts';
export type { Fields, FieldValue } from './journal/field-values.ts';
export {
  type JournalDestination,
  type JournalDestinationOptions,
  journalDestination,
} from './journal/pino.ts';
export { default } from './journal/pino-transport.ts';
export type { Priority } from './journal/priority.ts';
export type { EntryOptions } from './journal/settings.ts';
