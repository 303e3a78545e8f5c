// connection() under the launcher. socket-activate.test.ts tests it with real clients.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { beforeEach, describe, expect, test } from 'vitest';
import { type LaunchOptions, launch } from '../support/launch.ts';
import { root } from '../support/tools.ts';
import { perlLacks } from './machine.ts';
import { notActivated, run } from './run.ts';

/** The other ends of the connections, which the launcher keeps open from this number on, in order. */
const peer = `
  const peer = (i = 0) => new net.Socket({ fd: 512 + i, readable: true, writable: true });
`;

const connections = [
  ['a TCP connection', 'tcp-connected'],
  ['a Unix connection', 'socketpair'],
];

/** Runs a program with the connection as standard input, and without LISTEN_*. */
async function runWithStdin(
  spec: string,
  source: string,
  redirection = '0<&3 3<&-',
): Promise<unknown> {
  const module = `
    import { connection, listen, listenFds } from 'libsystemd';
    import http from 'node:http';
    import net from 'node:net';
    import { once } from 'node:events';
    import { text } from 'node:stream/consumers';
    ${source}
    process.stdout.write(JSON.stringify(result ?? null), () => process.exit());
  `;
  const node = [process.execPath, '--input-type=module', '-e', module];
  const command = ['sh', '-c', `exec "$0" "$@" ${redirection}`, ...node];
  const { stdout, stderr } = await launch([spec], command, { cwd: root, ...notActivated });
  if (stdout === '') throw new Error(`No result: ${stderr}`);
  return JSON.parse(stdout) as unknown;
}

/** Serves one request on the connection, by a stock server. */
const http = `
  const request = peer();
  const server = http.createServer(({ url }, response) => response.end('served ' + url));
  server.emit('connection', connection());
  request.write('GET /index HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n');
  const answer = await text(request);
  const result = [answer.split('\\r\\n')[0], answer.split('\\r\\n\\r\\n')[1]];
`;
const httpAnswer = ['HTTP/1.1 200 OK', 'served /index'];

const echo = `
  const client = peer();
  const socket = connection();
  const { remoteFamily } = socket;
  socket.pipe(socket);
  client.end('hello');
  const result = {
    answer: await text(client),
    isSocket: socket instanceof net.Socket,
    same: connection() === socket,
    remote: remoteFamily ?? null,
  };
`;

describe.each(connections)('%s', (_what, spec) => {
  const remote = spec === 'tcp-connected' ? 'IPv4' : null;

  test('passed as fd 3 is a net.Socket, the same on each call', async () => {
    expect(await run([spec], peer + echo)).toEqual({
      ...{ answer: 'hello', isSocket: true, same: true, remote },
    });
  });

  test('passed as fd 3 is served by http.Server', async () => {
    expect(await run([spec], peer + http)).toEqual(httpAnswer);
  });

  test('passed as fd 3 ends for the client when it is destroyed, though the process goes on', async () => {
    const source = `${peer}
      const client = peer();
      const socket = connection();
      const over = once(client.resume(), 'end').then(() => 'over');
      socket.destroy();
      await once(socket, 'close');
      const late = new Promise((resolve) => setTimeout(resolve, 1000, 'still open'));
      const result = await Promise.race([over, late]);
    `;
    expect(await run([spec], source)).toBe('over');
  });
});

describe('a TCP connection', () => {
  test('as standard input is a net.Socket, the same on each call', async () => {
    expect(await runWithStdin('tcp-connected', peer + echo)).toEqual({
      ...{ answer: 'hello', isSocket: true, same: true, remote: 'IPv4' },
    });
  });

  test('as standard input is served by http.Server', async () => {
    expect(await runWithStdin('tcp-connected', peer + http)).toEqual(httpAnswer);
  });

  test('as standard input leaves descriptor 0 open', async () => {
    const source = `${peer}
      import { fstatSync } from 'node:fs';
      const socket = connection();
      socket.destroy();
      await once(socket, 'close');
      const result = fstatSync(0).isSocket();
    `;
    expect(await runWithStdin('tcp-connected', source)).toBe(true);
  });
});

test('the process ends by itself when its connection has ended', async () => {
  const source = `
    import net from 'node:net';
    import { connection } from 'libsystemd';
    const client = new net.Socket({ fd: 512 });
    client.resume().on('end', () => client.end());
    connection().resume().end('bye');
    process.on('exit', () => console.log('ended by itself'));
  `;
  const node = [process.execPath, '--input-type=module', '-e', source];
  const ending = await launch(['tcp-connected'], node, { cwd: root });
  expect(ending).toEqual({ stdout: 'ended by itself\n', stderr: '', code: 0, signal: null });
});

describe('a client that has reset its connection before anybody asked for it', () => {
  const reset = `
    peer().resetAndDestroy();
    while (inspect(fd).peerAddress !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    const socket = connection();
    let error;
    socket?.on('error', ({ code }) => { error = code; });
    await (socket && once(socket.resume(), 'close').catch(() => {}));
    const result = { isSocket: socket instanceof net.Socket, error };
  `;
  const served = { isSocket: true, error: 'ECONNRESET' };

  test.each([
    ['before LISTEN_FDS was read', ''],
    ['afterwards', 'listenFds();'],
  ])('passed as fd 3, %s, still has its socket', async (_when, before) => {
    const source = `${peer} const fd = 3; ${before} ${reset}`;
    expect(await run(['tcp-connected'], source)).toEqual(served);
  });

  test('as standard input, still has its socket', async () => {
    const source = `import { inspect } from 'libsystemd'; ${peer} const fd = 0; ${reset}`;
    expect(await runWithStdin('tcp-connected', source)).toEqual(served);
  });

  test('whose connection was stored, keeps no server from its fallback', async () => {
    const source = `${peer}
      peer().resetAndDestroy();
      while (inspect(3).peerAddress !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      const addresses = await listen(createServer(), { fallback: { port: 0, host: '127.0.0.1' } });
      const result = addresses.length;
    `;
    expect(await run(['tcp-connected'], source, { names: 'client' })).toBe(1);
  });
});

describe('connection() is undefined', () => {
  test.each<[string, string[], LaunchOptions]>([
    ['nothing was passed', [], notActivated],
    ['a listener was passed', ['tcp:127.0.0.1:0'], {}],
    ['a listener was passed beside a connection', ['tcp-connected', 'tcp:127.0.0.1:0'], {}],
    ['two connections were passed', ['tcp-connected', 'socketpair'], {}],
    ['a UDP socket was passed', ['udp:127.0.0.1:0'], {}],
    ['a netlink socket was passed', ['netlink:15'], {}],
    ['a fifo was passed', ['pipe'], {}],
    ['the connection is for another process', ['tcp-connected'], { pid: 99_999_999 }],
    ['standard input is a text', [], { ...notActivated, input: 'text' }],
  ])('when %s', async (_what, specs, options) => {
    const source = `const result = connection() === undefined ? 'undefined' : 'a socket';`;
    expect(await run(specs, source, options)).toBe('undefined');
  });

  /** Prints what standard input is, and whether connection() is undefined. */
  const report = `
    import { fstatSync, readlinkSync } from 'node:fs';
    import { connection } from 'libsystemd';
    const stdin = readlinkSync('/proc/self/fd/0').replace(/:.*/, '');
    console.log(JSON.stringify({ stdin, connection: connection() === undefined }));
    process.exit();
  `;

  test.each([
    ['the socketpair that spawn() of Node gives', 'pipe', 'socket'],
    ['/dev/null', 'ignore', '/dev/null'],
  ] as const)('when standard input is %s', async (_what, stdio, stdin) => {
    const args = ['--input-type=module', '-e', report];
    const child = spawn(process.execPath, args, { cwd: root, stdio: [stdio, 'pipe', 'inherit'] });
    const [said] = await Promise.all([json(child.stdout!), once(child, 'close')]);
    expect(said).toEqual({ stdin, connection: true });
  });

  test.each([
    ['a pipe', 'true | "$0" "$@"', 'pipe'],
    ['closed', '"$0" "$@" 0<&-', '/dev/null'],
    ['a listening socket', '"$0" "$@" 0<&3', 'socket'],
  ])('when standard input is %s', async (_what, script, stdin) => {
    const node = [process.execPath, '--input-type=module', '-e', report];
    const command = ['sh', '-c', script, ...node];
    const options = { cwd: root, ...notActivated };
    const { stdout, stderr } = await launch(['tcp:127.0.0.1:0'], command, options);
    expect({ stdout: JSON.parse(stdout) as unknown, stderr }).toEqual({
      ...{ stdout: { stdin, connection: true }, stderr: '' },
    });
  });
});

test.each(['taken', 'not taken'])(
  'connection() is undefined in a cluster worker, whose primary has the connection (%s)',
  async (taken) => {
    const program = join(root, 'test/activation/programs/connection.mjs');
    const ending = await launch(['tcp-connected'], [process.execPath, program, taken]);
    expect(ending).toMatchObject({ stdout: 'undefined', stderr: '' });
  },
);

test('connection() is the only connection among what the fd store and OpenFile= pass too', async () => {
  const source = `const result = connection()?.remoteAddress;`;
  const options = { names: 'state:connection:log' };
  expect(await run(['memfd:state', 'tcp-connected', 'pipe'], source, options)).toBe('127.0.0.1');
});

describe('ERR_SYSTEMD_FD_KIND', () => {
  test.each([
    ['a Unix datagram pair', 'socketpair-dgram', 'unix dgram socket connected to (unnamed)'],
    [
      'a connected UDP socket',
      'udp-connected:127.0.0.1:9',
      'inet dgram socket connected to 127.0.0.1:9',
    ],
  ])('says what was passed, for %s', async (_what, spec, called) => {
    const source = `
      const before = openFds();
      const [first, second] = [caught(connection), caught(connection)];
      const result = { ...facts(first), again: second.code, left: openFds() - before };
    `;
    expect(await run([spec], `listenFds();${source}`)).toEqual({
      ...{ name: 'SystemdError', code: 'ERR_SYSTEMD_FD_KIND', fd: 3 },
      ...{ again: 'ERR_SYSTEMD_FD_KIND', left: 0 },
      message: `Expected a connected stream socket of family inet, inet6 or unix (ListenStream= with Accept=yes), and got fd 3 "unknown": ${called}`,
    });
  });

  beforeEach((ctx) => ctx.skip(perlLacks !== undefined, perlLacks));

  test('is also thrown for a seqpacket connection', async () => {
    // The launcher has none. perl gives the two ends the first free numbers, which are 3 and 4.
    const pair = `
      $^F = 4;
      socketpair(my $three, my $four, AF_UNIX, SOCK_SEQPACKET, 0) or die $!;
      fileno($three) == 3 or die "fd ", fileno($three);
      @ENV{'LISTEN_PID', 'LISTEN_FDS'} = ($$, 1);
      exec @ARGV;
    `;
    const source = `
      import { connection } from 'libsystemd';
      try {
        connection();
      } catch ({ code, message }) {
        console.log(JSON.stringify({ code, message }));
      }
    `;
    const node = [process.execPath, '--input-type=module', '-e', source];
    const perl = ['perl', '-MSocket', '-e', pair, ...node];
    const { stdout, stderr } = await launch([], perl, { cwd: root, ...notActivated });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      code: 'ERR_SYSTEMD_FD_KIND',
      message: expect.stringContaining('unix seqpacket socket connected to (unnamed)'),
    });
  });
});
