// What a service does when memory is short: serve({ memoryPressure }).
import { warnOfHook } from '../base/hooks.ts';
import { warn } from '../base/warn.ts';
import { onMemoryPressure } from '../pressure/memory-pressure.ts';
import type { ServeOptions } from './options.ts';

/**
 * Begins to watch, and returns a function that ends the watch. A service serves without a watch too, so a failure is a
 * warning.
 */
export function watchMemory(option: ServeOptions['memoryPressure'] = false): () => void {
  if (option === false) return () => {};
  const hook = option === true ? () => {} : option;
  try {
    const watch = onMemoryPressure(
      async (event) => {
        try {
          await hook(event);
        } catch (error) {
          warnOfHook('The memoryPressure hook', error);
        }
      },
      { collect: option === true },
    );
    return () => watch.close();
  } catch (error) {
    warn(error);
    return () => {};
  }
}
