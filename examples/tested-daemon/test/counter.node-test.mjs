// The suite in node:test: node --test test/counter.node-test.mjs
import assert from 'node:assert/strict';
import test from 'node:test';
import { startCounter } from './counter.mjs';

test('counts, and keeps the count over a restart', async (t) => {
  const { unit, get, end } = await startCounter(t.signal);
  t.after(end);
  assert.equal(await get('/count'), 'first: 1\n');
  await unit.restart();
  assert.equal(await get('/'), 'first: 1\n');
  assert.deepEqual(unit.problems, []);
});

test('takes another name at a reload, without a new process', async (t) => {
  const { unit, rename, get, end } = await startCounter(t.signal);
  t.after(end);
  const { mainPid } = unit;
  rename('second');
  await unit.reload();
  assert.equal(await get('/'), 'second: 0\n');
  assert.equal(unit.mainPid, mainPid);
});
