// What the manager does when a process of the service has ended.
import { waitsForReady } from './description.ts';
import { describeExit, type Result, resultOf } from './exit.ts';
import { enterReloadSignal, enterRunning, finishReload } from './running.ts';
import type { ServiceState } from './service-state.ts';
import { enterStart, enterStartPost } from './starting.ts';
import { enterDead, enterSignal, enterStop, enterStopPost } from './stopping.ts';
import type { ProcessExit } from './world.ts';

/** The main process has ended. */
export function mainEnded(service: ServiceState, exit: ProcessExit): void {
  const { unit, processes } = service;
  const kind = unit.type === 'oneshot' ? 'command' : 'daemon';
  const outcome = resultOf(exit, kind, unit.successExitStatus);
  const result = unit.start.ignoreFailure ? 'success' : outcome;
  processes.main = 0;
  processes.mainExit = exit;
  if (result !== 'success') service.write(`Main process exited, ${describeExit(exit)}`);
  service.note(result);
  leaveMain(service, result);
}

function leaveMain(service: ServiceState, result: Result): void {
  const { hasControl } = service.processes;
  switch (service.subState) {
    case 'start':
      mainEndedInStart(service, result);
      break;
    case 'running':
      enterRunning(service, result);
      break;
    case 'start-post':
    case 'reload':
    case 'reload-signal':
    case 'reload-notify':
      // Without a process these states could never end.
      if (!hasControl) enterStop(service, result);
      break;
    // In 'stop' the command of ExecStop= goes on.
    default:
      if (!hasControl) goOnStopping(service, result);
  }
}

/** The last of the processes that the manager knows has ended while the service stops. */
function goOnStopping(service: ServiceState, result: Result): void {
  switch (service.subState) {
    case 'stop-watchdog':
    case 'stop-sigterm':
    case 'stop-sigkill':
      enterStopPost(service, result);
      break;
    case 'stop-post':
      enterSignal(service, 'final-sigterm', result);
      break;
    case 'final-watchdog':
    case 'final-sigterm':
    case 'final-sigkill':
      enterDead(service, result);
      break;
  }
}

/** The main process has ended before the start was complete. */
function mainEndedInStart(service: ServiceState, result: Result): void {
  const { type, remainAfterExit } = service.unit;
  if (type === 'oneshot' && result === 'success') enterStartPost(service);
  else if (type === 'exec') enterRunning(service, result);
  else if (result !== 'success') enterSignal(service, 'stop-sigterm', result);
  // Nobody is left who may say READY=1.
  else if (!remainAfterExit || service.access === 'main')
    enterSignal(service, 'stop-sigterm', 'protocol');
}

/** The control process has ended. */
export function controlEnded(service: ServiceState, exit: ProcessExit): void {
  const { unit, processes, command } = service;
  const outcome = resultOf(exit, 'command', unit.successExitStatus);
  const result = command?.exec.ignoreFailure ? 'success' : outcome;
  processes.control = 0;
  if (result !== 'success') service.write(`Control process exited, ${describeExit(exit)}`);
  // A reload that fails is no failure of the service.
  if (service.subState !== 'reload') service.note(result);
  if (command !== undefined && command.rest.length > 0 && result === 'success') {
    if (!service.runNextCommand()) noNextCommand(service);
  } else {
    service.command = undefined;
    leaveControl(service, result);
  }
}

/** No process could be made for the next command of a stage. */
function noNextCommand(service: ServiceState): void {
  if (service.subState === 'stop-post') enterDead(service, 'resources');
  else if (service.subState === 'reload') finishReload(service, 'resources');
  else enterSignal(service, 'stop-sigterm', 'resources');
}

function leaveControl(service: ServiceState, result: Result): void {
  const { hasMain } = service.processes;
  switch (service.subState) {
    case 'start-pre':
      if (result === 'success') enterStart(service);
      else enterSignal(service, 'stop-sigterm', result);
      break;
    case 'start-post':
      if (result === 'success') enterRunning(service);
      else enterSignal(service, 'stop-sigterm', result);
      break;
    case 'reload':
      if (result === 'success') enterReloadSignal(service);
      else finishReload(service, result);
      break;
    case 'stop':
      enterSignal(service, 'stop-sigterm', result);
      break;
    default:
      if (!hasMain) goOnStopping(service, result);
  }
}

/** No process of the unit is left, not even one that the manager does not know by its pid. */
export function allEnded(service: ServiceState): void {
  const { processes, subState, unit } = service;
  if (subState === 'running') enterRunning(service);
  if (processes.hasMain || processes.hasControl) return;
  switch (subState) {
    case 'start':
      if (waitsForReady(unit.type)) enterStopPost(service, 'protocol');
      break;
    case 'stop-watchdog':
    case 'stop-sigterm':
    case 'stop-sigkill':
      enterStopPost(service);
      break;
    case 'stop-post':
    case 'final-watchdog':
    case 'final-sigterm':
    case 'final-sigkill':
      enterDead(service);
      break;
  }
}
