// Checks the arguments of serve(), before anything is touched.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { LISTEN_OPTIONS, type ListenFdOptions } from '../activation/listen-options.ts';
import { LONGEST_TIMER } from '../base/clock.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import {
  invalidType,
  invalidValue,
  outOfRange,
  validateBoolean,
  validateInteger,
  validateMilliseconds,
} from '../base/validate.ts';
import type { UnixServer } from '../descriptor/unix-server.ts';
import {
  validateWatchdogOptions,
  WATCHDOG_OPTIONS,
  type WatchdogOptions,
} from '../notification/watchdog/options.ts';
import { watchdog } from '../notification/watchdog.ts';
import type { ServeOptions, WorkersOptions } from './options.ts';
import type { ServedServer } from './servers.ts';

/** Throws when the value is wrong. `name` is the name of the option in the error. */
type OptionCheck = (name: string, value: unknown) => void;

const checkTime: OptionCheck = (name, value) => {
  validateMilliseconds(name, value);
  if (value <= LONGEST_TIMER || value === Number.POSITIVE_INFINITY) return;
  throw outOfRange(name, `at most ${LONGEST_TIMER} milliseconds, or Infinity`, value);
};

const checkFunction: OptionCheck = (name, value) => {
  if (typeof value !== 'function') throw invalidType(name, 'of type function', value);
};

const checkReload: OptionCheck = (name, value) => {
  if (typeof value === 'function' || value === 'roll') return;
  throw invalidType(name, "of type function or 'roll'", value);
};

const checkSignals: OptionCheck = (name, value) => {
  if (value !== 'share' && value !== 'take') throw invalidValue(name, "'share' or 'take'", value);
};

const MOST_WORKERS = 1024;

const checkWorkers: OptionCheck = (name, value) => {
  const { heartbeat } = value as WorkersOptions; // copyOptions() has made an object of a number
  if (heartbeat === undefined || heartbeat === false) return;
  checkTime(`${name}.heartbeat`, heartbeat);
  if (heartbeat < 1) throw outOfRange(`${name}.heartbeat`, '1 millisecond or more', heartbeat);
};

const checkWatchdog: OptionCheck = (name, value) => {
  if (value !== false) validateWatchdogOptions(value as WatchdogOptions, watchdog.timeout(), name);
};

const checkMemoryPressure: OptionCheck = (name, value) => {
  if (typeof value === 'function' || typeof value === 'boolean') return;
  throw invalidType(name, 'of type function or boolean', value);
};

/** The check of each option. An option that is undefined needs none. */
const CHECKS: Readonly<Record<keyof ServeOptions, OptionCheck>> = {
  idleTimeout: checkTime,
  stopTimeout: checkTime,
  exitTimeout: checkTime,
  reload: checkReload,
  drain: checkFunction,
  stop: checkFunction,
  status: checkFunction,
  signals: checkSignals,
  keepEnvironment: validateBoolean,
  memoryPressure: checkMemoryPressure,
  workers: checkWorkers,
  watchdog: checkWatchdog,
};

const SERVE_OPTIONS = { ...LISTEN_OPTIONS, ...CHECKS };

const WORKERS_OPTIONS: OptionNames<WorkersOptions> = { count: true, heartbeat: true };

function checkOptions(options: ServeOptions): void {
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = options[name as keyof ServeOptions];
    if (value !== undefined) check(`options.${name}`, value);
  }
  if (options.reload === 'roll' && options.workers === undefined) {
    const expected = "a function when there is no options.workers: only workers can 'roll'";
    throw invalidValue('options.reload', expected, options.reload);
  }
}

/** The options of serve() after {@link takeServeOptions}, which has made an object of the number `workers`. */
export interface TakenServeOptions extends Omit<ServeOptions, 'workers'> {
  readonly workers?: WorkersOptions;
}

function copyWorkers(workers: number | WorkersOptions): WorkersOptions {
  const name = 'options.workers';
  const isObject = typeof workers === 'object' && workers !== null;
  const given = isObject ? workers : { count: workers };
  const taken = takeOptions(given, WORKERS_OPTIONS, 'serve()', name);
  validateInteger(isObject ? `${name}.count` : name, taken.count, 1, MOST_WORKERS);
  return taken;
}

function copyOptions(options: ServeOptions & ListenFdOptions): TakenServeOptions & ListenFdOptions {
  const taken = takeOptions(options, SERVE_OPTIONS, 'serve()');
  const { watchdog: pings, workers } = taken;
  const nested: { watchdog?: WatchdogOptions; workers?: WorkersOptions } = {};
  if (typeof pings === 'object' && pings !== null) {
    nested.watchdog = takeOptions(pings, WATCHDOG_OPTIONS, 'watchdog.start()', 'options.watchdog');
  }
  if (workers !== undefined) {
    nested.workers = copyWorkers(workers);
  }
  return Object.assign(taken, nested);
}

/** A copy of the options as they are now. Throws when an option is unknown or wrong. */
export function takeServeOptions(
  options: ServeOptions & ListenFdOptions,
): TakenServeOptions & ListenFdOptions {
  const taken = copyOptions(options);
  checkOptions(taken);
  return taken;
}

/** The servers as a list. For a single server, its listen options are taken from the options of serve(). */
export function listServers(
  servers: Server | DgramSocket | UnixServer | readonly ServedServer[],
  options: ListenFdOptions,
): readonly ServedServer[] {
  const given = Object.entries(options).filter(([name]) => Object.hasOwn(LISTEN_OPTIONS, name));
  if (!Array.isArray(servers)) {
    return [{ server: servers as Server | DgramSocket | UnixServer, ...Object.fromEntries(given) }];
  }
  for (const [name, value] of given) {
    const expected = `given beside its server in the list, as { server, ${name} }`;
    throw invalidValue(`options.${name}`, expected, value);
  }
  return servers;
}
