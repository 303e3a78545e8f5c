// formatCount(): a number with its noun, for messages and the status of a service.

/** Formats a number with its noun: `1 connection`, `3 connections`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
