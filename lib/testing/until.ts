// until(): waits for a unit to become what a test expects.
import { takeOptions, unknownName } from '../base/options.ts';
import {
  invalidType,
  invalidValue,
  validateMilliseconds,
  validateOptions,
} from '../base/validate.ts';
import { ACTIVE_STATES } from '../manager/states.ts';
import type { TestedUnit } from './tested-unit.ts';
import { timeout } from './text.ts';
import type { Unit, UnitCondition } from './unit.ts';
import type { Origin } from './unit-error.ts';

/** The options of `until()`. */
export interface UntilOptions {
  /** Milliseconds. Default: 4000. */
  readonly timeout?: number | undefined;
}

/** How long `until()` waits unless it is told otherwise, in milliseconds. Test runners give a test 5 seconds. */
const UNTIL_TIMEOUT = 4000;

/** How long the last output, messages and problems of a unit that has ended are waited for, in milliseconds. */
const LAST_WORDS = 300;

type Condition = UnitCondition | ((unit: Unit) => boolean);

/** How a wait has ended: `ended`: nobody starts the unit again; `closed`: stop() has, or the signal. */
type Outcome = 'met' | 'late' | 'ended' | 'closed';

const NAMES = ['state', 'status', 'errno'] as const;
const STATES: readonly string[] = [...new Set(Object.values(ACTIVE_STATES)), 'listening'];

/**
 * Waits until the unit is as described. A unit that has ended, and that nobody starts again, is not waited for.
 *
 * @param view - the unit as the test knows it
 * @throws UnitError when it does not come to that
 */
export async function until(
  unit: TestedUnit,
  view: Unit,
  what: Condition,
  options: UntilOptions,
  origin: Origin,
): Promise<void> {
  const { timeout: milliseconds = UNTIL_TIMEOUT } = origin.check(() => checked(what, options));
  const condition = typeof what === 'function' ? () => what(view) : () => is(view, what);
  const outcome = await comesTo(unit, condition, milliseconds);
  // The output of a program that has ended may be on its way.
  if (outcome !== 'met' || unit.isFinal) await unit.outputRead();
  if (outcome === 'met') return unit.failures.noteKnown();
  const goal = typeof what === 'function' ? String(what) : describe(what);
  const why = WHY[outcome](unit, milliseconds);
  throw unit.error(origin, { job: 'until', what: `did not come to ${goal} ${why}` });
}

const WHY: Readonly<
  Record<Exclude<Outcome, 'met'>, (unit: TestedUnit, milliseconds: number) => string>
> = {
  late: (_, milliseconds) => `within ${timeout(milliseconds)}`,
  ended: ({ state, result }) =>
    `and can't: it ${state === 'failed' ? `has failed (${result})` : 'has ended'}, and nobody starts it again`,
  closed: () => 'before it was stopped',
};

async function comesTo(
  unit: TestedUnit,
  condition: () => boolean,
  milliseconds: number,
): Promise<Outcome> {
  const end = performance.now() + milliseconds;
  let isMet = false;
  for (;;) {
    const { isFinal } = unit;
    const left = end - performance.now();
    const isNews = () => {
      isMet = condition();
      return isMet || unit.isFinal !== isFinal;
    };
    if (!(await unit.wait(isNews, isFinal ? Math.min(left, LAST_WORDS) : left))) {
      if (!unit.isOpen) return 'closed';
      return isFinal && left > LAST_WORDS ? 'ended' : 'late';
    }
    if (isMet) return 'met';
  }
}

function is(unit: Unit, { state, status, errno }: UnitCondition): boolean {
  // Unlike test(), search() begins at the start of the text, also by an expression with the flag g or y.
  const isStatus =
    status instanceof RegExp ? (unit.status ?? '').search(status) >= 0 : status === unit.status;
  return (
    (state === undefined || state === unit.state) &&
    (status === undefined || isStatus) &&
    (errno === undefined || errno === unit.errno)
  );
}

/** `state 'active' and status /ready/` */
function describe(condition: UnitCondition): string {
  return Object.entries(condition)
    .map(([name, value]) => `${name} ${value instanceof RegExp ? value : JSON.stringify(value)}`)
    .join(' and ');
}

function checked(what: unknown, options: UntilOptions): UntilOptions {
  if (typeof what !== 'function') checkCondition(what);
  const taken = takeOptions(options, { timeout: true }, 'until()');
  if (taken.timeout !== undefined) validateMilliseconds('options.timeout', taken.timeout);
  return taken;
}

function checkCondition(what: unknown): void {
  validateOptions(what, 'what');
  const condition = what as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(condition))
    if (!(NAMES as readonly string[]).includes(name))
      throw unknownName('what', name, 'what until() waits for', NAMES);
  const { state, status, errno } = condition;
  if (state === undefined && status === undefined && errno === undefined)
    throw invalidValue('what', 'a function, or an object with state, status or errno', '{}');
  if (state !== undefined && !STATES.includes(state as string))
    throw invalidValue('what.state', `one of ${STATES.join(', ')}`, state);
  if (status !== undefined && typeof status !== 'string' && !(status instanceof RegExp))
    throw invalidType('what.status', 'of type string, or a RegExp', status);
  if (errno !== undefined && typeof errno !== 'number')
    throw invalidType('what.errno', 'of type number', errno);
}
