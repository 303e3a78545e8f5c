// watchdog: the functions by which a service pings the watchdog of its manager, to prove that it is alive.
import { takeOptions } from '../base/options.ts';
import { processState } from '../base/process-state.ts';
import { watchdogTimeoutOfUnit } from './manager-environment.ts';
import { notify } from './notify.ts';
import { onWatchdogUsecSent, sentWatchdogUsec } from './sent-state.ts';
import {
  validateWatchdogOptions,
  WATCHDOG_OPTIONS,
  type WatchdogOptions,
} from './watchdog/options.ts';
import type { Watchdog } from './watchdog/participant.ts';
import { Pinger } from './watchdog/pinger.ts';

const USEC_PER_MSEC = 1000;

// The manager uses the timeout that this process has sent last; before the first one, the timeout of the unit.
function timeout(): number | undefined {
  const sentUsec = sentWatchdogUsec();
  if (sentUsec === undefined) return watchdogTimeoutOfUnit();
  return sentUsec === 0n ? undefined : Number(sentUsec) / USEC_PER_MSEC;
}

function ping(): boolean {
  return notify.send('WATCHDOG=1');
}

/** One pinger for the process, although the process may have loaded several copies of this package. */
const { pinger } = processState('watchdog', () => {
  const ofProcess = new Pinger(ping);
  onWatchdogUsecSent(() => ofProcess.changeTimeout(timeout()));
  return { pinger: ofProcess };
});

function start(options: WatchdogOptions = {}): Watchdog {
  const taken = takeOptions(options, WATCHDOG_OPTIONS, 'watchdog.start()');
  const current = timeout();
  validateWatchdogOptions(taken, current);
  return pinger.add(taken, current);
}

/**
 * From now on pings are sent without any check. A service does so when it stops, because a check may
 * need what its stop hook has closed.
 */
export function pauseChecks(): void {
  pinger.pauseChecks();
}

/** Checks are called again before each ping. A service does so when it starts. */
export function resumeChecks(): void {
  pinger.resumeChecks();
}

/**
 * The service manager's watchdog (WatchdogSec=): the manager acts when it gets no ping in time. The
 * functions do nothing when the unit has no watchdog, or when WATCHDOG_PID names another process.
 *
 * @see sd_watchdog_enabled(3), version 209
 */
export const watchdog = {
  /**
   * The watchdog timeout in milliseconds, after which the manager acts. It is the unit's, or the one
   * that `notify.send({ watchdogTimeout })` has sent last.
   *
   * @returns the timeout; undefined when the watchdog is off
   * @throws SystemdError EINVAL, ERANGE when WATCHDOG_USEC or WATCHDOG_PID is malformed
   * @see sd_watchdog_enabled(3), version 209
   */
  timeout,

  /**
   * Pings now, and then at an interval until the returned handle is stopped. A blocked event loop sends
   * no pings, and a shutdown does not end them. The pings do not keep the process alive.
   *
   * Several callers share the pings: the shortest interval counts, every check has to pass, and the
   * pings end once every caller has stopped. When `notify.send({ watchdogTimeout })` sends another
   * timeout, the pings follow it. They begin with it when the unit has no watchdog.
   *
   * @param options - default {}: at half the timeout, without a check
   * @returns a handle for this caller, also for `using`. While the watchdog is off, nothing is sent
   * @throws SystemdError as {@link watchdog.timeout}. An error of a ping goes to `onError`
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for
   * wrong options
   * @see sd_watchdog_enabled(3), version 209
   */
  start,

  /**
   * WATCHDOG=1: sends one ping.
   *
   * @returns as {@link notify.send}
   * @throws SystemdError as {@link notify.send}
   * @see sd_notify(3)
   */
  ping,

  /**
   * WATCHDOG=trigger: the manager acts as if the watchdog timeout had passed.
   *
   * @param reason - text for STATUS= in the same message; default: none
   * @returns as {@link notify.send}
   * @throws SystemdError, TypeError as {@link notify.send}
   * @see sd_notify(3), version 243
   */
  trigger: (reason?: string): boolean =>
    notify.send(
      reason === undefined ? { watchdog: 'trigger' } : { watchdog: 'trigger', status: reason },
    ),
};
