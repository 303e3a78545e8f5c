// A descriptor in reserve, so that /proc can be read also where this process has no other one left: a process that has
// ended has to be dealt with, and processes have to be found to kill them.
import { isOutOfDescriptors } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';

let spare: number | undefined;

/** Opens the descriptor, unless it is open or none is left. */
export function keepSpareDescriptor(): void {
  try {
    spare ??= fs().openSync('/dev/null', 'r');
  } catch (error) {
    if (!isOutOfDescriptors(error)) throw error;
  }
}

/**
 * Calls a function that opens one descriptor at a time and closes it again, with the spare one where no other is left.
 */
export function withSpareDescriptor<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (spare === undefined || !isOutOfDescriptors(error)) throw error;
  }
  fs().closeSync(spare);
  spare = undefined;
  try {
    return call();
  } finally {
    keepSpareDescriptor();
  }
}
