// Options objects: reads the options that a function has, and refuses unknown ones.
import { excerpt, invalidValue, validateOptions } from './validate.ts';

/** The names of all options of a function. TypeScript reports an option that is missing here, or unknown. */
export type OptionNames<Options extends object> = Readonly<Record<keyof Options, true>>;

/**
 * The property of an object with this name, its own or its class's. A property that somebody has put on
 * Object.prototype, and so on all objects, is ignored.
 */
export function propertyOf(value: object, name: PropertyKey): unknown {
  for (let at = value; ; ) {
    const parent: object | null = Object.getPrototypeOf(at);
    if (parent === null && at !== value) return undefined; // `at` is the Object.prototype of some realm
    if (Object.hasOwn(at, name)) return Reflect.get(value, name);
    if (parent === null) return undefined;
    at = parent;
  }
}

/** How many characters must be changed, added or removed to turn `a` into `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, character] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const changed = (row[j] as number) + (character === b[j] ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** No option has a name of this length, so a longer name is no misspelled option. */
const LONGEST_NAME = 40;

/** The name that the caller probably meant; undefined when none is similar enough. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const [nearest] = names
    .map((known) => ({ known, distance: editDistance(name.toLowerCase(), known.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  if (nearest === undefined || nearest.distance > Math.max(2, name.length / 3)) return undefined;
  return nearest.known;
}

/**
 * The error for a name that is not one of `names`. The message suggests the nearest name, or lists all names.
 *
 * @param object - the object's name in the message, such as `options`
 * @param what - what each of `names` is, such as `an option of serve()`
 */
export function unknownName(
  object: string,
  name: string,
  what: string,
  names: readonly string[],
): TypeError {
  const nearest = nearestName(name, names);
  const advice = nearest === undefined ? names.join(', ') : `"${nearest}", perhaps`;
  return invalidValue(`${object}.${excerpt(name)}`, `${what}: ${advice}`, name);
}

/**
 * Copies the options of a function call, because the caller may change its object later. An option that is a function
 * keeps the original object as its `this`.
 *
 * @param options - an object
 * @param names - an object whose keys are all options of the function, such as {@link OptionNames}
 * @param of - the function's name in an error, such as `serve()`
 * @param object - the object's name in an error; default `options`
 * @throws TypeError ERR_INVALID_ARG_TYPE when `options` is no object
 * @throws TypeError ERR_INVALID_ARG_VALUE for an option that is not in `names`, unless its value is undefined
 */
export function takeOptions<Options extends object>(
  options: Options,
  names: Readonly<Record<keyof Options, unknown>>,
  of: string,
  object = 'options',
): Options {
  validateOptions(options, object);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(names, name)) continue;
    throw unknownName(object, name, `an option of ${of}`, Object.keys(names));
  }
  const taken = Object.create(null) as Record<string, unknown>;
  for (const name of Object.keys(names)) {
    const value = propertyOf(options, name);
    if (value !== undefined)
      taken[name] = typeof value === 'function' ? value.bind(options) : value;
  }
  return taken as Options;
}
