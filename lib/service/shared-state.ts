// The state of the service of this process, which all copies of this package in the process share.
import { processState } from '../base/process-state.ts';
import type { Watchdog } from '../notification/watchdog/participant.ts';

/** Copies of different versions share this object, so its fields keep their names. */
export const sharedState = processState('service', () => ({
  isServing: false,
  /** Cancels the exit deadline of the last service, and releases its signals, so that the process may serve again. */
  cancelExitDeadline() {},
  /** Ends the service that `libsystemd/auto` has begun around the program, because the program calls serve() itself. */
  replaceAutomatic() {},
  /** The pings of the last service, which go on after it has stopped. */
  pings: undefined as Watchdog | undefined,
}));
