// What the manager does when a state has taken too long, or the watchdog.
import { formatSpan } from './deadline.ts';
import type { FailureMode } from './description.ts';
import { finishReload } from './running.ts';
import type { ServiceState } from './service-state.ts';
import { enterDead, enterSignal, enterStop, enterStopPost } from './stopping.ts';

const WORDS: Readonly<Record<FailureMode, string>> = {
  terminate: 'Terminating.',
  abort: 'Aborting.',
  kill: 'Killing.',
};

/** The state in which the manager waits for what it has sent, after `stop-` or `final-`. */
const STATES = { terminate: 'sigterm', abort: 'watchdog', kill: 'sigkill' } as const;

/** The present state has taken too long. 'auto-restart' is not meant: its end is no failure. */
export function timedOut(service: ServiceState): void {
  const { subState, unit } = service;
  const what = `State '${subState}' timed out.`;
  switch (subState) {
    case 'start-pre':
    case 'start':
    case 'start-post':
      fail(service, 'stop', `${subState} operation timed out.`, unit.startFailureMode);
      break;
    case 'running':
      service.write('Service reached runtime time limit. Stopping.');
      enterStop(service, 'timeout');
      break;
    case 'reload':
    case 'reload-signal':
    case 'reload-notify':
      service.write('Reload operation timed out. Killing reload process.');
      service.processes.killControl();
      finishReload(service, 'timeout');
      break;
    case 'stop':
      fail(service, 'stop', 'Stopping timed out.', unit.stopFailureMode);
      break;
    case 'stop-sigterm':
      fail(service, 'stop', what, unit.stopFailureMode === 'abort' ? 'abort' : 'kill');
      break;
    case 'stop-watchdog':
      fail(service, 'stop', what, 'kill');
      break;
    case 'stop-sigkill':
      service.write('Processes still around after SIGKILL. Ignoring.');
      enterStopPost(service, 'timeout');
      break;
    default:
      timedOutFinally(service);
  }
}

/** A state after ExecStopPost= has taken too long. */
function timedOutFinally(service: ServiceState): void {
  const { subState, unit } = service;
  const what = `State '${subState}' timed out.`;
  switch (subState) {
    case 'stop-post':
      fail(service, 'final', what, unit.stopFailureMode);
      break;
    case 'final-sigterm':
      fail(service, 'final', what, unit.stopFailureMode === 'abort' ? 'abort' : 'kill');
      break;
    case 'final-watchdog':
      fail(service, 'final', what, 'kill');
      break;
    case 'final-sigkill':
      service.write('Processes still around after final SIGKILL. Entering failed mode.');
      enterDead(service, 'timeout');
      break;
  }
}

/** Ends a state that has taken too long. In the final phase, after ExecStopPost=, nothing follows but the end. */
function fail(
  service: ServiceState,
  phase: 'stop' | 'final',
  what: string,
  mode: FailureMode,
): void {
  const isFinal = phase === 'final';
  if (mode !== 'kill' || service.unit.sendSigkill) {
    service.write(`${what} ${WORDS[mode]}`);
    enterSignal(service, `${phase}-${STATES[mode]}`, 'timeout');
    return;
  }
  service.write(`${what} Skipping SIGKILL.${isFinal ? ' Entering failed mode.' : ''}`);
  if (isFinal) enterDead(service, 'timeout', false);
  else enterStopPost(service, 'timeout');
}

/** The service was not seen alive for the watchdog timeout. */
export function watchdogExpired(service: ServiceState): void {
  service.write(`Watchdog timeout (limit ${formatSpan(service.watchdog.timeout ?? 0n)})!`);
  service.watchdog.stop();
  enterSignal(service, 'stop-watchdog', 'watchdog');
}

/** WATCHDOG=trigger: the service itself asks for what follows a watchdog timeout. */
export function watchdogTriggered(service: ServiceState): void {
  service.write(`Watchdog request (last status: ${service.status ?? '<unset>'})!`);
  enterSignal(service, 'stop-watchdog', 'watchdog');
}
