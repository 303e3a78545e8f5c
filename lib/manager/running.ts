// A service that runs, and how it reloads.
import { toUsec } from './deadline.ts';
import type { Result } from './exit.ts';
import type { ServiceState } from './service-state.ts';
import { enterSignal, enterStop, enterStopByNotify } from './stopping.ts';

/** The start, or a reload, or a main process has ended: the service runs, or it does not. */
export function enterRunning(service: ServiceState, result: Result = 'success'): void {
  service.note(result);
  service.endStage();
  if (service.result !== 'success') enterSignal(service, 'stop-sigterm', result);
  else if (service.processes.hasMain) run(service);
  else if (service.unit.remainAfterExit) service.setState('exited');
  else enterStop(service);
}

/** Acts on what the service and others have said before it was running. */
function run(service: ServiceState): void {
  if (service.notified === 'reloading') enterReloadByNotify(service);
  else if (service.notified === 'stopping') enterStopByNotify(service);
  else {
    service.setState('running');
    service.timer.set(service.activeSince, toUsec(service.unit.runtimeTimeout));
    if (service.job === 'reload') reload(service);
  }
}

export function canReload({ unit }: ServiceState): boolean {
  return unit.reload.length > 0 || unit.type === 'notify-reload';
}

/** Reloads a service that runs. */
export function reload(service: ServiceState): void {
  const { unit, world } = service;
  service.job = undefined;
  service.reloadResult = 'success';
  if (service.notified === 'reloading' || service.notified === 'reload-ready')
    service.notified = undefined;
  service.reloadBegin = world.now();
  // 259 has put the signal after ExecReload=; before, it was the first thing.
  if (unit.systemd < 259 && !sendReloadSignal(service)) return;
  const stage = service.enterStage('reload');
  if (stage === 'none') enterReloadSignal(service);
  else if (stage === 'failed') finishReload(service, 'resources');
}

/** Sends the signal of Type=notify-reload. Returns false if the reload has failed by that. */
function sendReloadSignal(service: ServiceState): boolean {
  const { processes, unit } = service;
  if (unit.type !== 'notify-reload' || processes.main === 0) return true;
  if (processes.signalMain(unit.reloadSignal)) return true;
  service.write('Failed to send reload signal: No such process');
  finishReload(service, 'resources');
  return false;
}

/** The commands of ExecReload= have ended well, or there are none. */
export function enterReloadSignal(service: ServiceState): void {
  const { unit, processes, subState, notified } = service;
  const hasNotified = subState === 'reload' && notified;
  if (unit.type !== 'notify-reload' || processes.main === 0) finishReload(service);
  else if (hasNotified === 'reloading') service.setState('reload-notify');
  else if (hasNotified === 'reload-ready') finishReload(service);
  // Until 258 a command that ends well is enough, although the signal was sent.
  else if (subState === 'reload' && unit.systemd < 259) finishReload(service);
  else if (unit.systemd < 259 || sendReloadSignal(service)) {
    service.allow(unit.startTimeout);
    service.setState('reload-signal');
  }
}

/** The service itself has begun to reload. */
export function enterReloadByNotify(service: ServiceState): void {
  service.allow(service.unit.startTimeout);
  service.setState(service.unit.systemd >= 253 ? 'reload-notify' : 'reload');
}

export function finishReload(service: ServiceState, result: Result = 'success'): void {
  service.reloadResult = result;
  service.reloadBegin = undefined;
  // Before 258, a reload that took too long began anew, for ever (systemd#37515).
  if (service.unit.systemd >= 258 && service.notified === 'reloading') service.notified = undefined;
  enterRunning(service);
}
