// The settings that a primary that runs serve() gives to its cluster workers, by an environment variable.
import { processState } from '../../base/process-state.ts';

export interface WorkerSettings {
  /** Milliseconds within which the worker must report `alive`; undefined: it need not. */
  readonly heartbeat?: number | undefined;
}

const VARIABLE = 'LIBSYSTEMD_SERVE_WORKER';

/** In the primary: the environment of a worker that shall send reports. */
export function workerEnvironment(settings: WorkerSettings): Record<string, string> {
  return { [VARIABLE]: JSON.stringify({ ...settings, primary: process.pid }) };
}

/** Kept for later calls of serve() in this worker, because the first one may fail. */
const ofThisWorker = processState<{ settings: WorkerSettings | undefined }>('worker', () => ({
  settings: undefined,
}));

/**
 * In a worker: true when the primary runs serve() and so understands reports. Call {@link takeWorkerSettings} before.
 */
export function hasServePrimary(): boolean {
  return ofThisWorker.settings !== undefined;
}

/**
 * In a worker: takes the settings out of the environment, so that child processes do not inherit them.
 *
 * - the settings: the primary runs serve()
 * - undefined: the program forks its workers itself, and the primary does not run serve()
 */
export function takeWorkerSettings(): WorkerSettings | undefined {
  const { [VARIABLE]: text } = process.env;
  if (text !== undefined) {
    delete process.env[VARIABLE];
    const { primary, ...settings } = JSON.parse(text);
    // A worker may fork a cluster of its own before it serves. Those workers inherit the variable.
    if (primary === process.ppid) ofThisWorker.settings = settings as WorkerSettings;
  }
  return ofThisWorker.settings;
}
