// How the process of a cluster worker has ended, as its primary sees it.
import type { Worker } from 'node:cluster';
import { SystemdError } from '../../base/errors.ts';

/** `code 1`, `signal SIGKILL`, or the message of the error that kept the process from starting. */
export type Ending = string;

export const SUCCESS: Ending = 'code 0';

/** Endings by a signal that the manager (SIGHUP with SendSIGHUP=) or a terminal sends to all processes of a service. */
export const ENDINGS_BY_STOP_SIGNAL: readonly Ending[] = [
  'signal SIGTERM',
  'signal SIGINT',
  'signal SIGHUP',
];

export function endingOf(worker: Worker): Promise<Ending> {
  return new Promise((resolve) => {
    worker.once('exit', (code: number | null, signal: string | null) =>
      resolve(signal === null ? `code ${code}` : `signal ${signal}`),
    );
    worker.on('error', (error) => {
      // With a pid the process has started, and the error is of a message that was sent while the worker ended.
      if (worker.process.pid === undefined) resolve(error.message);
    });
  });
}

/**
 * The error for a cluster worker that has ended when it should run, or has ended with a failure.
 *
 * @param when - the end of the message, such as `before it listened`
 * @param failure - the message of the error of serve() in the worker, if there was one
 */
export function workerError(
  { process: { pid } }: Worker,
  ending: Ending,
  when: string,
  failure: string | undefined,
): SystemdError {
  const why = failure === undefined ? '' : `: ${failure}`;
  const message =
    pid === undefined
      ? `A worker could not be started: ${ending}`
      : `Worker ${pid} ended with ${ending} ${when}${why}`;
  return new SystemdError('ERR_SYSTEMD_WORKER', message);
}
