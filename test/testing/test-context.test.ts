// The option `test`: a unit ends with its test.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { start, type Unit } from 'libsystemd/testing';
import { describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { marked } from './marked.ts';
import { does, failure, programs } from './support.ts';

const PATIENT = { startTimeout: 20_000, stopTimeout: 20_000 };

describe('in vitest', () => {
  let before: Unit;

  test('a unit is started with the context of its test', async (context) => {
    before = await start(does('READY=1'), { ...PATIENT, test: context });
    expect(before.state).toBe('active');
  });

  test('and is stopped when the next test begins', () => {
    expect(before).toMatchObject({ state: 'inactive', result: 'success' });
  });
});

test('in node:test a unit stops with its test, which fails by its problems and by its time', () => {
  const MARK = randomUUID();
  // node:test tells its children by a variable what they are.
  const env = { PATH: process.env['PATH'], MARK };
  const args = ['--test', '--test-reporter=tap', join(programs, 'of-node-test.mjs')];
  const { stdout } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' });
  const lines = [...stdout.matchAll(/^ *((?:not )?ok) \d+ - (?!.*mjs)(.*)$/gm)];
  expect(lines.map(([, result, name]) => `${result}: ${name}`)).toEqual([
    'ok: passes',
    'ok: comes when the unit of the test before has stopped',
    'not ok: has a problem',
    'not ok: takes too long',
    'ok: waits for a failure itself',
  ]);
  expect(stdout).toContain('near-miss');
  expect(stdout).toContain('test timed out');
  expect(marked(MARK)).toEqual([]);
});

test('what is no context of a test is refused', async () => {
  const error = await failure(start(['true'], { test: { name: 'mine' } as object }));
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect(error.message).toContain('the context of a test of node:test or vitest');
});
