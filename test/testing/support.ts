// Daemons for the tests of libsystemd/testing.
import { join } from 'node:path';
import { start, type Unit, type UnitError, type UnitOptions } from 'libsystemd/testing';
import { onTestFinished, type TestContext } from 'vitest';
import { root } from '../support/tools.ts';

export const programs = join(root, 'test', 'testing', 'programs');

/** The words of a command that does what these actions say: see programs/does.mjs. */
export const does = (...actions: readonly string[]) => [
  process.execPath,
  join(programs, 'does.mjs'),
  ...actions,
];

/** Times that also a busy machine keeps. */
const PATIENT = { startTimeout: 20_000, stopTimeout: 20_000 };

/**
 * Starts a unit, which ends with the test, whether the test has stopped it or not.
 *
 * @param context - of the test, if it is one of several at the same time
 */
export async function startUnit(
  command: readonly string[] | string,
  options: UnitOptions = {},
  context: Pick<TestContext, 'onTestFinished'> = { onTestFinished },
): Promise<Unit> {
  const controller = new AbortController();
  context.onTestFinished(() => controller.abort());
  return await start(command, { ...PATIENT, signal: controller.signal, ...options });
}

/** The error of a promise that must reject. */
export async function failure(promise: Promise<unknown>): Promise<UnitError> {
  try {
    await promise;
  } catch (error) {
    return error as UnitError;
  }
  throw new Error('It did not fail');
}

/** True while a process exists and has not ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
