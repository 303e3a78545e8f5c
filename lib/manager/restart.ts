// When a service that has ended is started again, and how often that may be.
import { toUsec } from './deadline.ts';
import type { RateLimit, UnitDescription } from './description.ts';
import { isAmong, type Result } from './exit.ts';
import type { ProcessExit } from './world.ts';

/** What each value of Restart= says about a result (table of systemd.service(5)). */
const RESTARTS: Readonly<Record<UnitDescription['restart'], (result: Result) => boolean>> = {
  no: () => false,
  always: () => true,
  'on-success': (result) => result === 'success',
  'on-failure': (result) => result !== 'success',
  'on-abnormal': (result) => result !== 'success' && result !== 'exit-code',
  'on-watchdog': (result) => result === 'watchdog',
  'on-abort': (result) => result === 'signal' || result === 'core-dump',
};

/**
 * True if the service is to be started again by itself.
 *
 * @param exit - the end of the main process; undefined if it never ran
 */
export function shallRestart(
  unit: UnitDescription,
  result: Result,
  exit: ProcessExit | undefined,
): boolean {
  if (exit !== undefined) {
    if (isAmong(exit, unit.restartPreventExitStatus)) return false;
    if (isAmong(exit, unit.restartForceExitStatus))
      // Since 258 a oneshot service that has succeeded is done, whatever its exit code.
      return !(unit.systemd >= 258 && unit.type === 'oneshot' && result === 'success');
  }
  return RESTARTS[unit.restart](result);
}

/** Counts starts: at most `burst` in each interval, which begins with its first start. */
export class StartLimit {
  readonly #burst: number;
  readonly #interval: bigint;
  #begin: bigint | undefined;
  #count = 0;

  constructor({ burst, interval }: RateLimit) {
    this.#burst = burst;
    this.#interval = toUsec(interval) ?? 0n;
  }

  /** Counts a start. Returns false if it is one too many. */
  take(now: bigint): boolean {
    if (this.#burst <= 0 || this.#interval <= 0n) return true;
    if (this.#begin === undefined || now > this.#begin + this.#interval) {
      this.#begin = now;
      this.#count = 1;
      return true;
    }
    if (this.#count >= this.#burst) return false;
    this.#count++;
    return true;
  }
}
