// OptionNames: TypeScript checks that a list of option names is complete.
import { test } from 'vitest';
import type { OptionNames } from '../../lib/base/options.ts';

interface Options {
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

test('a list of names must have every option, and no other', () => {
  ({ timeout: true, signal: true }) satisfies OptionNames<Options>;
  // @ts-expect-error: signal is missing
  ({ timeout: true }) satisfies OptionNames<Options>;
  // @ts-expect-error: `other` is no option
  ({ timeout: true, signal: true, other: true }) satisfies OptionNames<Options>;
});
