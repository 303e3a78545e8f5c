// The jobs that start a unit: `systemctl start` and `systemctl restart`.
import { waitsForReady } from '../../manager/description.ts';
import type { Problem } from '../problems/codes.ts';
import { describeEnd } from '../report.ts';
import type { TestedUnit } from '../tested-unit.ts';
import { timeout } from '../text.ts';
import type { Origin } from '../unit-error.ts';
import { stopServices } from './stop.ts';

/** How long a unit that has failed to start may take to end by itself, in milliseconds. */
const END_TIMEOUT = 500;

/** Starts a unit, and waits as `systemctl start` does. A lazy one only listens. */
export async function startUnit(unit: TestedUnit, origin: Origin): Promise<void> {
  open(unit, origin);
  unit.history.begin();
  const { lazy, accept } = unit.managed.description;
  if (lazy || accept) return await listen(unit, origin);
  // While it stops, the start follows: then only what comes afterwards tells of it.
  const hasBegun = unit.rules.state === 'deactivating' ? newProcess(unit) : () => true;
  unit.rules.start();
  await started(unit, origin, 'start', hasBegun);
}

/** Restarts a unit, and waits as `systemctl restart` does. */
export async function restartUnit(unit: TestedUnit, origin: Origin): Promise<void> {
  const { lazy, accept } = unit.managed.description;
  // Nothing runs, and nobody listens, so there is only something to start: a client starts the service again.
  const isDeaf = !unit.isOpen || unit.managed.socketResult !== 'success';
  if (lazy && isDeaf) return await startUnit(unit, origin);
  open(unit, origin);
  if (accept) {
    // Nobody but the next connections starts services.
    await stopServices(unit);
    return await listen(unit, origin);
  }
  const hasBegun = newProcess(unit);
  unit.history.look();
  unit.history.begin();
  unit.rules.restart();
  await started(unit, origin, 'restart', hasBegun);
}

/** Opens the sockets of a unit, unless its signal has aborted: nothing would end the unit any more. */
function open(unit: TestedUnit, origin: Origin): void {
  const { signal } = unit.parts;
  if (signal?.aborted) {
    unit.endByForce();
    throw signal.reason;
  }
  origin.check(() => unit.open());
}

/** Waits for the clients that start the services. */
async function listen(unit: TestedUnit, origin: Origin): Promise<void> {
  unit.managed.listen();
  const { socketResult } = unit.managed;
  if (socketResult === 'success') return;
  const error = unit.error(origin, { job: 'start', what: `does not listen: ${socketResult}` });
  await unit.releaseAndWait();
  throw error;
}

/** Returns a function that returns true once the unit has another main process. */
function newProcess(unit: TestedUnit): () => boolean {
  const before = unit.main;
  return () => unit.main !== before;
}

/** Waits for the end of a start, and tells why it has failed. */
async function started(
  unit: TestedUnit,
  origin: Origin,
  job: 'start' | 'restart',
  hasBegun: () => boolean,
): Promise<void> {
  const { stops, main } = unit;
  const isStopped = () => unit.stops !== stops;
  const outcome = () => (hasBegun() || unit.rules.state === 'failed' ? outcomeOf(unit) : 'open');
  await unit.wait(() => isStopped() || outcome() !== 'open');
  if (outcome() === 'started') {
    if (unit.hasEnded) await unit.outputRead(); // Type=oneshot: a test reads it now
    return unit.history.lookLater();
  }
  // stop() goes on, and leaves nothing behind.
  if (isStopped()) throw notCompleted(unit, origin, job);
  // Of a program that fails again and again, the failure says more.
  const isOneTooMany = () => unit.main === main && unit.rules.isStartLimitHit;
  throw await giveUp(unit, origin, () =>
    isOneTooMany() ? tooOften(unit) : whyNotStarted(unit, job),
  );
}

/** The error of a start in whose place a stop was asked for. */
export function notCompleted(unit: TestedUnit, origin: Origin, job: 'start' | 'restart'): Error {
  return unit.error(origin, { job: 'start', what: `was stopped before its ${job} was complete` });
}

/** Ends a unit whose start has failed. Returns the error that tells why. */
async function giveUp(unit: TestedUnit, origin: Origin, why: () => string): Promise<Error> {
  await unit.outputRead();
  if (unit.isOpen) unit.history.look();
  unit.history.lookAtErrors();
  const error = unit.error(origin, { job: 'start', what: why() });
  try {
    await unit.wait(() => unit.hasEnded, END_TIMEOUT);
  } finally {
    await unit.releaseAndWait();
  }
  return error;
}

function outcomeOf({ isOpen, rules }: TestedUnit): 'open' | 'started' | 'failed' {
  if (!isOpen) return 'failed';
  const { state, subState, result } = rules;
  if (result !== 'success' || subState === 'auto-restart') return 'failed';
  if (state === 'active' || state === 'reloading' || state === 'inactive') return 'started';
  return state === 'failed' ? 'failed' : 'open';
}

function tooOften({ managed }: TestedUnit): string {
  const { burst, interval } = managed.description.startLimit;
  return `was started too often: ${burst} starts in ${timeout(interval)} are the most (StartLimitBurst=)`;
}

function whyNotStarted({ isOpen, history, managed, rules }: TestedUnit, job: string): string {
  const { startTimeout, type } = managed.description;
  const isNotify = waitsForReady(type);
  if (!isOpen) return `was ended by its signal before its ${job} was complete`;
  if (rules.result === 'timeout') {
    if (isNotify) history.add([neverReady(startTimeout)]);
    return `did not ${isNotify ? 'become ready' : job} within ${timeout(startTimeout)}`;
  }
  const last = managed.service.processes.at(-1);
  if (last?.failure !== undefined) return `was not started: ${last.failure.message}`;
  const goal = isNotify ? ' before READY=1' : '';
  if (last?.exit !== undefined) return `${describeEnd(last.exit)}${goal}`;
  return `did not ${job}: ${rules.result}`;
}

const neverReady = (startTimeout: number): Problem => ({
  code: 'never-ready',
  message: `READY=1 did not come within ${timeout(startTimeout)}`,
  hint: 'Send READY=1 when the program can do its work: notify.ready(), or serve()',
});
