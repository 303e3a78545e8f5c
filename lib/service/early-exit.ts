// Notices that the process ends before its service has stopped, most often by process.exit() in other code.

import { formatCount } from '../base/format-count.ts';
import { callAtExit } from '../base/hooks.ts';
import { warnAtExit } from '../base/warn.ts';
import type { Drain } from './drain.ts';
import type { ServiceParts } from './parts.ts';

/** The stack frame of process.exit() itself. The frames below it are its caller's. */
const EXIT_FRAME = /^ +at (?:\S+\.)?exit \(node:.*$/m;

/** The whole stack; only its ten upper frames when --frozen-intrinsics forbids to raise the limit. */
function wholeStack(): string {
  const { stackTraceLimit } = Error;
  Reflect.set(Error, 'stackTraceLimit', Number.POSITIVE_INFINITY);
  const { stack } = new Error();
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  return String(stack); // not always a string, because a program may set Error.prepareStackTrace()
}

/** The stack of the caller of process.exit(), which calls the listeners of 'exit'; undefined when nobody called it. */
function callerOfExit(): string | undefined {
  const stack = wholeStack();
  const frame = EXIT_FRAME.exec(stack);
  return frame === null ? undefined : stack.slice(frame.index + frame[0].length + 1);
}

function warnOfExit(code: number, when: string, caller: string): void {
  const message = `process.exit(${code}) was called ${when}. It was called`;
  warnAtExit(message, { code: 'ERR_SYSTEMD_EXIT', detail: caller });
}

/** Warns, and calls the hooks that were not called yet. Only their synchronous part runs. */
function exitDuringDrain(
  { options, backend }: ServiceParts,
  drain: Drain,
  reason: string,
  code: number,
  caller: string,
): void {
  const open = backend.connections;
  const were = open === 1 ? 'was' : 'were';
  const connections = formatCount(open, 'connection');
  warnOfExit(code, `before the service had stopped: ${connections} ${were} open`, caller);
  if (!drain.isHookCalled && options.drain) {
    callAtExit('drain', () => options.drain?.(reason, backend.drainContext));
  }
  if (options.stop) callAtExit('stop', () => options.stop?.(reason));
}

/** A stop hook that never settles while the event loop is empty counts as a failed stop. */
function failStop({ upstream }: ServiceParts): void {
  process.exitCode = 1;
  const message = 'The stop hook has not ended, and the process has nothing left to do';
  warnAtExit(message, { code: 'ERR_SYSTEMD_HOOK' });
  upstream.update(() => `Stop failed: ${message}`, 0);
}

/**
 * Watches for the end of the process while the service stops.
 *
 * - During the drain, by process.exit(): warns, and calls the hooks.
 * - During the stop hook, by process.exit() of other code: warns. The hook itself may call process.exit().
 * - During the stop hook, because the event loop is empty: the stop has failed.
 * - By an uncaught error: does nothing, because Node reports the error.
 *
 * @returns a function that ends the watch
 */
export function watchForEarlyExit(parts: ServiceParts, drain: Drain, reason: string): () => void {
  const { lifecycle, hooks } = parts;
  const listener = (code: number) => {
    const isInHook = lifecycle.state === 'stopping' && hooks.current !== undefined;
    if (isInHook) return;
    const caller = callerOfExit();
    if (caller === undefined) {
      if (lifecycle.state === 'stopping' && code === 0) failStop(parts);
    } else if (lifecycle.state === 'draining' || lifecycle.state === 'interrupted') {
      exitDuringDrain(parts, drain, reason, code, caller);
    } else if (lifecycle.state === 'stopping') {
      warnOfExit(code, 'while the stop hook ran, so the hook did not finish', caller);
    }
  };
  // Before the listeners of the program, so that the hooks run before the program's last steps.
  process.prependOnceListener('exit', listener);
  return () => process.off('exit', listener);
}
