import { expect } from 'vitest';
import { LOST } from './second-try.ts';

/** Expects that no request of clients has failed. */
export function expectNothingLost(
  failures: Readonly<Record<string, number>>,
  journal?: string,
): void {
  const message = journal === undefined ? LOST : `${LOST}, with the journal:\n${journal}`;
  expect(failures, message).toEqual({});
}
