// The values of fields: adds what the caller gave to an entry.
import { plainBytes } from '../base/plain-bytes.ts';
import { excerpt, invalidType, outOfRange, validateOptions } from '../base/validate.ts';
import type { Entry } from './entry-bytes.ts';
import { validateFieldName } from './field-names.ts';

/** The value of a field: a text, or bytes. An array makes a field of each of its elements; undefined and null make none. */
export type FieldValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | null
  | undefined
  | readonly (string | number | bigint | boolean | Uint8Array | null | undefined)[];

/** Fields by their names, which consist of A-Z, 0-9 and `_`, and begin with a letter. */
export type Fields = Readonly<Record<string, FieldValue>>;

/** journald drops an entry with more fields, and says nothing. */
const MOST_FIELDS = 1_024;

const EXPECTED =
  'a string, number, bigint, boolean or Uint8Array, or an array of these; JSON.stringify() makes a text of another value';

function addValue(entry: Entry, name: string, value: unknown): void {
  if (typeof value === 'string') entry.add(name, value);
  else if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    entry.add(name, String(value));
  } else if (ArrayBuffer.isView(value)) {
    entry.addBytes(name, Uint8Array.from(plainBytes(`fields.${name}`, value)));
  } else if (value !== undefined && value !== null) {
    throw invalidType(`fields.${excerpt(name)}`, EXPECTED, value);
  }
}

function addValues(entry: Entry, name: string, values: readonly unknown[]): void {
  if (values.length > MOST_FIELDS) throw tooMany(values.length);
  for (const value of values) addValue(entry, name, value);
}

function tooMany(count: number): RangeError {
  const most = `so few that the entry has at most ${MOST_FIELDS}, because journald drops others`;
  return outOfRange('fields', most, count);
}

/** @throws RangeError ERR_OUT_OF_RANGE when the entry has more fields than journald takes */
export function checkCount({ count }: Entry): void {
  if (count > MOST_FIELDS) throw tooMany(count);
}

/**
 * Adds fields to an entry.
 *
 * @throws TypeError ERR_INVALID_ARG_VALUE for a name that journald would drop; ERR_INVALID_ARG_TYPE for another value
 */
export function addFields(entry: Entry, fields: Fields): void {
  validateOptions(fields, 'fields');
  if (fields instanceof Map) throw invalidType('fields', 'a plain object', fields);
  for (const name of Object.keys(fields)) {
    validateFieldName(name);
    const value = fields[name];
    if (Array.isArray(value)) addValues(entry, name, value);
    else addValue(entry, name, value);
    checkCount(entry);
  }
}
