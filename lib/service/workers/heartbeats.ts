// In the primary: checks that each cluster worker sends its heartbeats in time.
import { now } from '../../base/clock.ts';
import type { WorkerProcess } from './process.ts';

const CHECKS_PER_HEARTBEAT = 4;

/** Milliseconds that a check may be late, or a whole interval if that is longer. A later check is skipped. */
const LEAST_LATENESS = 50;

/**
 * Kills cluster workers that have sent no heartbeat in time.
 *
 * @param heartbeat - milliseconds
 * @param workers - a live collection of the workers
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
