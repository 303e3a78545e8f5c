// The priorities of the journal, by name and by number.
import { invalidValue } from '../base/validate.ts';

/** The names, in the order of their numbers. */
const NAMES = [
  'emerg',
  'alert',
  'crit',
  'err',
  'warning',
  'notice',
  'info',
  'debug',
] as const satisfies readonly Priority[];

/**
 * How important an entry is, by the name or the number that syslog(3) gives it: 0 is the most important. `journalctl -p err` shows
 * the entries of `err` and of all that are more important.
 */
export type Priority =
  | ('emerg' | 'alert' | 'crit' | 'err' | 'warning' | 'notice' | 'info' | 'debug')
  | (0 | 1 | 2 | 3 | 4 | 5 | 6 | 7);

const NUMBERS = new Map<unknown, number>(
  NAMES.flatMap((name, number): [unknown, number][] => [
    [name, number],
    [number, number],
  ]),
);

/** The numbers that this package uses by itself. */
export const CRIT = 2;
export const ERR = 3;
export const WARNING = 4;
export const INFO = 6;
export const DEBUG = 7;

/** @throws TypeError ERR_INVALID_ARG_VALUE when `priority` is none */
export function priorityNumber(priority: unknown, name: string): number {
  const number = NUMBERS.get(priority);
  if (number !== undefined) return number;
  throw invalidValue(name, `one of ${NAMES.join(', ')}, or a number from 0 to 7`, priority);
}
