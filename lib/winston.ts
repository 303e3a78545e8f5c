/**
 * The way from winston into the systemd journal: `createLogger({ transports: [new JournalTransport()] })`.
 *
 * @module libsystemd/winston
 */
export type { SystemdErrorCode } from './base/error-codes.ts';
export { SystemdError } from './base/errors.ts';
export type { Fields, FieldValue } from './journal/field-values.ts';
export type { Priority } from './journal/priority.ts';
export type { EntryOptions } from './journal/settings.ts';
export { JournalTransport, type JournalTransportOptions } from './journal/winston.ts';
