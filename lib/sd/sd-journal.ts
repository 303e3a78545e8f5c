// sd-journal(3), one to one: the functions that write, with C's names, argument order and meaning. The C functions are
// libsystemd's, or built in where the machine has no libsystemd.
import { nativeSockets } from '../addon/sockets.ts';
import { resultOrThrow } from '../base/errors.ts';
import { plainBytes } from '../base/plain-bytes.ts';
import { invalidType, outOfRange } from '../base/validate.ts';

/** libsystemd puts all fields on its stack, and ends the process when there are some 52,000. */
const MOST_FIELDS = 4_096;

function bytesOf(field: unknown): Uint8Array {
  return typeof field === 'string' ? Buffer.from(field) : plainBytes('fields', field);
}

/**
 * Sends an entry to the journal. The call waits while journald's queue is full, without limit while journald hangs;
 * `journal.send()` of `libsystemd/journal` never waits, and checks the names of the fields.
 *
 * Without a journal it does nothing. SYSLOG_IDENTIFIER= is added unless it is given, as in C: the name of the program,
 * `node`.
 *
 * @param fields - each `NAME=value`, as a string or as bytes. libsystemd takes at most 510, or 204 with line breaks
 * @throws SystemdError EINVAL for no field, one without a name or `=`, and for too many; ECONNREFUSED and others when
 * the entry can't be sent
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE for more than 4096 fields
 * @see sd_journal_sendv(3), version 187
 */
export function sd_journal_sendv(fields: readonly (string | Uint8Array)[]): void {
  if (!Array.isArray(fields))
    throw invalidType('fields', 'an array of strings or Uint8Arrays', fields);
  if (fields.length > MOST_FIELDS) {
    throw outOfRange('fields', `an array of at most ${MOST_FIELDS} fields`, fields.length);
  }
  const all = fields.map(bytesOf);
  const lengths = new Uint8Array(Uint32Array.from(all, ({ length }) => length).buffer);
  resultOrThrow(nativeSockets().sd_journal_sendv(Buffer.concat(all), lengths), 'sd_journal_sendv');
}

/**
 * Sends a text to the journal, with a priority. As in C, white space at the end of the text is cut off, and a text of
 * white space alone is not sent. The call waits as {@link sd_journal_sendv} does.
 *
 * C's function takes a printf format; here the text is never one. CODE_FILE= and the like, which C's macro adds, are
 * left out.
 *
 * @param priority - 0 (emerg) to 7 (debug)
 * @param message - the text
 * @throws SystemdError EINVAL for another priority; ENOBUFS for a text of 1 MiB or more; and the errors of
 * {@link sd_journal_sendv}
 * @see sd_journal_print(3), version 187
 */
export function sd_journal_print(priority: number, message: string): void {
  resultOrThrow(nativeSockets().sd_journal_print(priority, message), 'sd_journal_print');
}

/**
 * Opens a stream to the journal, of which each line is an entry. The caller closes it, such as by `fs.closeSync()`, and
 * can pass it to a child process as its standard output or standard error.
 *
 * @param identifier - SYSLOG_IDENTIFIER= of the entries, without a line break; null or undefined: none
 * @param priority - 0 (emerg) to 7 (debug), for lines without a priority of their own
 * @param level_prefix - true, or as in C a number other than 0: a line may begin with its priority, such as `<3>`
 * @returns the file descriptor
 * @throws SystemdError EINVAL for another priority; ENOENT, ECONNREFUSED and others when there is no journal
 * @see sd_journal_stream_fd(3), version 187
 */
export function sd_journal_stream_fd(
  identifier: string | null | undefined,
  priority: number,
  level_prefix: boolean | number,
): number {
  const result = nativeSockets().sd_journal_stream_fd(identifier, priority, level_prefix);
  return resultOrThrow(result, 'sd_journal_stream_fd');
}
