// Keeps this process alive while a test waits for a unit, because nothing of a unit does so by itself.
import { LONGEST_TIMER } from '../base/clock.ts';

let waiting = 0;
let timer: NodeJS.Timeout | undefined;

/** Settles as the promise does, and keeps this process alive until then. */
export async function keepAlive<T>(promise: Promise<T>): Promise<T> {
  if (waiting++ === 0) timer = setInterval(() => {}, LONGEST_TIMER);
  try {
    return await promise;
  } finally {
    if (--waiting === 0) clearInterval(timer);
  }
}
