// isMainThread(): true in the main thread of the process, false in a worker thread.
import { fs, threads } from './lazy-builtins.ts';

/**
 * True when the kernel says that this is the first thread of the process. False also where /proc cannot be read.
 * node:worker_threads would know too, but takes long to load.
 */
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
