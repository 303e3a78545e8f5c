// Tests of node:test that leave the end of their units to `test`. MARK is a variable of the daemons.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { start } from 'libsystemd/testing';

const does = (...actions) => [process.execPath, join(import.meta.dirname, 'does.mjs'), ...actions];
const options = { env: { MARK: process.env.MARK }, startTimeout: 20_000, stopTimeout: 20_000 };
let before;

test('passes', async (t) => {
  before = await start(does('READY=1'), { ...options, test: t });
  assert.equal(before.state, 'active');
});

test('comes when the unit of the test before has stopped', () => {
  assert.equal(before.state, 'inactive');
});

test('has a problem', async (t) => {
  await start(does('READY=1 ', 'READY=1'), { ...options, test: t });
});

test('takes too long', { timeout: 3000 }, async (t) => {
  await start(does('on:SIGTERM=STATUS=deaf', 'wait:600000'), { ...options, test: t });
});

test('waits for a failure itself', async (t) => {
  await assert.rejects(start(does('exit:3'), { ...options, test: t }), /exited with 3/);
});
