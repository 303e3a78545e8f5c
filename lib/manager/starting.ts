// How a service starts: ExecStartPre=, the main process, ExecStartPost=.
import type { StartLimit } from './restart.ts';
import { enterRunning } from './running.ts';
import type { ServiceState } from './service-state.ts';
import { enterDead, enterSignal, enterStop } from './stopping.ts';

/** Starts a service that is at rest, unless it was started too often. */
export function start(service: ServiceState, limit: StartLimit): void {
  service.job = undefined;
  service.isStartLimitHit = !limit.take(service.world.now());
  if (service.isStartLimitHit) {
    service.write('Start request repeated too quickly.');
    // Before 262 the failure that has led to this stayed the result.
    if (service.unit.systemd >= 262) service.result = 'start-limit-hit';
    enterDead(service, 'start-limit-hit', false);
    return;
  }
  forget(service);
  const stage = service.enterStage('startPre');
  if (stage === 'none') enterStart(service);
  else if (stage === 'failed') enterDead(service, 'resources');
}

/** Forgets what was known from the last start. */
function forget(service: ServiceState): void {
  // Since 254 any start but an automatic one counts from 0; before, any start after the service had ended for good.
  const flushes =
    service.unit.systemd >= 254 ? service.subState !== 'auto-restart' : service.flushesRestarts;
  if (flushes) service.restarts = 0;
  service.flushesRestarts = false;
  service.forbidsRestart = false;
  service.processes.reset();
  service.watchdog.reset();
  service.result = 'success';
  service.reloadResult = 'success';
  service.reloadBegin = undefined;
  service.status = undefined;
  service.errno = 0;
  service.accessOverride = undefined;
  service.notified = undefined;
}

/** The commands of ExecStartPre= have ended well, or there are none. */
export function enterStart(service: ServiceState): void {
  const { type, startTimeout } = service.unit;
  service.endStage();
  service.allow(type === 'simple' ? Number.POSITIVE_INFINITY : startTimeout);
  try {
    service.processes.spawnMain(service);
  } catch (error) {
    service.write(`Failed to spawn 'start' task: ${(error as Error).message}`);
    enterSignal(service, 'stop-sigterm', 'resources');
    return;
  }
  if (type === 'simple') enterStartPost(service);
  else service.setState('start');
}

/** The main process has started, as far as the type of the service tells. */
export function enterStartPost(service: ServiceState): void {
  service.watchdog.restart(service.world.now());
  const stage = service.enterStage('startPost');
  if (stage === 'none') enterRunning(service);
  else if (stage === 'failed') enterStop(service, 'resources');
}
