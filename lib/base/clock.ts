/** Node's timers take no more milliseconds, and fire at once when they are given more. */
export const LONGEST_TIMER = 0x7fff_ffff;

/**
 * Milliseconds on a clock that only goes forward. Not by `performance`, the first use of which loads
 * all of node:perf_hooks, and a service starts its watchdog before it answers its first client.
 */
export function now(): number {
  return process.uptime() * 1000;
}
