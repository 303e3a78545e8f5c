// A monotonic clock, and the longest delay of Node's timers.

/** The longest delay of a Node timer, in milliseconds. A timer with a longer delay fires at once. */
export const LONGEST_TIMER = 0x7fff_ffff;

/**
 * Milliseconds on a clock that never goes back. The clock is not `performance`, because its first use loads all
 * of node:perf_hooks, and a service starts its watchdog before it answers its first client.
 */
export function now(): number {
  return process.uptime() * 1000;
}
