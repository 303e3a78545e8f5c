// What serve() may be told, checked before anything is touched.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { LISTEN_OPTIONS, type ListenFdOptions } from '../activation/listen-options.ts';
import { LONGEST_TIMER } from '../base/clock.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import {
  invalidType,
  invalidValue,
  outOfRange,
  validateInteger,
  validateMilliseconds,
  validateOptions,
} from '../base/validate.ts';
import {
  validateWatchdogOptions,
  WATCHDOG_OPTIONS,
  type WatchdogOptions,
} from '../notification/watchdog/options.ts';
import { watchdog } from '../notification/watchdog.ts';
import type { DrainContext } from '../traffic/traffic.ts';
import type { ServedServer } from './servers.ts';
import type { WorkersOptions } from './workers/pool.ts';

/** What the status of a service is made of. */
export interface ServiceState {
  /** How many connections are open; those of workers as of up to a second ago. */
  readonly connections: number;
}

/** What {@link serve} may be told. */
export interface ServeOptions {
  /**
   * Milliseconds without a connection, or a datagram, after which the service stops; its socket unit
   * starts it again for the next one. Only when socket-activated. Default, and 0: never.
   */
  readonly idleTimeout?: number;
  /**
   * Called on SIGHUP, one call at a time. What it throws or rejects with is shown in the status, and
   * the service goes on as it was. `'roll'`: each cluster worker is followed by a new one. Default:
   * SIGHUP ends the process, as ever.
   */
  readonly reload?: (() => unknown) | 'roll';
  /**
   * Called with the reason when the stop begins: to say goodbye on connections that would not end by
   * themselves, or to give them to the fd store. It is given what is open. Default: nothing.
   */
  readonly drain?: (reason: string, open: DrainContext) => unknown;
  /**
   * Called with the reason when the last connection has ended, to close what the program has opened.
   * When it throws or rejects, the process ends with 1. Default: nothing.
   */
  readonly stop?: (reason: string) => unknown;
  /** Milliseconds that connections have to end when the service stops. Default 30000. */
  readonly stopTimeout?: number;
  /**
   * Milliseconds that the process then has to end by itself, before it is said what holds it, and it
   * is ended. Default 5000; Infinity: for ever, as for a test that stops a service of its own.
   */
  readonly exitTimeout?: number;
  /**
   * What becomes of other listeners for SIGTERM and SIGINT, as frameworks have them. `'share'`: they
   * are called as the signal comes, and a warning names those that are there when the service begins to
   * serve. `'take'`: they are taken off the signal, those that are added later too, and are called
   * when the service has stopped because of it, so that they can't cut what drains; a service that has
   * stopped in a process that lives on puts them back. Default 'share'.
   */
  readonly signals?: 'share' | 'take';
  /** As for `watchdog.start()`; with workers `check` is asked in each of them. false: no pings. */
  readonly watchdog?: WatchdogOptions | false;
  /** Makes the status, which is looked at once a second. Default: what the service listens on. */
  readonly status?: (service: ServiceState) => string;
  /**
   * Serves in this many cluster workers, which run the same program: there the same call serves, and
   * the primary does what concerns systemd. Hooks are called in each worker, and last in the primary.
   * Default: no workers.
   */
  readonly workers?: number | WorkersOptions;
  /**
   * true leaves NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID in `process.env`, for a library that calls
   * sd_notify(3) itself, or a child that is to notify. Default false: {@link notify.unsetEnvironment}.
   */
  readonly keepEnvironment?: boolean;
}

const SERVE_OPTIONS: OptionNames<ServeOptions & ListenFdOptions> = {
  ...LISTEN_OPTIONS,
  idleTimeout: true,
  reload: true,
  drain: true,
  stop: true,
  stopTimeout: true,
  exitTimeout: true,
  signals: true,
  watchdog: true,
  status: true,
  workers: true,
  keepEnvironment: true,
};

const WORKERS_OPTIONS: OptionNames<WorkersOptions> = { count: true, heartbeat: true };

/** A copy of the options as they are now; what is none is refused. */
export function takeServeOptions(
  options: ServeOptions & ListenFdOptions,
): ServeOptions & ListenFdOptions {
  const taken = takeOptions(options, SERVE_OPTIONS, 'serve()');
  const { watchdog: pings, workers } = taken;
  const nested: { watchdog?: WatchdogOptions; workers?: WorkersOptions } = {};
  if (typeof pings === 'object' && pings !== null) {
    nested.watchdog = takeOptions(pings, WATCHDOG_OPTIONS, 'watchdog.start()', 'options.watchdog');
  }
  if (workers !== undefined) {
    const asked = typeof workers === 'object' && workers !== null ? workers : { count: workers };
    nested.workers = takeOptions(asked, WORKERS_OPTIONS, 'serve()', 'options.workers');
  }
  return Object.assign(taken, nested);
}

type Options = Readonly<Record<keyof ServeOptions | keyof ListenFdOptions, unknown>>;

const TIMES = ['idleTimeout', 'stopTimeout', 'exitTimeout'] as const;
const HOOKS = ['reload', 'drain', 'stop', 'status'] as const;
const MOST_WORKERS = 1024;

function validateTime(name: string, value: unknown): asserts value is number {
  validateMilliseconds(name, value);
  if (value <= LONGEST_TIMER || value === Number.POSITIVE_INFINITY) return;
  throw outOfRange(name, `at most ${LONGEST_TIMER} milliseconds, or Infinity`, value);
}

function validateWorkers(workers: WorkersOptions): void {
  const { count, heartbeat } = workers;
  validateInteger('options.workers', count, 1, MOST_WORKERS);
  if (heartbeat === undefined || heartbeat === false) return;
  validateTime('options.workers.heartbeat', heartbeat);
  if (heartbeat < 1) {
    throw outOfRange('options.workers.heartbeat', '1 millisecond or more', heartbeat);
  }
}

function validateServeOptions(options: Options): void {
  for (const name of TIMES) {
    if (options[name] !== undefined) validateTime(`options.${name}`, options[name]);
  }
  for (const name of HOOKS) {
    const value = options[name];
    if (value === undefined || typeof value === 'function') continue;
    if (name === 'reload' && value === 'roll') continue;
    const expected = name === 'reload' ? "of type function or 'roll'" : 'of type function';
    throw invalidType(`options.${name}`, expected, value);
  }
  const { signals, keepEnvironment } = options;
  if (signals !== undefined && signals !== 'share' && signals !== 'take') {
    throw invalidValue('options.signals', "'share' or 'take'", signals);
  }
  if (keepEnvironment !== undefined && typeof keepEnvironment !== 'boolean') {
    throw invalidType('options.keepEnvironment', 'of type boolean', keepEnvironment);
  }
  if (options.workers !== undefined) validateWorkers(options.workers as WorkersOptions);
  else if (options.reload === 'roll') {
    throw invalidValue('options.reload', "a function: only workers can 'roll'", options.reload);
  }
  if (options.watchdog !== undefined && options.watchdog !== false) {
    validateWatchdogOptions(
      options.watchdog as WatchdogOptions,
      watchdog.timeout(),
      'options.watchdog',
    );
  }
}

/** Where a list of servers is given, each says itself what it listens on. */
function assertNotOfOne(options: Options): void {
  for (const name of ['name', 'descriptor', 'fallback', 'backlog'] as const) {
    if (options[name] === undefined) continue;
    throw invalidValue(`options.${name}`, `beside its server: { server, ${name} }`, options[name]);
  }
}

/** Checks the arguments of serve(), and gives the servers as a list. */
export function validateServe(
  servers: Server | DgramSocket | readonly ServedServer[],
  options: ServeOptions & ListenFdOptions,
): readonly ServedServer[] {
  validateOptions(options);
  validateServeOptions(options as Options);
  if (Array.isArray(servers)) {
    assertNotOfOne(options as Options);
    return servers;
  }
  const { name, descriptor, fallback, backlog } = options;
  const where = Object.entries({ name, descriptor, fallback, backlog }).filter(
    ([, v]) => v !== undefined,
  );
  return [{ server: servers as Server | DgramSocket, ...Object.fromEntries(where) }];
}

/** How many workers, and what is asked of them; undefined without. */
export function workersOf({
  workers,
  watchdog: pings,
}: ServeOptions): { readonly count: number; readonly heartbeat: number | undefined } | undefined {
  if (workers === undefined) return undefined;
  const { count, heartbeat } = workers as WorkersOptions; // as takeServeOptions() gives them
  const asked = heartbeat ?? (pings === false ? undefined : watchdog.timeout());
  const isAsked = asked !== false && asked !== Number.POSITIVE_INFINITY;
  return { count, heartbeat: isAsked ? asked : undefined };
}
