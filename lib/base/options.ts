// Objects of options: what is in them, and that it is something which the function has.
import { excerpt, invalidValue, validateOptions } from './validate.ts';

/** The names of a function's options. A type, so that no option can be added without its name here. */
export type OptionNames<Options extends object> = Readonly<Record<keyof Options, true>>;

/**
 * What an object has under this name, by itself or by its class. What somebody has put on
 * Object.prototype, and so on all objects, does not count.
 */
export function propertyOf(value: object, name: PropertyKey): unknown {
  for (let at = value; ; ) {
    const parent: object | null = Object.getPrototypeOf(at);
    if (parent === null && at !== value) return undefined; // Object.prototype, of whichever realm
    if (Object.hasOwn(at, name)) return Reflect.get(value, name);
    if (parent === null) return undefined;
    at = parent;
  }
}

/** How many characters have to be changed, added or left out to make one text of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (const [i, character] of [...one].entries()) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++) {
      const changed = (row[j] as number) + (character === other[j] ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[other.length] as number;
}

/** A longer name is nobody's slip. */
const LONGEST_NAME = 40;

/** Of these names the one that was meant, if it is plain which. */
function nearest(name: string, names: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const far = (known: string) => distance(name.toLowerCase(), known.toLowerCase());
  const [best] = names.map((known) => [known, far(known)] as const).sort((a, b) => a[1] - b[1]);
  return best !== undefined && best[1] <= Math.max(2, name.length / 3) ? best[0] : undefined;
}

/**
 * The error for a name that is not one of `names`, with the nearest of them.
 *
 * @param object - what the caller calls the object, such as `options`
 * @param what - what the names are, such as `an option of serve()`
 */
export function unknownName(
  object: string,
  name: string,
  what: string,
  names: readonly string[],
): TypeError {
  const meant = nearest(name, names);
  const which = meant === undefined ? names.join(', ') : `"${meant}", perhaps`;
  return invalidValue(`${object}.${excerpt(name)}`, `${what}: ${which}`, name);
}

/**
 * A copy of a function's options: those of `names` alone, as they are now. Others are refused, unless
 * they are undefined. Functions keep the object that they were given in as their `this`.
 *
 * @param of - the function, such as `serve()`
 * @param object - what the caller calls the object
 */
export function takeOptions<Options extends object>(
  options: Options,
  names: OptionNames<Options>,
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
