// The names of fields: which ones journald keeps, and a valid name for any text.
import { excerpt, invalidValue } from '../base/validate.ts';

/** journald drops a field with a longer name. */
const LONGEST = 64;

const VALID = /^[A-Z][A-Z\d_]{0,63}$/;

/** The fields that an entry has by its other properties: the property of each. */
const PROPERTIES = new Map([
  ['MESSAGE', 'message'],
  ['PRIORITY', 'priority'],
  ['SYSLOG_IDENTIFIER', 'identifier'],
  ['MESSAGE_ID', 'messageId'],
]);

/** The fields that are part of the rule of {@link isReserved}, beside those of {@link PROPERTIES}. */
const MEANT_FOR_JOURNALD = /^(CODE_(FILE|LINE|FUNC)|SYSLOG_\w+|OBJECT_\w+)$/;

/**
 * True for a name with a meaning that data from outside must not choose: what the entry says of itself, where it came from, and the
 * process that it is about, of which journald adds facts when root asks for it (OBJECT_PID=).
 */
export function isReserved(name: string): boolean {
  return PROPERTIES.has(name) || MEANT_FOR_JOURNALD.test(name);
}

/** The names that were found to be valid, because a program uses the same few all the time. */
const known = new Set<string>();
const MOST_KNOWN = 1_000;

/**
 * Throws unless journald would keep a field of this name: it drops others, and says nothing.
 *
 * @throws TypeError ERR_INVALID_ARG_VALUE
 */
export function validateFieldName(name: string): void {
  if (known.has(name)) return;
  if (!VALID.test(name)) {
    const rule = `a name of A-Z, 0-9 and _ that begins with a letter and has at most ${LONGEST} characters, because journald drops other fields; fieldName() makes such a name`;
    throw invalidValue(`fields.${excerpt(name)}`, rule, name);
  }
  const property = PROPERTIES.get(name);
  if (property !== undefined) {
    throw invalidValue(`fields.${name}`, `given as the property "${property}"`, name);
  }
  if (known.size < MOST_KNOWN) known.add(name);
}

/**
 * Makes a name that journald keeps of any text: in capitals, with `_` for all other characters but digits, without `_` at the
 * beginning, and with at most 64 characters.
 *
 * - `fieldName('requestId')`: `'REQUESTID'`
 * - `fieldName('http.status-code')`: `'HTTP_STATUS_CODE'`
 * - `fieldName('2fa')`: `'N2FA'`, because a name begins with a letter
 * - `fieldName('')` and other texts without a letter or digit of ASCII: `'FIELD'`
 *
 * Two texts may get the same name; then the entry has the field twice.
 *
 * @param text - such as the key of an object
 * @returns the name
 * @see systemd.journal-fields(7)
 */
export function fieldName(text: string): string {
  const name = `${text}`
    .slice(0, 2 * LONGEST)
    .replace(/[^A-Za-z\d]/g, '_')
    .replace(/^_+/, '')
    .toUpperCase();
  if (name === '') return 'FIELD';
  return (/^\d/.test(name) ? `N${name}` : name).slice(0, LONGEST);
}
