// For tests of what ends: one that never does costs seconds, and not the time-out of every test after it.
import { afterEach, beforeEach, vi } from 'vitest';

/** A test of this file waits for so many milliseconds, and none is tried after one that has waited in vain. */
export function endAtFirstHang(milliseconds = 20_000): void {
  vi.setConfig({ testTimeout: milliseconds });
  let hung: { readonly id: string; readonly name: string } | undefined;
  beforeEach(({ task }) => {
    if (hung?.id === task.id) hung = undefined; // vitest --retry
    if (hung !== undefined) throw new Error(`Not tried, because this never ended: ${hung.name}`);
  });
  afterEach(({ task }) => {
    const messages = task.result?.errors?.map(({ message }) => message) ?? [];
    if (messages.some((message) => /timed out|Did not end|Said nothing/.test(message)))
      hung ??= task;
  });
}
