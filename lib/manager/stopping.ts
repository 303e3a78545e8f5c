// How a service stops: ExecStop=, signals, ExecStopPost=, and what it is afterwards.
import type { Result } from './exit.ts';
import type { KillOperation } from './processes.ts';
import { shallRestart } from './restart.ts';
import type { ServiceState } from './service-state.ts';
import { ACTIVE_STATES, type SubState } from './states.ts';

/** The states in which the manager waits for processes that it has sent a signal. */
export type KillState = Extract<
  SubState,
  `${'stop' | 'final'}-${'watchdog' | 'sigterm' | 'sigkill'}`
>;

/** Stops a service because somebody has asked for it. */
export function stop(service: ServiceState): void {
  const { subState } = service;
  service.forbidsRestart = true;
  if (subState === 'auto-restart') rest(service);
  else if (subState === 'running' || subState === 'exited') enterStop(service);
  else if (
    subState === 'stop-watchdog' ||
    ['activating', 'reloading'].includes(ACTIVE_STATES[subState])
  )
    // What runs already does not end by ExecStop=.
    enterSignal(service, 'stop-sigterm');
}

export function enterStop(service: ServiceState, result: Result = 'success'): void {
  service.note(result);
  const stage = service.enterStage('stop');
  if (stage !== 'running')
    enterSignal(service, 'stop-sigterm', stage === 'failed' ? 'resources' : 'success');
}

/** The service itself has begun to stop, so it is as if it had got SIGTERM. */
export function enterStopByNotify(service: ServiceState): void {
  service.allow(service.unit.stopTimeout);
  service.setState('stop-sigterm');
}

/** Sends the signal of a state. Where nobody is left who could get the signal, the next state follows at once. */
export function enterSignal(
  service: ServiceState,
  state: KillState,
  result: Result = 'success',
): void {
  const { processes, unit } = service;
  service.note(result);
  if (processes.kill(operationOf(service, state))) {
    service.allow(state.endsWith('watchdog') ? unit.abortTimeout : unit.stopTimeout);
    service.setState(state);
    return;
  }
  const isLast = state.endsWith('sigkill') || !unit.sendSigkill;
  if (state.startsWith('stop')) {
    if (isLast) enterStopPost(service);
    else enterSignal(service, 'stop-sigkill');
  } else if (isLast) enterDead(service);
  else enterSignal(service, 'final-sigkill');
}

function operationOf({ job }: ServiceState, state: KillState): KillOperation {
  if (state.endsWith('watchdog')) return 'watchdog';
  if (state.endsWith('sigkill')) return 'kill';
  return state === 'stop-sigterm' && job === 'restart' ? 'restart' : 'terminate';
}

/** All processes of the service have ended that the manager knows by their pid. */
export function enterStopPost(service: ServiceState, result: Result = 'success'): void {
  service.note(result);
  const stage = service.enterStage('stopPost');
  if (stage !== 'running')
    enterSignal(service, 'final-sigterm', stage === 'failed' ? 'resources' : 'success');
}

/** Nothing of the service runs any more. */
export function enterDead(
  service: ServiceState,
  result: Result = 'success',
  mayRestart = true,
): void {
  const { unit, processes } = service;
  service.note(result);
  if (service.result === 'success') service.write('Deactivated successfully.');
  else service.write(`Failed with result '${service.result}'.`);
  const restarts =
    mayRestart && !service.forbidsRestart && shallRestart(unit, service.result, processes.mainExit);
  if (restarts) {
    service.setState('auto-restart');
    service.allow(unit.restartDelay);
  } else end(service);
  service.forbidsRestart = false;
  service.accessOverride = undefined;
  if (unit.fdStorePreserve === 'no') service.store.release();
}

/** The service has ended for good, or until somebody's start, who waits for that already. */
function end(service: ServiceState): void {
  service.flushesRestarts = true;
  if (service.result === 'success') rest(service);
  else {
    releaseStore(service);
    service.setState('failed');
  }
}

/** All processes were killed by force, and nobody will tell how they end: the service is inactive at once. */
export function abandon(service: ServiceState): void {
  service.job = undefined;
  rest(service);
  service.timer.clear();
  service.watchdog.stop();
}

/** The service is inactive. */
function rest(service: ServiceState): void {
  releaseStore(service);
  const isPinned = service.store.entries.length > 0 && !service.startsAgain;
  service.setState(isPinned ? 'dead-resources-pinned' : 'dead');
}

/** Drops the fd store, unless it outlives the service, or somebody waits for a start that follows at once. */
function releaseStore(service: ServiceState): void {
  service.startsAgain = service.job === 'start' || service.job === 'restart';
  service.job = undefined;
  if (!service.startsAgain && !pinsStore(service)) service.store.release();
}

/** True if the fd store outlives the service. */
function pinsStore({ unit, result }: ServiceState): boolean {
  if (unit.fdStorePreserve === 'on-success') return result === 'success';
  return unit.fdStorePreserve === 'yes';
}
