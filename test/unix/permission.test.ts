// Unix sockets in a process of Node's permission model, which does not see bind(2): no file is left behind.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';

const run = promisify(execFile);
const folder = temporaryFolder();

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

const unix = join(root, 'dist/unix.js');

const program = (path: string) => `
  import { UnixDatagram, UnixSeqpacketServer } from ${JSON.stringify(unix)};
  const outcomes = [];
  for (const [method, socket] of [['bind', new UnixDatagram()], ['listen', new UnixSeqpacketServer()]]) {
    try {
      socket[method](${JSON.stringify(path)}, { mode: 0o600 });
      outcomes.push('opened');
    } catch ({ code, permission, resource, message }) {
      outcomes.push({ code, permission, resource, message });
    }
    await socket.close();
  }
  console.log(JSON.stringify(outcomes));`;

const denied = (kind: string, flag: string) => {
  const resource = join(folder, 'socket');
  const message = `Node's permission model forbids to bind a socket to ${resource}: start Node with ${flag}=${resource}`;
  return { code: 'ERR_ACCESS_DENIED', permission: kind, resource, message };
};

test.each([
  ['nothing', [], denied('FileSystemRead', '--allow-fs-read')],
  ['reading', ['read'], denied('FileSystemWrite', '--allow-fs-write')],
  ['writing', ['write'], denied('FileSystemRead', '--allow-fs-read')],
  ['both', ['read', 'write'], 'opened'],
])(
  'allowed %s in the folder, bind() and listen() leave no file',
  async (_what, scopes, outcome) => {
    const allowed = scopes.map((scope) => `--allow-fs-${scope}=${join(folder, '*')}`);
    const own = `--allow-fs-read=${join(root, '*')}`;
    const flags = [permission, '--allow-addons', own, ...allowed, '--no-warnings'];
    const source = program(join(folder, 'socket'));
    const options = ['--input-type=module', '--eval', source];
    const { stdout } = await run(process.execPath, [...flags, ...options], { cwd: root });
    expect(JSON.parse(stdout)).toEqual([outcome, outcome]);
    expect(readdirSync(folder)).toEqual([]);
  },
);
