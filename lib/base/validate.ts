// Checks of arguments. Their errors have Node's codes and Node's wording.
import { escapeUnprintable } from './printable.ts';

/** The name of a function or class; '' when its `name` is no string. */
function nameOf(value: { readonly name?: unknown } | undefined): string {
  return typeof value?.name === 'string' ? value.name : '';
}

/** A longer bigint is not written out, because that can take seconds. */
const MOST_BITS = 512;

/** The beginning of a text from outside, printable on one line: at most 40 characters. */
export function excerpt(text: string): string {
  return escapeUnprintable(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}

/** Describes the value that was passed, in Node's words: `type string ('abc')`. */
function received(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `function ${excerpt(nameOf(value))}`;
  if (typeof value === 'object') {
    return `an instance of ${excerpt(nameOf(value.constructor)) || 'Object'}`;
  }
  if (typeof value === 'bigint' && BigInt.asIntN(MOST_BITS, value) !== value) {
    return `a bigint of more than ${MOST_BITS} bits`;
  }
  const short = excerpt(String(value));
  return `type ${typeof value} (${typeof value === 'string' ? `'${short}'` : short})`;
}

/** The error for an argument of the wrong type: ERR_INVALID_ARG_TYPE. */
export function invalidType(name: string, expected: string, value: unknown): TypeError {
  const message = `The "${name}" argument must be ${expected}. Received ${received(value)}`;
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** The error for a function of the program that returns a wrong type: ERR_INVALID_ARG_TYPE. */
export function invalidResult(call: string, expected: string, value: unknown): TypeError {
  const message = `${call} must return ${expected}. Received ${received(value)}`;
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** The error for a number outside its range: ERR_OUT_OF_RANGE. */
export function outOfRange(name: string, expected: string, value: unknown): RangeError {
  const message = `The value of "${name}" is out of range. It must be ${expected}. Received ${received(value)}`;
  return Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}

/** The error for an argument of the right type with an unusable value: ERR_INVALID_ARG_VALUE. */
export function invalidValue(name: string, expected: string, value: unknown): TypeError {
  const message = `The argument "${name}" must be ${expected}. Received ${received(value)}`;
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
}

/** Throws unless `value` is true or false. */
export function validateBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidType(name, 'of type boolean', value);
}

/** Throws unless `value` is a string or undefined. */
export function validateOptionalString(
  name: string,
  value: unknown,
): asserts value is string | undefined {
  if (value !== undefined && typeof value !== 'string') {
    throw invalidType(name, 'of type string', value);
  }
}

/** Throws unless `value` is an object. */
export function validateOptions(value: unknown, name = 'options'): asserts value is object {
  if (typeof value !== 'object' || value === null) {
    throw invalidType(name, 'of type object', value);
  }
}

/** Throws unless `value` is an integer from `min` to `max`. */
export function validateInteger(
  name: string,
  value: unknown,
  min: number,
  max: number,
): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw outOfRange(name, `an integer from ${min} to ${max}`, value);
  }
}

/** Throws unless `value` is a time in milliseconds: a number of 0 or more, fractions and Infinity too. */
export function validateMilliseconds(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  if (!(value >= 0)) throw outOfRange(name, 'a number of milliseconds, 0 or more', value);
}
