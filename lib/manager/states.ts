// The states of a service: systemd's sub-states, and which state of a unit each of them is.

/** What `systemctl show --property=SubState` prints. */
export type SubState =
  | 'dead'
  | 'start-pre'
  | 'start'
  | 'start-post'
  | 'running'
  | 'exited'
  | 'reload'
  | 'reload-signal'
  | 'reload-notify'
  | 'stop'
  | 'stop-watchdog'
  | 'stop-sigterm'
  | 'stop-sigkill'
  | 'stop-post'
  | 'final-watchdog'
  | 'final-sigterm'
  | 'final-sigkill'
  | 'failed'
  | 'dead-resources-pinned'
  | 'auto-restart';

/** What `systemctl show --property=ActiveState` prints. */
export type ActiveState =
  | 'inactive'
  | 'activating'
  | 'active'
  | 'reloading'
  | 'deactivating'
  | 'failed';

export const ACTIVE_STATES: Readonly<Record<SubState, ActiveState>> = {
  dead: 'inactive',
  'start-pre': 'activating',
  start: 'activating',
  'start-post': 'activating',
  running: 'active',
  exited: 'active',
  reload: 'reloading',
  'reload-signal': 'reloading',
  'reload-notify': 'reloading',
  stop: 'deactivating',
  'stop-watchdog': 'deactivating',
  'stop-sigterm': 'deactivating',
  'stop-sigkill': 'deactivating',
  'stop-post': 'deactivating',
  'final-watchdog': 'deactivating',
  'final-sigterm': 'deactivating',
  'final-sigkill': 'deactivating',
  failed: 'failed',
  'dead-resources-pinned': 'inactive',
  'auto-restart': 'activating',
};

/** The states in which nothing is under way that could take too long. */
const WITHOUT_TIMER: readonly SubState[] = ['dead', 'failed', 'exited', 'dead-resources-pinned'];

/** The states in which the watchdog goes on. A message may start it in any other state too. */
const WITH_WATCHDOG: readonly SubState[] = [
  'start-post',
  'running',
  'reload',
  'reload-signal',
  'reload-notify',
];

export function hasTimer(state: SubState): boolean {
  return !WITHOUT_TIMER.includes(state);
}

export function hasWatchdog(state: SubState): boolean {
  return WITH_WATCHDOG.includes(state);
}

/** True for the states in which the service has no processes that the manager knows. */
export function hasNoProcess(state: SubState): boolean {
  return WITHOUT_TIMER.includes(state) || state === 'auto-restart';
}
