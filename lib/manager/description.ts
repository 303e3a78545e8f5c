// The description of one service with its sockets: what its unit files say, in values that the rules understand.
import type { SocketDescription } from './socket-description.ts';

/** One command line, such as ExecStart=. */
export interface Exec {
  readonly argv: readonly string[];
  /** True: a failure counts as success. A unit file has a `-` before the path. Default: false. */
  readonly ignoreFailure?: boolean;
  /**
   * True: `$NAME` and `${NAME}` are replaced when the process starts (expandVariables() of unit-file/command.ts), as in
   * a unit file without a `:` before the path. Default: false.
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

/** The newest release whose rules are known. */
export const NEWEST_SYSTEMD = 262;

/** The oldest release whose rules are known. */
export const OLDEST_SYSTEMD = 252;
