// Where in the program an entry was sent: CODE_FILE, CODE_LINE and CODE_FUNC.
import { url } from '../base/lazy-builtins.ts';
import type { Entry } from './entry-bytes.ts';

// biome-ignore lint/complexity/noBannedTypes: any function may be the one that was called
type Called = Function;

/** The frame of the code that has called `called`; undefined when the runtime does not tell. */
function callerOf(called: Called): NodeJS.CallSite | undefined {
  if (Object.isFrozen(Error)) return undefined; // --frozen-intrinsics
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_error, [site]) => site;
    Error.captureStackTrace(holder, called);
    return holder.stack as NodeJS.CallSite | undefined;
  } catch {
    return undefined;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function pathOf(location: string): string {
  try {
    return location.startsWith('file:') ? url().fileURLToPath(location) : location;
  } catch {
    return location;
  }
}

/** Adds the place that has called `called`. */
export function addCallSite(entry: Entry, called: Called): void {
  const site = callerOf(called);
  const file = site?.getFileName?.();
  if (site === undefined || typeof file !== 'string') return;
  entry.add('CODE_FILE', pathOf(file));
  entry.add('CODE_LINE', String(site.getLineNumber()));
  const name = site.getFunctionName();
  if (name !== null && name !== '') entry.add('CODE_FUNC', name);
}
