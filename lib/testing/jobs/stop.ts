// The job that stops a unit: `systemctl stop`, and what is said of how it went.
import type { Result } from '../../manager/exit.ts';
import type { ManagedService } from '../../manager/managed-service.ts';
import type { TestedUnit } from '../tested-unit.ts';
import { timeout } from '../text.ts';
import type { Exit } from '../unit.ts';
import type { Origin, UnitError } from '../unit-error.ts';

/** A unit at the moment at which it is told to stop. */
interface Before {
  /** The services that ran, and had not failed. */
  readonly running: readonly ManagedService[];
  /** True: the main service had begun to stop by itself. */
  readonly isStopping: boolean;
  /** The result of a failure of which the test has not heard. */
  readonly failure: Result | undefined;
}

/**
 * Stops a unit, and leaves nothing of it behind, whatever happens.
 *
 * @throws UnitError when it had failed before, without the test's knowledge, or did not stop in order, or has problems
 */
export async function stopUnit(unit: TestedUnit, origin: Origin): Promise<Exit> {
  if (!unit.isOpen) return unit.exit;
  try {
    unit.managed.resume();
    await unit.drain();
    // As PID 1, which hears of a dead process before it is asked to stop it.
    await unit.exitsHeard();
    const before = stateBefore(unit);
    unit.history.look();
    await stopServices(unit);
    await unit.outputRead();
    const error = whyNotStopped(unit, before, origin);
    if (error !== undefined) throw error;
    return unit.exit;
  } finally {
    await unit.releaseAndWait();
  }
}

/** Stops the service, and those of connections. */
export async function stopServices(unit: TestedUnit): Promise<void> {
  unit.managed.stopListening();
  for (const { rules } of unit.managed.services) rules.stop();
  await unit.wait(() => unit.hasEnded);
}

function stateBefore({ managed, rules, failures }: TestedUnit): Before {
  return {
    running: managed.services.filter(
      ({ rules: { isAtRest, result } }) => !isAtRest && result === 'success',
    ),
    isStopping: rules.state === 'deactivating',
    failure: failures.unknown,
  };
}

function whyNotStopped(unit: TestedUnit, before: Before, origin: Origin): UnitError | undefined {
  const { strict } = unit.parts;
  const { failure } = before;
  if (strict && failure !== undefined) {
    const what = `failed before it was stopped: ${failure}`;
    return unit.error(origin, { job: 'run', what, result: failure });
  }
  const failed = before.running.find(({ rules }) => rules.result !== 'success');
  if (failed !== undefined) {
    const { result } = failed.rules;
    return unit.error(origin, { job: 'stop', what: notInOrder(unit, result, before), result });
  }
  const { length } = unit.history.problems;
  if (length === 0 || !strict) return undefined;
  const count = length === 1 ? 'a problem' : `${length} problems`;
  const what = unit.failures.areNone ? `works, and has ${count}` : `has ${count}`;
  return unit.error(origin, { job: 'stop', what, code: 'ERR_SYSTEMD_PROBLEMS' });
}

function notInOrder({ managed }: TestedUnit, result: Result, { isStopping }: Before): string {
  const { stopTimeout, killSignal, killMode } = managed.description;
  if (result !== 'timeout') return `did not stop in order: ${result}`;
  const told = isStopping ? 'STOPPING=1' : killSignal;
  const who = killMode === 'control-group' ? 'it or a process of it' : 'it';
  return `did not stop in order: ${who} did not end within ${timeout(stopTimeout)} of ${told}, and was killed`;
}
