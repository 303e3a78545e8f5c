// The variables that the service manager sets for this process alone: NOTIFY_SOCKET and WATCHDOG_*.
//
// unsetEnvironment() removes the variables, so that processes started from here do not inherit them.
// This module then remembers the values, so that this process can still notify.

import { type Native, native, nativeIfLoaded } from '../addon/exports.ts';
import { LARGEST_UNSIGNED, parseUnsigned } from '../base/c-number.ts';
import { EINVAL, ERANGE } from '../base/errno.ts';
import { systemError } from '../base/errors.ts';
import { isMainThread } from '../base/main-thread.ts';
import { processState } from '../base/process-state.ts';

/** Values of the variables. A variable that was not set has no key. */
interface Variables {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

const NAMES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** The variables that unsetEnvironment() has removed from `process.env`. */
const state = processState<{ removed: Variables }>('manager-environment', () => ({
  removed: withoutPrototype({}),
}));

/** Without a prototype, because a program may have put a NOTIFY_SOCKET on Object.prototype. */
function withoutPrototype(values: Variables): Variables {
  return Object.assign(Object.create(null), values);
}

/** The variables that `process.env` has now. */
function readEnvironment(): Variables {
  const set = NAMES.filter((name) => Object.hasOwn(process.env, name));
  return withoutPrototype(Object.fromEntries(set.map((name) => [name, process.env[name]])));
}

/** In a worker thread: the add-on, if the main thread has loaded it. The add-on then has the removed variables. */
let addonOfThread: Native | undefined;

/**
 * The variables that the main thread has removed. A worker thread that is started afterwards has a copy of the
 * environment without them. Each call asks the add-on, until the main thread has removed something.
 */
function removedByMainThread(): Variables {
  addonOfThread ??= nativeIfLoaded();
  const [, json] = addonOfThread?.remembered() ?? [];
  if (json !== undefined) state.removed = withoutPrototype(JSON.parse(json) as Variables);
  return state.removed;
}

function removedVariables(): Variables {
  const isEmpty = Object.keys(state.removed).length === 0;
  return isEmpty && process.platform === 'linux' && !isMainThread()
    ? removedByMainThread()
    : state.removed;
}

/** Read once, because the global `process` is a getter. Its `env` is read at each call. */
const nodeProcess = process;

/**
 * NOTIFY_SOCKET of `process.env`. To read a variable takes as long as a small system call. So the second
 * question, whether the variable is an own property, is asked only when another object has the name too.
 */
function notifySocketOfEnvironment(): string | undefined {
  const address = nodeProcess.env.NOTIFY_SOCKET;
  const maybeInherited = address !== undefined && 'NOTIFY_SOCKET' in Object.prototype;
  return maybeInherited && !Object.hasOwn(process.env, 'NOTIFY_SOCKET') ? undefined : address;
}

/**
 * The address of the service manager's notification socket, from NOTIFY_SOCKET. undefined when there is
 * no manager to notify: the variable is unset, empty, or /dev/null.
 */
export function managerAddress(): string | undefined {
  const address = notifySocketOfEnvironment() ?? removedVariables().NOTIFY_SOCKET;
  return address === '' || address === '/dev/null' ? undefined : address;
}

const LARGEST_PID = 2n ** 31n - 1n;

function malformedWatchdogError(errno: number, { WATCHDOG_USEC, WATCHDOG_PID }: Variables): Error {
  const pid = WATCHDOG_PID === undefined ? '' : ` WATCHDOG_PID='${WATCHDOG_PID}'`;
  const detail = `with WATCHDOG_USEC='${WATCHDOG_USEC}'${pid}: WATCHDOG_USEC must be a number of microseconds above 0, and WATCHDOG_PID a process's number or unset`;
  return systemError(errno, 'sd_watchdog_enabled', {}, detail);
}

/**
 * Interprets the variables exactly as sd_watchdog_enabled(3) does.
 *
 * @returns
 * - a bigint above 0n: the watchdog timeout in microseconds
 * - 0n: the watchdog is another process's
 * - a negative errno: a variable is malformed
 */
function interpretWatchdog({ WATCHDOG_USEC = '', WATCHDOG_PID }: Variables): bigint | number {
  const usec = parseUnsigned(WATCHDOG_USEC);
  if (typeof usec === 'number') return usec;
  if (usec === 0n || usec === LARGEST_UNSIGNED) return -EINVAL;
  if (WATCHDOG_PID === undefined) return usec;
  const pid = parseUnsigned(WATCHDOG_PID);
  if (typeof pid === 'number') return pid;
  if (pid === 0n || pid > LARGEST_PID) return -ERANGE;
  return pid === BigInt(process.pid) ? usec : 0n;
}

/**
 * The watchdog timeout of the unit in milliseconds. undefined when the watchdog is off: WATCHDOG_USEC
 * is unset or empty, or WATCHDOG_PID names another process.
 *
 * sd_watchdog_enabled(3) is not called, because its getenv(3) is not safe while another thread writes to the
 * environment.
 *
 * @throws SystemdError EINVAL, ERANGE when a variable is malformed
 */
export function watchdogTimeoutOfUnit(): number | undefined {
  const isSet = Object.hasOwn(process.env, 'WATCHDOG_USEC');
  const variables = isSet ? readEnvironment() : removedVariables();
  if (!variables.WATCHDOG_USEC) return undefined;
  const usec = interpretWatchdog(variables);
  if (typeof usec === 'number') throw malformedWatchdogError(usec, variables);
  return usec === 0n ? undefined : Number(usec) / 1000;
}

/** Shares the removed variables with worker threads, by the add-on. */
function shareRemovedWithThreads(): void {
  try {
    native().remembered(JSON.stringify(state.removed));
  } catch {
    // Without the add-on no worker thread can notify either, so it needs no variables.
  }
}

// Documented as notify.unsetEnvironment.
export function unsetEnvironment(): void {
  const found = readEnvironment();
  const names = Object.keys(found);
  if (names.length === 0) return;
  // WATCHDOG_USEC and WATCHDOG_PID belong together, so a new WATCHDOG_USEC replaces both.
  const { WATCHDOG_USEC: _usec, WATCHDOG_PID: _pid, ...withoutWatchdog } = state.removed;
  const before = found.WATCHDOG_USEC === undefined ? state.removed : withoutWatchdog;
  state.removed = withoutPrototype({ ...before, ...found });
  for (const name of names) delete process.env[name];
  if (process.platform === 'linux' && isMainThread()) shareRemovedWithThreads();
}
