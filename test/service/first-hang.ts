// Lets a test file fail fast: after the first test that hangs, no further test of the file is tried.
import { afterEach, beforeEach, vi } from 'vitest';

/** @param milliseconds - the timeout of each test of this file */
export function endAtFirstHang(milliseconds = 60_000): void {
  vi.setConfig({ testTimeout: milliseconds });
  let hung: { readonly id: string; readonly name: string } | undefined;
  beforeEach(({ task }) => {
    if (hung?.id === task.id) hung = undefined; // vitest --retry
    if (hung !== undefined)
      throw new Error(`Not tried, because this test before it hung: ${hung.name}`);
  });
  afterEach(({ task }) => {
    const messages = task.result?.errors?.map(({ message }) => message) ?? [];
    if (messages.some((message) => /timed out|Did not end|Said nothing/.test(message)))
      hung ??= task;
  });
}
