// The exit deadline: when it has passed, a process that has not ended by itself is ended.
import { warn } from '../base/warn.ts';
import { describeActiveResources } from './active-resources.ts';

/** The default of options.exitTimeout, in milliseconds. */
const EXIT_TIMEOUT = 5_000;

/**
 * Ends the process after this many milliseconds, with a warning that names what still keeps it alive.
 *
 * @returns a function that cancels the deadline
 */
export function setExitDeadline(milliseconds: number = EXIT_TIMEOUT): () => void {
  if (milliseconds === Number.POSITIVE_INFINITY) return () => {};
  const endProcess = () => {
    const message = `The service has stopped, but its process has not ended after ${milliseconds} ms. It is kept alive by ${describeActiveResources()}`;
    const advice = 'Close these resources in the stop hook. The process ends now.';
    warn(message, { code: 'ERR_SYSTEMD_HELD', detail: advice });
    setImmediate(() => process.exit()); // after Node has written the warning
  };
  const timer = setTimeout(endProcess, milliseconds).unref();
  return () => clearTimeout(timer);
}
