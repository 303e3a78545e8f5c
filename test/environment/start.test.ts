// Ids, and how the process was started, in child processes. test/manager/given.test.ts compares them with a real manager's.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { evaluate } from './child.ts';

const ID = '0123456789abcdef0123456789abcdef';

test.each([
  ['32 digits', ID, ID],
  ['a UUID in upper case', '01234567-89AB-CDEF-0123-456789ABCDEF', ID],
  ['zeros', '0'.repeat(32), undefined],
  ['too short', ID.slice(1), undefined],
  ['empty', '', undefined],
])('invocationId() of %s', async (_what, INVOCATION_ID, value) => {
  expect(await evaluate({ INVOCATION_ID }, 'invocationId()')).toEqual([
    value === undefined ? {} : { value },
  ]);
});

test('bootId() is the one of the kernel, without dashes', async () => {
  const id = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  expect(await evaluate({}, 'bootId()')).toEqual([{ value: id.replaceAll('-', '') }]);
});

test.each([
  ['0'.repeat(32), 'ERR_INVALID_ARG_VALUE'],
  ['my-app', 'ERR_INVALID_ARG_VALUE'],
  [7, 'ERR_INVALID_ARG_TYPE'],
  [undefined, 'ERR_INVALID_ARG_TYPE'],
])('machineId() refuses %j, and names the command that makes an id', async (app, code) => {
  const [{ error } = {}] = await evaluate({}, `machineId(${JSON.stringify(app) ?? ''})`);
  expect(error?.code).toBe(code);
  if (code === 'ERR_INVALID_ARG_VALUE') expect(error?.message).toContain('systemd-id128 new');
});

test('startedByManager() is true only for the process of SYSTEMD_EXEC_PID', () => {
  const source = `import { startedByManager } from 'libsystemd/environment'; console.log(startedByManager())`;
  const ask = (script: string) =>
    spawnSync('sh', ['-c', script, process.execPath, source], { cwd: root, encoding: 'utf8' })
      .stdout;
  const node = '"$0" --input-type=module -e "$1"';
  expect(ask(`SYSTEMD_EXEC_PID=$$ exec ${node}`)).toBe('true\n');
  expect(ask(`SYSTEMD_EXEC_PID=$$ ${node}; true`)).toBe('false\n');
  expect(ask(`SYSTEMD_EXEC_PID= ${node}`)).toBe('false\n');
});

test.each([
  [{}, undefined],
  [
    { REMOTE_ADDR: '10.0.0.1', REMOTE_PORT: '4711' },
    { address: '10.0.0.1', port: 4711 },
  ],
  [{ REMOTE_ADDR: '@client' }, { address: '@client' }],
  [{ REMOTE_ADDR: '::1', REMOTE_PORT: 'http' }, { address: '::1' }],
  [{ REMOTE_ADDR: '', REMOTE_PORT: '1' }, undefined],
])('remote() of %j', async (variables, value) => {
  const [outcome] = await evaluate(variables as Record<string, string>, 'remote()');
  expect(outcome).toEqual(value === undefined ? {} : { value });
});

test('the import is of one file, and loads no add-on and no module of Node', () => {
  const source = `
    const loaded = () => process.moduleLoadList.filter((name) => /(crypto|net|dgram|child_process)$/.test(name));
    const before = loaded().length;
    await import('libsystemd/environment');
    const { credentials, directory, bootId, unitOf } = await import('libsystemd/environment');
    credentials.names();
    directory('state', { fallback: '/tmp' });
    bootId();
    unitOf('self');
    const maps = process.getBuiltinModule('fs').readFileSync('/proc/self/maps', 'latin1');
    console.log(JSON.stringify([loaded().length - before, /\\.node$/m.test(maps)]));
  `;
  const args = ['--input-type=module', '-e', source];
  const { stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(JSON.parse(stdout)).toEqual([0, false]);
  expect(statSync(join(root, 'dist/environment.js')).size).toBeLessThan(45_000);
});
