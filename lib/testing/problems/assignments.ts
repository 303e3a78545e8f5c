// Lines of a message that are nearly an assignment of sd_notify(3).
import { EFFECTS } from '../../manager/effects.ts';
import { keyOf } from '../../manager/message.ts';

/** What the manager knows, but for WATCHDOG, which has two values that mean something. */
const KNOWN = [...EFFECTS.values()].filter(({ key }) => key !== 'WATCHDOG');

/** The lines that are whole assignments: any other value of these keys does nothing. */
const FLAGS = [
  ...KNOWN.flatMap(({ key, flag }) => (flag === undefined ? [] : [`${key}=${flag}`])),
  ...['WATCHDOG=1', 'WATCHDOG=trigger'],
];

/** The keys with a value. */
const KEYS = KNOWN.filter(({ flag }) => flag === undefined).map(({ key }) => key);

/** A value that a key of {@link FLAGS} may have without harm, because it names the default. */
const HARMLESS = ['FDPOLL=1'];

/** Letters only, in upper case: what remains of a line when its blanks, its case and its separator are forgiven. */
const essence = (text: string) => text.toUpperCase().replace(/[^A-Z0-9_]/g, '');

/** The flag of which a line has the key; undefined for other lines. */
const flagWithKeyOf = (line: string) => FLAGS.find((flag) => keyOf(flag) === keyOf(line));

/**
 * What the sender of a line probably meant, such as `READY=1` for `Ready=1`, `READY=1 ` or `READY=true`, and `STATUS=`
 * for `status=up` or `STATUS: up`. Undefined for an assignment that is right, and for a line that resembles none.
 */
export function meantBy(line: string): string | undefined {
  if (FLAGS.includes(line) || HARMLESS.includes(line)) return undefined;
  if (KEYS.some((key) => line.startsWith(`${key}=`))) return undefined;
  const flag = FLAGS.find((one) => essence(one) === essence(line)) ?? flagWithKeyOf(line);
  if (flag !== undefined) return flag;
  const word = essence(line.split(/[=:]/, 1)[0] as string);
  const meant = [...FLAGS, ...KEYS].find((one) => essence(keyOf(one)) === word);
  if (meant === undefined) return undefined;
  return FLAGS.includes(meant) ? meant : `${meant}=`;
}

/** The keys that a message has more than once, among those that the manager knows. */
export function repeatedKeys(lines: readonly string[]): string[] {
  const keys = lines
    .filter((line) => FLAGS.includes(line) || KEYS.includes(keyOf(line)))
    .map((line) => keyOf(line));
  return [...new Set(keys.filter((key, i) => keys.indexOf(key) !== i))];
}
