// The options of watchdog.start(), and their checks.
import type { OptionNames } from '../../base/options.ts';
import {
  invalidType,
  outOfRange,
  validateMilliseconds,
  validateOptions,
} from '../../base/validate.ts';

/** Options of {@link watchdog.start}. */
export interface WatchdogOptions {
  /** Milliseconds between two pings, less than the watchdog timeout. Default: half the timeout. */
  readonly interval?: number | undefined;
  /**
   * A health check, called before each ping. The check fails, and no ping is sent, when it returns
   * false or a promise of false, throws, rejects, or takes longer than the watchdog timeout. Any other
   * result passes, undefined too. Default: no check.
   */
  readonly check?: (() => unknown) | undefined;
  /**
   * Called with the reason when no ping was sent: the error of the check, or ERR_SYSTEMD_UNHEALTHY.
   * Default: a process warning.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The names of the options, for takeOptions(). */
export const WATCHDOG_OPTIONS: OptionNames<WatchdogOptions> = {
  interval: true,
  check: true,
  onError: true,
};

function validateInterval(name: string, interval: unknown, timeout: number | undefined): void {
  validateMilliseconds(name, interval);
  if (interval >= 1 && (timeout === undefined || interval < timeout)) return;
  const limit = timeout === undefined ? '' : ` and below the timeout of ${timeout} ms`;
  throw outOfRange(name, `1 millisecond or more${limit}`, interval);
}

/**
 * Throws when an option is wrong.
 *
 * @param timeout - the watchdog timeout in milliseconds; undefined when it is off or not known yet
 * @param name - the name of the options object, for error messages
 */
export function validateWatchdogOptions(
  options: WatchdogOptions,
  timeout: number | undefined,
  name = 'options',
): void {
  validateOptions(options, name);
  const { interval, check, onError } = options;
  if (interval !== undefined) validateInterval(`${name}.interval`, interval, timeout);
  for (const [key, value] of Object.entries({ check, onError })) {
    if (value !== undefined && typeof value !== 'function') {
      throw invalidType(`${name}.${key}`, 'of type function', value);
    }
  }
}
