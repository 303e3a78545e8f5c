// Jobs of a unit that are asked for while another one is under way.
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { does, failure, startUnit } from './support.ts';

/** A daemon that stops 300 ms after it was told to. */
const SLOW_TO_STOP = does('on:SIGTERM=exit-after:300', 'READY=1');

describe.each(['start', 'restart'] as const)('a %s', (job) => {
  test.each([0, 100])('that comes %i ms after a stop follows it', async (milliseconds) => {
    const unit = await startUnit(SLOW_TO_STOP);
    const { mainPid } = unit;
    const stopping = unit.stop();
    await delay(milliseconds);
    await unit[job]();
    expect(unit.state).toBe('active');
    expect(unit.mainPid).not.toBe(mainPid);
    expect((await stopping).result).toBe('success');
    await unit.stop();
  });

  test('gives way to a stop that comes later', async () => {
    const unit = await startUnit(SLOW_TO_STOP);
    const stopping = unit.stop();
    const late = failure(unit[job]());
    await unit.stop();
    expect((await late).message).toContain(`was stopped before its ${job} was complete`);
    expect(unit.state).toBe('inactive');
    await stopping;
  });
});

test('a start that is under way rejects when the unit is stopped', async () => {
  const unit = await startUnit(does('READY=1'));
  await unit.stop();
  const late = failure(unit.start());
  await unit.stop();
  expect((await late).message).toContain('was stopped before its start was complete');
});

test('several starts and restarts at once are one', async () => {
  const unit = await startUnit(does('READY=1'));
  await Promise.all([unit.restart(), unit.restart(), unit.start()]);
  expect(unit.state).toBe('active');
  await Promise.all([unit.stop(), unit.stop()]);
  expect(unit.state).toBe('inactive');
});

test('a restart after the abort of the signal starts nothing', async () => {
  const controller = new AbortController();
  const unit = await startUnit(does('READY=1'), { signal: controller.signal });
  controller.abort();
  expect(await failure(unit.restart())).toBe(controller.signal.reason);
  expect(unit.state).toBe('inactive');
});
