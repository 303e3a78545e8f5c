// The entry of `import 'libsystemd/testing'`: its functions load dist/cjs/testing.js at their first use, because the
// kit is large, and a file of tests may skip them all. `require('libsystemd/testing')` is the file itself.
import { requireCommonJs } from './addon/common-js-file.ts';
import type * as Testing from './testing.ts';

const kit = () => requireCommonJs('testing.js') as typeof Testing;

/** start() of the kit, with the function that the test has called: the stack of an error begins above that. */
type StartFor = (unit: unknown, options: unknown, called: unknown) => Promise<Testing.Unit>;

export async function start(unit: unknown, options?: unknown): Promise<Testing.Unit> {
  return (kit().start as StartFor)(unit, options, start);
}

export function unavailable(): string | undefined {
  try {
    return kit().unavailable();
  } catch (error) {
    return (error as Error).message; // this code was bundled, or no descriptor is left
  }
}

export { UnitError } from './testing/unit-error.ts';
