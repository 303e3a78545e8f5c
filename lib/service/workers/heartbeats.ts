// The checks of the workers' heartbeats, in the primary.
import { now } from '../../base/clock.ts';
import type { WorkerProcess } from './process.ts';

const CHECKS_PER_HEARTBEAT = 4;

/** Milliseconds. A check that is later than this, or than a whole interval, says nothing about the workers. */
const LEAST_LATENESS = 50;

/**
 * Kills workers that have sent no heartbeat in time.
 *
 * @param heartbeat - milliseconds
 * @param workers - the workers at any time
 * @returns a function that ends the checks
 */
export function checkHeartbeats(heartbeat: number, workers: Iterable<WorkerProcess>): () => void {
  const interval = heartbeat / CHECKS_PER_HEARTBEAT;
  let lastCheck = now();
  const check = () => {
    const isLate = now() - lastCheck > interval + Math.max(interval, LEAST_LATENESS);
    lastCheck = now();
    // When the primary itself stood still, the workers may have stood still too (systemctl freeze).
    if (isLate) return;
    for (const worker of workers) worker.checkHeartbeat(heartbeat);
  };
  // setImmediate: the event loop first reads the heartbeats that came meanwhile.
  const timer = setInterval(() => setImmediate(check), interval).unref();
  return () => clearInterval(timer);
}
