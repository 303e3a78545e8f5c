// No option can be added without its name in the list that is checked at run time.
import { test } from 'vitest';
import type { OptionNames } from '../../lib/base/options.ts';

interface Options {
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

test('a list of names has each of them, and no other', () => {
  ({ timeout: true, signal: true }) satisfies OptionNames<Options>;
  // @ts-expect-error: one is missing
  ({ timeout: true }) satisfies OptionNames<Options>;
  // @ts-expect-error: one is of no option
  ({ timeout: true, signal: true, other: true }) satisfies OptionNames<Options>;
});
