// isMainThread(): true in the main thread of the process, false in a worker thread.
import { fs, threads } from './lazy-builtins.ts';

/** Asks the kernel, because node:worker_threads takes long to load. False also where /proc cannot be read. */
function isFirstThread(): boolean {
  try {
    return fs().readlinkSync('/proc/thread-self') === `${process.pid}/task/${process.pid}`;
  } catch {
    return false;
  }
}

let isMain: boolean | undefined;

export function isMainThread(): boolean {
  isMain ??= isFirstThread() || threads().isMainThread;
  return isMain;
}
