// systemd's defaults for what a unit does not set.
import {
  type ExitStatusSet,
  NEWEST_SYSTEMD,
  type NotifyAccess,
  type RateLimit,
  type ServiceType,
  type UnitDescription,
  waitsForReady,
} from './description.ts';

/** The settings of a unit that have to be given. */
export type UnitSettings = Pick<UnitDescription, 'start'> & Partial<UnitDescription>;

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
