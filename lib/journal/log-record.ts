// The fields of an object that a logger has made: its keys as names, its values as text. No value's own code can make a log
// call throw.
import { util } from '../base/lazy-builtins.ts';
import { messageOf, stackOf } from '../base/warn.ts';
import type { Entry } from './entry-bytes.ts';
import { addError } from './error-fields.ts';
import { fieldName, isReserved } from './field-names.ts';
import { MOST_COMMON_FIELDS } from './settings.ts';

/** An entry that has more fields than journald takes would be lost. The keys behind these become one field, such as FURTHER_FIELDS. */
const MOST_FIELDS = MOST_COMMON_FIELDS;

/** The names for keys, because a program logs the same few all the time. Keys from outside may be many, and long. */
const known = new Map<string, string>();
const MOST_KNOWN = 1_000;
const LONGEST_KNOWN = 64;

/**
 * The name for a key. Data from outside must not choose the priority of an entry, nor the process that it is about, so such a
 * key gets a name of its own: LOG_PRIORITY.
 */
function nameOfKey(key: string, prefix: string): string {
  const text = prefix + key;
  const before = known.get(text);
  if (before !== undefined) return before;
  const own = fieldName(text);
  const name = isReserved(own) ? fieldName(`LOG_${own}`) : own;
  if (known.size < MOST_KNOWN && text.length <= LONGEST_KNOWN) known.set(text, name);
  return name;
}

/** The JSON of a value; what inspect() shows of one that has none, such as a circle. */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    try {
      return util().inspect(value);
    } catch {
      return messageOf(value);
    }
  }
}

function addPlainValue(entry: Entry, name: string, value: unknown): void {
  if (value === undefined || value === null) return;
  if (typeof value === 'string') entry.add(name, value);
  else if (value instanceof Uint8Array) entry.addBytes(name, Uint8Array.from(value));
  else if (typeof value === 'object') entry.add(name, jsonOf(value));
  else entry.add(name, String(value));
}

function addValue(entry: Entry, name: string, value: unknown): void {
  try {
    addPlainValue(entry, name, value);
  } catch {
    entry.add(name, messageOf(value)); // a revoked proxy, or memory that was transferred
  }
}

type LoggedObject = Readonly<Record<string, unknown>>;

/** The keys of an object; undefined of another value, and of a revoked proxy. */
function keysOf(value: unknown): string[] | undefined {
  try {
    return typeof value === 'object' && value !== null ? Object.keys(value) : undefined;
  } catch {
    return undefined;
  }
}

/** The value of a key; the text of the error that its getter throws. */
function valueAt(record: LoggedObject, key: string): unknown {
  try {
    return record[key];
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Adds a field for each key. The keys for which there is no room become one field.
 *
 * @param add - adds the field of a key
 * @param further - the name of that one field
 */
function addKeys(
  entry: Entry,
  record: LoggedObject,
  keys: string[],
  add: (key: string, value: unknown) => void,
  further: string,
): void {
  const rest = keys.splice(Math.max(0, MOST_FIELDS - entry.count));
  for (const key of keys) add(key, valueAt(record, key));
  if (rest.length === 0) return;
  entry.add(further, jsonOf(Object.fromEntries(rest.map((key) => [key, valueAt(record, key)]))));
}

/** An error that a serializer has made an object of: ERROR_TYPE, ERROR_MESSAGE, ERROR_STACK, and its other properties. */
function addSerializedError(entry: Entry, error: LoggedObject, keys: string[]): void {
  const add = (key: string, value: unknown) => {
    if (key === 'errno' && typeof value === 'number') entry.add('ERRNO', `${Math.abs(value)}`);
    else addValue(entry, nameOfKey(key === 'name' ? 'type' : key, 'error_'), value);
  };
  addKeys(entry, error, keys, add, 'ERROR_FURTHER_FIELDS');
}

/** Adds the value of the key under which a logger keeps an error: the error itself, an object made of it, or a text. */
export function addLoggedError(entry: Entry, error: unknown): void {
  const isError = stackOf(error) !== undefined;
  const keys = isError ? undefined : keysOf(error);
  if (isError) addError(entry, error);
  else if (keys !== undefined) addSerializedError(entry, error as LoggedObject, keys);
  else addValue(entry, 'ERROR_MESSAGE', error);
}

/**
 * Adds all keys of a record but those of `without`.
 *
 * @param prefix - what the names of the fields begin with
 */
export function addRecord(
  entry: Entry,
  record: LoggedObject,
  without: ReadonlySet<string>,
  prefix: string,
): void {
  const keys = Object.keys(record).filter((key) => !without.has(key));
  const add = (key: string, value: unknown) => addValue(entry, nameOfKey(key, prefix), value);
  addKeys(entry, record, keys, add, 'FURTHER_FIELDS');
}
