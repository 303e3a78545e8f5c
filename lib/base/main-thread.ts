// Whether this is the process's main thread.
import { fs, threads } from './lazy-builtins.ts';

/** The kernel knows without node:worker_threads, which takes its time to load. */
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
