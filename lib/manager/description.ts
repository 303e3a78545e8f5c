// The description of one service with its sockets: what its unit files say, in values that the rules understand.
import type { SocketDescription } from './socket-description.ts';

/** One command line, such as ExecStart=. */
export interface Exec {
  readonly argv: readonly string[];
  /** True: a failure counts as success. A unit file has a `-` before the path. Default: false. */
  readonly ignoreFailure?: boolean;
  /**
   * True: `$NAME` and `${NAME}` are replaced when the process starts (expandVariables() of unit-file/command.ts), as in a
   * unit file without a `:` before the path. Default: false.
   */
  readonly expandVariables?: boolean;
}

export const SERVICE_TYPES = ['simple', 'exec', 'notify', 'notify-reload', 'oneshot'] as const;
/**
 * `Type=` of a service.
 *
 * @useDeclaredType
 */
export type ServiceType = (typeof SERVICE_TYPES)[number];

/** True for a type whose start is complete when READY=1 comes. */
export function waitsForReady(type: ServiceType): boolean {
  return type === 'notify' || type === 'notify-reload';
}

export const NOTIFY_ACCESSES = ['none', 'main', 'exec', 'all'] as const;
/**
 * `NotifyAccess=` of a service: whose notifications count.
 *
 * @useDeclaredType
 */
export type NotifyAccess = (typeof NOTIFY_ACCESSES)[number];

export type FdStorePreserve = 'no' | 'restart' | 'yes' | 'on-success';

export const KILL_MODES = ['control-group', 'mixed', 'process', 'none'] as const;
/**
 * `KillMode=` of a service: which of its processes a stop ends.
 *
 * @useDeclaredType
 */
export type KillMode = (typeof KILL_MODES)[number];

/** What to do at a timeout: SIGTERM, the watchdog's signal, or SIGKILL. */
export type FailureMode = 'terminate' | 'abort' | 'kill';

export const RESTARTS = [
  'no',
  'on-success',
  'on-failure',
  'on-abnormal',
  'on-watchdog',
  'on-abort',
  'always',
] as const;
/**
 * `Restart=` of a service: after which ends it is started again.
 *
 * @useDeclaredType
 */
export type Restart = (typeof RESTARTS)[number];

/** Ends of a process: exit codes, and names of signals such as 'SIGTERM'. */
export interface ExitStatusSet {
  readonly codes: readonly number[];
  readonly signals: readonly string[];
}

/** How often something may happen. */
export interface RateLimit {
  /** How often within the interval. 0: no limit. */
  readonly burst: number;
  /** Milliseconds. 0: no limit. */
  readonly interval: number;
}

/** A service, with the sockets of its socket units. All times are in milliseconds; Infinity means without end. */
export interface UnitDescription {
  /** The name with its suffix, such as 'app.service'. */
  readonly name: string;
  /** The release of systemd whose rules apply: 252 or later. */
  readonly systemd: number;
  readonly type: ServiceType;

  readonly start: Exec;
  readonly startPre: readonly Exec[];
  readonly startPost: readonly Exec[];
  readonly reload: readonly Exec[];
  readonly stop: readonly Exec[];
  readonly stopPost: readonly Exec[];

  /** The sockets, in the order of their descriptors. */
  readonly sockets: readonly SocketDescription[];
  /** Accept=: each connection gets a service of its own. */
  readonly accept: boolean;
  /** True: the service starts at the first connection. */
  readonly lazy: boolean;
  /** MaxConnections=, of services of Accept=yes at the same time. */
  readonly maxConnections: number;
  /** TriggerLimitBurst= and TriggerLimitIntervalSec=. */
  readonly triggerLimit: RateLimit;
  /** StandardInput= */
  readonly input: 'null' | 'socket' | { readonly file: string };
  /** NonBlocking=: O_NONBLOCK is set on all descriptors, instead of cleared on sockets. */
  readonly nonBlocking: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly directory?: string;

  readonly notifyAccess: NotifyAccess;
  /** WatchdogSec=. 0: none. */
  readonly watchdogTimeout: number;
  readonly fdStoreMax: number;
  readonly fdStorePreserve: FdStorePreserve;

  readonly startTimeout: number;
  readonly stopTimeout: number;
  /** TimeoutAbortSec=, from the watchdog's signal to SIGKILL. */
  readonly abortTimeout: number;
  /** RuntimeMaxSec= */
  readonly runtimeTimeout: number;
  readonly startFailureMode: FailureMode;
  readonly stopFailureMode: FailureMode;

  readonly restart: Restart;
  readonly restartDelay: number;
  readonly startLimit: RateLimit;
  readonly remainAfterExit: boolean;
  readonly successExitStatus: ExitStatusSet;
  readonly restartPreventExitStatus: ExitStatusSet;
  readonly restartForceExitStatus: ExitStatusSet;

  readonly killMode: KillMode;
  readonly killSignal: NodeJS.Signals;
  /** RestartKillSignal=, in place of `killSignal` in a restart. */
  readonly restartKillSignal: NodeJS.Signals;
  readonly finalKillSignal: NodeJS.Signals;
  readonly watchdogSignal: NodeJS.Signals;
  readonly reloadSignal: NodeJS.Signals;
  readonly sendSighup: boolean;
  readonly sendSigkill: boolean;
}

/** The settings of a unit that have to be given. */
export type UnitSettings = Pick<UnitDescription, 'start'> & Partial<UnitDescription>;

/** The newest release whose rules are known. */
export const NEWEST_SYSTEMD = 262;

/** The oldest release whose rules are known. */
export const OLDEST_SYSTEMD = 252;

const NO_STATUS: ExitStatusSet = { codes: [], signals: [] };

/** What systemd.service(5), systemd.socket(5), systemd.kill(5) and systemd-system.conf(5) name as defaults. */
const DEFAULTS = {
  name: 'unit.service',
  systemd: NEWEST_SYSTEMD,
  type: 'simple',

  startPre: [],
  startPost: [],
  reload: [],
  stop: [],
  stopPost: [],

  sockets: [],
  accept: false,
  lazy: false,
  maxConnections: 64,
  input: 'null',
  nonBlocking: false,
  environment: {},

  watchdogTimeout: 0,
  fdStoreMax: 0,
  fdStorePreserve: 'restart',

  stopTimeout: 90_000,
  runtimeTimeout: Number.POSITIVE_INFINITY,
  startFailureMode: 'terminate',
  stopFailureMode: 'terminate',

  restart: 'no',
  restartDelay: 100,
  startLimit: { burst: 5, interval: 10_000 },
  remainAfterExit: false,
  successExitStatus: NO_STATUS,
  restartPreventExitStatus: NO_STATUS,
  restartForceExitStatus: NO_STATUS,

  killMode: 'control-group',
  killSignal: 'SIGTERM',
  finalKillSignal: 'SIGKILL',
  watchdogSignal: 'SIGABRT',
  reloadSignal: 'SIGHUP',
  sendSighup: false,
  sendSigkill: true,
} as const satisfies Partial<UnitDescription>;

/** systemd's own TriggerLimitBurst= in TriggerLimitIntervalSec=, which depend on Accept=. */
export function usualTriggerLimit(accept: boolean): RateLimit {
  return { burst: accept ? 200 : 20, interval: 2000 };
}

/** Makes the description of a unit: the settings, and systemd's defaults for all others. */
export function describe(settings: UnitSettings): UnitDescription {
  const given: UnitSettings = { ...DEFAULTS, ...settings };
  const unit = given as typeof given & typeof DEFAULTS;
  return {
    ...unit,
    notifyAccess: notifyAccessOf(unit),
    startTimeout: unit.startTimeout ?? startTimeoutOf(unit.type),
    abortTimeout: unit.abortTimeout ?? unit.stopTimeout,
    restartKillSignal: unit.restartKillSignal ?? unit.killSignal,
    triggerLimit: unit.triggerLimit ?? usualTriggerLimit(unit.accept),
  };
}

/** A service that has to send messages may, whatever NotifyAccess= says (service_fix_notify_access in systemd). */
function notifyAccessOf(unit: UnitSettings): NotifyAccess {
  const access = unit.notifyAccess ?? 'none';
  const sends =
    waitsForReady(unit.type ?? 'simple') ||
    (unit.watchdogTimeout ?? 0) > 0 ||
    (unit.fdStoreMax ?? 0) > 0;
  return access === 'none' && sends ? 'main' : access;
}

/** Type=oneshot may take as long as it likes (systemd.service(5)). */
function startTimeoutOf(type: ServiceType): number {
  return type === 'oneshot' ? Number.POSITIVE_INFINITY : 90_000;
}
