// The states that copies of the package share in a process.
import { expect, test } from 'vitest';
import { launchNode } from '../support/launch.ts';

/** Prints the key of the states, and the fields of each state and of the objects in it. */
const source = `
  import { createRequire } from 'node:module';
  import { createServer } from 'node:net';
  // Not by import, which loads the parts of the package one by one.
  const { listen } = createRequire(process.cwd() + '/')('libsystemd');
  await listen(createServer());
  const isKey = (key) => String(key).includes('libsystemd');
  const [key] = Object.getOwnPropertySymbols(process).filter(isKey);
  const fieldsOf = (value) => {
    if (value instanceof Map) return ['Map', ...[...value.values()].slice(0, 1).map(fieldsOf)];
    if (value instanceof Set) return ['Set', ...[...value].slice(0, 1).map(fieldsOf)];
    const names = Object.keys(value).sort();
    if (names.length > 0) return names;
    return Object.getOwnPropertyNames(Object.getPrototypeOf(value)).sort();
  };
  const states = Object.fromEntries([...process[key]].map(([name, state]) => [name, fieldsOf(state)]));
  const { found } = process[key].get('activation');
  const { listeners } = process[key].get('ownership');
  const { pinger } = process[key].get('watchdog');
  const nested = { found: fieldsOf(found), listeners: fieldsOf(listeners), pinger: fieldsOf(pinger) };
  console.log(JSON.stringify({ key: key.description, states, nested }));
  process.exit();
`;

// Two versions of the package may be in one process, and the fields of a state that one version has made
// must be those that the other expects.
test('another shape of a shared state has another number in the key', async () => {
  const { result } = await launchNode(['tcp:127.0.0.1:0'], source);
  expect(result, 'give KEY of lib/base/process-state.ts the next number, and change this').toEqual({
    key: 'libsystemd.process-state.3',
    states: {
      activation: ['found'],
      'cluster-added': ['descriptors'],
      'cluster-forks': ['prepareForks'],
      'manager-environment': ['removed'],
      ownership: ['connection', 'hasWarned', 'listeners', 'prepared', 'removed', 'taken'],
      'sent-state': ['onWatchdogUsec', 'stopping', 'watchdogUsec'],
      service: ['cancelExitDeadline', 'isServing', 'pings', 'replaceAutomatic'],
      'unknown-backlog': ['hasWarned'],
      watchdog: ['pinger'],
      worker: ['settings'],
    },
    nested: {
      found: ['descriptors'],
      listeners: ['Map', ['Set', ['server']]],
      pinger: ['add', 'changeTimeout', 'constructor', 'pauseChecks', 'resumeChecks'],
    },
  });
});
