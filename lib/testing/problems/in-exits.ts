// The problems that the end of a main process shows.
import { os } from '../../base/lazy-builtins.ts';
import { type UnitDescription, waitsForReady } from '../../manager/description.ts';
import type { SubState } from '../../manager/states.ts';
import type { ProcessExit } from '../../manager/world.ts';
import type { Problem } from './codes.ts';
import { deafProblem } from './in-reloads.ts';

/** The end of a main process. */
export interface MainEnd {
  readonly unit: UnitDescription;
  /** The state of the service until then. */
  readonly state: SubState;
  readonly exit: ProcessExit;
  /** True once the service has sent STOPPING=1. */
  readonly hasSaidStopping: boolean;
  /** True once somebody has asked for a reload. */
  readonly hasReloaded: boolean;
}

/** The problems of how a main process has ended. */
export function exitProblems({
  unit,
  state,
  exit,
  hasSaidStopping,
  hasReloaded,
}: MainEnd): Problem[] {
  const { code } = exit;
  const problems: Problem[] = [];
  if (state === 'start' && waitsForReady(unit.type) && code === 0)
    problems.push({
      code: 'exit-before-ready',
      message: `the main process exited with 0 before READY=1, which Type=${unit.type} takes for a failure`,
      hint: "Keep the process running and send READY=1, or use Type=oneshot ({ type: 'oneshot' }) for a program that ends",
    });
  // A shell reports a child that was ended by a signal in this way, and many programs imitate it.
  const imitated = 128 + os().constants.signals[unit.killSignal];
  if (code === imitated && !unit.successExitStatus.codes.includes(code))
    problems.push({
      code: 'exit-143',
      message: `the main process caught ${unit.killSignal} and exited with ${code}, which is a failure to systemd`,
      hint: `Exit with 0 after an orderly stop, or set SuccessExitStatus=${code}`,
    });
  if (hasSaidStopping && state.endsWith('sigkill'))
    problems.push({
      code: 'stopping-without-exit',
      message: `the process sent STOPPING=1 and did not end in ${unit.stopTimeout / 1000} s, so it was killed`,
      hint: 'After STOPPING=1 no SIGTERM comes: end the process, or close what keeps its event loop alive',
    });
  // A script of ExecReload= may have sent it, so only the end tells.
  if (hasReloaded && exit.signal === 'SIGHUP' && /^(running|reload)/.test(state))
    problems.push(deafProblem(unit, 'SIGHUP', 'at the reload'));
  return problems;
}
