// peerUnit(), unitOf() and credentialRequest() in a process of their own: what they refuse, and what they leave behind.
// test/manager/given.test.ts asks about real units.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';

const path = join(temporaryFolder(), 'server.sk');

/** Runs a module in which `socket` is a connection of a Unix server, and `codeOf(call)` the code of the call's error. */
function run(source: string): { result: unknown; stderr: string } {
  const module = `
    import { once } from 'node:events';
    import { readdirSync } from 'node:fs';
    import { connect, createServer } from 'node:net';
    import { credentialRequest, peerUnit, unitOf } from 'libsystemd/environment';
    const codeOf = (call) => {
      try {
        return call();
      } catch ({ code }) {
        return code;
      }
    };
    const result = (value) => console.log(JSON.stringify(value));
    const server = createServer().listen('${path}');
    const client = connect('${path}');
    const [socket] = await once(server, 'connection');
    ${source}
    server.close();
    client.destroy();
    socket.destroy();
  `;
  const args = ['--input-type=module', '-e', module];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return { result: stdout === '' ? undefined : JSON.parse(stdout), stderr };
}

test('a socket, its descriptor and an object with it have the same unit: that of this process', () => {
  const source = `
    const { fd } = socket._handle;
    const own = unitOf('self') ?? null;
    result([socket, fd, { fd }].map((one) => (peerUnit(one) ?? null) === own));
  `;
  expect(run(source).result).toEqual([true, true, true]);
});

test('a thousand calls leave no descriptor open', () => {
  const source = `
    const count = () => readdirSync('/proc/self/fd').length;
    peerUnit(socket);
    const before = count();
    for (let i = 0; i < 1000; i++) {
      peerUnit(socket);
      credentialRequest(socket);
    }
    result(count() - before);
  `;
  expect(run(source).result).toBe(0);
});

test('in a worker thread nothing warns of a descriptor that Node does not know', () => {
  const source = `
    const { Worker } = await import('node:worker_threads');
    const program = "import('libsystemd/environment').then(({ peerUnit }) => peerUnit(" + socket._handle.fd + "))";
    const [code] = await once(new Worker(program, { eval: true }), 'exit');
    result(code);
  `;
  expect(run(source)).toEqual({ result: 0, stderr: '' });
});

test.each([
  ['peerUnit(server)', 'ERR_SYSTEMD_FD_KIND'],
  ['credentialRequest(server)', 'ERR_SYSTEMD_FD_KIND'],
  ['peerUnit(0x7ffffffe)', 'EBADF'],
  ['peerUnit({})', 'ERR_INVALID_ARG_TYPE'],
  ['credentialRequest(null)', 'ERR_INVALID_ARG_TYPE'],
  ['peerUnit(socket, { manager: "root" })', 'ERR_INVALID_ARG_VALUE'],
  ['peerUnit(socket, { user: true })', 'ERR_INVALID_ARG_VALUE'],
  ['unitOf(0)', 'ERR_OUT_OF_RANGE'],
  ['unitOf(1.5)', 'ERR_OUT_OF_RANGE'],
  ['unitOf("4711")', 'ERR_INVALID_ARG_TYPE'],
  ['unitOf()', 'ERR_INVALID_ARG_TYPE'],
])('%s is refused with %s', (call, code) => {
  expect(run(`result(codeOf(() => ${call}))`).result).toBe(code);
});

test('a closed socket is refused', () => {
  const source = `
    socket.destroy();
    await once(socket, 'close');
    result([peerUnit, credentialRequest].map((call) => codeOf(() => call(socket))));
  `;
  expect(run(source).result).toEqual(Array(2).fill('ERR_INVALID_ARG_TYPE'));
});

test('without descriptors peerUnit() throws EMFILE, and works again when there is one', () => {
  const source = `
    const { openSync, closeSync } = await import('node:fs');
    const { execFileSync } = await import('node:child_process');
    peerUnit(socket);
    execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=40']);
    const taken = [];
    while (codeOf(() => taken.push(openSync('/')) && 0) === 0);
    const code = codeOf(() => peerUnit(socket));
    taken.forEach(closeSync);
    result([code, (peerUnit(socket) ?? null) === (unitOf('self') ?? null)]);
  `;
  expect(run(source).result).toEqual(['EMFILE', true]);
});
