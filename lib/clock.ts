/**
 * Milliseconds on a clock that only goes forward. Not by `performance`, the first use of which loads
 * all of node:perf_hooks, and a service starts its watchdog before it answers its first client.
 */
export function now(): number {
  return process.uptime() * 1000;
}
