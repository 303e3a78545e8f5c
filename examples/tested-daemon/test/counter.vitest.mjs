// The suite in vitest: npx vitest run
import { test as base, expect } from 'vitest';
import { startCounter } from './counter.mjs';

const test = base.extend({
  counter: async ({ signal }, use) => {
    const counter = await startCounter(signal);
    await use(counter);
    await counter.end();
  },
});

test('is started again when it dies', async ({ counter: { unit, get } }) => {
  expect(await get('/count')).toBe('first: 1\n');
  unit.kill('SIGKILL');
  await unit.until(({ restarts, state }) => restarts === 1 && state === 'active');
  expect(await get('/')).toBe('first: 0\n'); // what was not saved is lost
});

test('is tested with the settings of its unit files, but for these', async ({ counter }) => {
  expect(counter.unit.ignored.map(({ key }) => key)).toEqual(['User', 'ProtectSystem']);
});
