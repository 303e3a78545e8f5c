// directory(), in a child process with the variables that systemd sets. test/manager/given.test.ts asks real units.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { evaluate } from './child.ts';

const folder = temporaryFolder();
const several = { STATE_DIRECTORY: '/var/lib/app/spool:/var/lib/app:/var/lib/other' };

test.each([
  ['state', 'STATE_DIRECTORY'],
  ['runtime', 'RUNTIME_DIRECTORY'],
  ['cache', 'CACHE_DIRECTORY'],
  ['logs', 'LOGS_DIRECTORY'],
  ['configuration', 'CONFIGURATION_DIRECTORY'],
])('%s is the folder of %s', async (kind, variable) => {
  const [outcome] = await evaluate({ [variable]: '/x/app' }, `directory('${kind}')`);
  expect(outcome).toEqual({ value: '/x/app' });
});

test.each([
  [`{ index: 0 }`, '/var/lib/app/spool'],
  [`{ index: 2 }`, '/var/lib/other'],
  [`{ name: 'app' }`, '/var/lib/app'],
  [`{ name: 'app/spool' }`, '/var/lib/app/spool'],
  [`{ name: 'spool/' }`, '/var/lib/app/spool'],
  [`{ name: 'other', fallback: '/nowhere' }`, '/var/lib/other'],
])('of several folders, %s chooses %s', async (options, path) => {
  expect(await evaluate(several, `directory('state', ${options})`)).toEqual([{ value: path }]);
});

test.each([
  ['', 'where one folder was expected: choose by the option name or index'],
  [', { index: 3 }', 'and no folder of index 3: add its name to StateDirectory= of the unit'],
  [`, { name: 'pp' }`, 'and no folder "pp": add the name to StateDirectory= of the unit'],
  [`, { name: '/' }`, 'and no folder "/"'],
  [`, { name: 'x', fallback: '/nowhere' }`, 'and no folder "x"'],
])('directory(state%s) lists the folders, and says what to do', async (options, advice) => {
  const [{ error } = {}] = await evaluate(several, `directory('state'${options})`);
  expect(error).toMatchObject({ name: 'SystemdError', code: 'ERR_SYSTEMD_DIRECTORY' });
  const list = '"/var/lib/app/spool", "/var/lib/app", "/var/lib/other"';
  expect(error?.message).toContain(`STATE_DIRECTORY has ${list}, ${advice}`);
});

test.each([
  ['unset', {}],
  ['empty', { STATE_DIRECTORY: '' }],
])('with the variable %s the fallback is made, and is the folder', async (how, variables) => {
  const path = join(folder, how, 'deep');
  const call = `directory('state', { fallback: '${path}' })`;
  expect(await evaluate(variables, call, call)).toEqual([{ value: path }, { value: path }]);
  expect(statSync(path).isDirectory()).toBe(true);
});

test('without the variable and without a fallback the error names the setting', async () => {
  // A variable of colons alone names no folder.
  for (const variables of [{}, { LOGS_DIRECTORY: ':' }]) {
    const [{ error } = {}] = await evaluate(variables, `directory('logs')`);
    expect(error?.code).toBe('ERR_SYSTEMD_DIRECTORY');
    expect(error?.message).toMatch(/^LOGS_DIRECTORY is not set: .* Add LogsDirectory=NAME to its/);
  }
});

test('a fallback that cannot be made is the error of Node', async () => {
  const [{ error } = {}] = await evaluate({}, `directory('cache', { fallback: '/etc/passwd/y' })`);
  expect(error).toMatchObject({ name: 'Error', code: 'ENOTDIR' });
});

test.each([
  [`directory('data')`, 'ERR_INVALID_ARG_VALUE'],
  [`directory('toString')`, 'ERR_INVALID_ARG_VALUE'],
  [`directory('state', { index: -1 })`, 'ERR_OUT_OF_RANGE'],
  [`directory('state', { index: 0, name: 'app' })`, 'ERR_INVALID_ARG_VALUE'],
  [`directory('state', { name: 1 })`, 'ERR_INVALID_ARG_TYPE'],
  [`directory('state', { fallback: '' })`, 'ERR_INVALID_ARG_VALUE'],
  [`directory('state', { fallbak: '/x' })`, 'ERR_INVALID_ARG_VALUE'],
])('%s is refused', async (call, code) => {
  const [{ error } = {}] = await evaluate(several, call);
  expect(error?.code).toBe(code);
});
