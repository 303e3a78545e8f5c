// What the service manager has told this process alone by the environment: where it hears
// notifications, and its watchdog. The values are remembered, so that the variables can be taken away
// from what this process starts, and this process goes on notifying.

import { type Native, native, nativeOfProcess } from '../addon/exports.ts';
import { LARGEST_UNSIGNED, parseUnsigned } from '../base/c-number.ts';
import { EINVAL, ERANGE } from '../base/errno.ts';
import { systemError } from '../base/errors.ts';
import { isMainThread } from '../base/main-thread.ts';
import { processState } from '../base/process-state.ts';

/** The values of the variables as they were taken; those that were not set are left out. */
interface Variables {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

const NAMES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

const state = processState<{ taken: Variables }>('manager-environment', () => ({
  taken: variables({}),
}));

/** Without what somebody may have put on all objects, as on `process.env`. */
function variables(own: Variables): Variables {
  return Object.assign(Object.create(null), own);
}

/** Those that are set in `process.env`. */
function variablesNow(): Variables {
  const set = NAMES.filter((name) => Object.hasOwn(process.env, name));
  return variables(Object.fromEntries(set.map((name) => [name, process.env[name]])));
}

/** The add-on of a worker thread, by which it sees what the main thread has taken. */
let shared: Native | undefined;

/**
 * What the main thread has taken. A thread that was started since has a copy of the environment without
 * the variables, so it asks until there is something.
 */
function takenByMainThread(): Variables {
  shared ??= nativeOfProcess();
  const [, text] = shared?.remembered() ?? [];
  if (text !== undefined) state.taken = variables(JSON.parse(text) as Variables);
  return state.taken;
}

function taken(): Variables {
  const isEmpty = Object.keys(state.taken).length === 0;
  return isEmpty && process.platform === 'linux' && !isMainThread()
    ? takenByMainThread()
    : state.taken;
}

/**
 * The address of the service manager's notification socket (NOTIFY_SOCKET); undefined when there is
 * nobody to tell: unset, empty, or /dev/null.
 */
export function managerAddress(): string | undefined {
  const isSet = Object.hasOwn(process.env, 'NOTIFY_SOCKET');
  const address = isSet ? process.env.NOTIFY_SOCKET : taken().NOTIFY_SOCKET;
  return address === '' || address === '/dev/null' ? undefined : address;
}

const LARGEST_PID = 2n ** 31n - 1n;

function watchdogError(errno: number, { WATCHDOG_USEC, WATCHDOG_PID }: Variables): Error {
  const pid = WATCHDOG_PID === undefined ? '' : ` WATCHDOG_PID='${WATCHDOG_PID}'`;
  const detail = `with WATCHDOG_USEC='${WATCHDOG_USEC}'${pid}`;
  return systemError(errno, 'sd_watchdog_enabled', {}, detail);
}

/** 0n when off; a negative errno when the variables are malformed: all as sd_watchdog_enabled(3) does. */
function watchdogUsec({ WATCHDOG_USEC = '', WATCHDOG_PID }: Variables): bigint | number {
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
 * The watchdog's timeout in milliseconds; undefined when off: WATCHDOG_USEC unset or empty, or
 * WATCHDOG_PID another process's. Not by libsystemd, whose getenv(3) may not run beside another thread
 * that writes to the environment.
 */
export function watchdogTimeout(): number | undefined {
  const isSet = Object.hasOwn(process.env, 'WATCHDOG_USEC');
  const pair = isSet ? variablesNow() : taken();
  if (!pair.WATCHDOG_USEC) return undefined;
  const usec = watchdogUsec(pair);
  if (typeof usec === 'number') throw watchdogError(usec, pair);
  return usec === 0n ? undefined : Number(usec) / 1000;
}

/** For the worker threads. One that finds no add-on has nothing to notify by either. */
function leaveForThreads(): void {
  try {
    native().remembered(JSON.stringify(state.taken));
  } catch {}
}

/**
 * Takes the variables out of `process.env`, on the main thread for the whole process, so that what this
 * process starts does not see them; and remembers their values, by which it goes on notifying.
 */
export function unsetEnvironment(): void {
  const now = variablesNow();
  const found = Object.keys(now);
  if (found.length === 0) return;
  const { WATCHDOG_USEC: _usec, WATCHDOG_PID: _pid, ...others } = state.taken;
  // The two of the watchdog belong together.
  const kept = now.WATCHDOG_USEC === undefined ? state.taken : others;
  state.taken = variables({ ...kept, ...now });
  for (const name of found) delete process.env[name];
  if (process.platform === 'linux' && isMainThread()) leaveForThreads();
}
