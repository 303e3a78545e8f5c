// peerCredentials() compared with what the process at the other end of the socket knows about itself.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type PeerCredentials, peerCredentials } from 'libsystemd';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { handleFd } from '../../lib/descriptor/node-handles.ts';
import { EveryKind, type Kind, type Outcome, runWith } from '../support/descriptors.ts';
import { spawnLaunched } from '../support/launch.ts';

const folder = mkdtempSync(join(tmpdir(), 'libsystemd-test-'));
const path = join(folder, 'socket');
afterAll(() => rmSync(folder, { recursive: true }));

/** The supplementary groups of a process as the kernel lists them, in its order. */
function groupsOf(pid: number | string): number[] {
  const [, list = ''] = /^Groups:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return list.split(/\s/).filter(Boolean).map(Number);
}

const self: PeerCredentials = {
  pid: process.pid,
  uid: process.getuid?.() ?? -1,
  gid: process.getgid?.() ?? -1,
  groups: groupsOf('self'),
};

const rootLacks = self.uid === 0 ? undefined : 'only root may become another user';
const namespaceLacks =
  spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0
    ? undefined
    : 'this process may not make a PID namespace';

let server: Server;
beforeAll(async () => {
  chmodSync(folder, 0o711); // other users may enter it
  server = createServer({ pauseOnConnect: true });
  await once(server.listen({ path, writableAll: true }), 'listening');
});
afterAll(() => server.close());

/** The server's end of the next connection. */
async function accepted(): Promise<Socket> {
  const [socket] = (await once(server, 'connection')) as [Socket];
  return socket;
}

describe('a connection from this process to itself', () => {
  let socket: Socket;
  beforeEach(async () => {
    const coming = accepted();
    const client = connect(path);
    socket = await coming;
    return () => {
      client.destroy();
      socket.destroy();
    };
  });

  test.each<[what: string, make: (socket: Socket) => Parameters<typeof peerCredentials>[0]]>([
    ['a net.Socket', (socket) => socket],
    ["the socket's number", (socket) => handleFd(socket) as number],
    ['an object with an fd', (socket) => ({ fd: handleFd(socket) as number })],
  ])('returns the credentials of this process for %s, frozen', (_what, make) => {
    const peer = peerCredentials(make(socket));
    expect(peer).toStrictEqual(self);
    expect(Object.isFrozen(peer) && Object.isFrozen(peer.groups)).toBe(true);
  });

  test('throws for a socket that was destroyed', () => {
    socket.destroy();
    const refused = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(() => peerCredentials(socket)).toThrow(refused);
  });
});

/** Starts a program that connects. Returns its credentials and the child process. */
async function connected(
  command: readonly string[],
  before = '',
): Promise<PeerCredentials & { readonly child: ChildProcess }> {
  const source = `${before};require('node:net').connect(${JSON.stringify(path)}).resume()`;
  const [program = '', ...args] = [...command, process.execPath, '-e', source];
  const coming = accepted();
  const child = spawn(program, args, { stdio: 'inherit' });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`It ended with ${code} and did not connect`);
  });
  ended.catch(() => undefined);
  const socket = await Promise.race([coming, ended]);
  try {
    return { ...peerCredentials(socket), child };
  } finally {
    socket.end();
  }
}

test('returns the pid of another process', async () => {
  const { child, ...peer } = await connected([]);
  expect(peer).toStrictEqual({ ...self, pid: child.pid });
});

test('returns the user and the groups of another user', async (ctx) => {
  if (rootLacks !== undefined) ctx.skip(rootLacks);
  const become = ['setpriv', '--reuid=12345', '--regid=23456', '--groups=7,4294967294,5'];
  const { child, ...peer } = await connected(become);
  // The kernel sorts the groups.
  expect(peer).toStrictEqual({
    ...{ pid: child.pid, uid: 12345, gid: 23456 },
    groups: [5, 7, 4_294_967_294],
  });
});

test.for([0, 1, 31, 32, 33, 65_536])(
  'returns all groups of a process in %d groups',
  async (count, ctx) => {
    if (rootLacks !== undefined) ctx.skip(rootLacks);
    const list = `Array.from({ length: ${count} }, (_, i) => 3 * i + 1)`;
    const { groups } = await connected([], `process.setgroups(${list})`);
    expect(groups).toStrictEqual(Array.from({ length: count }, (_, i) => 3 * i + 1));
  },
);

test('returns the same credentials after the process has ended', async () => {
  const coming = accepted();
  const source = `require('node:net').connect(${JSON.stringify(path)}, () => process.exit())`;
  const child = spawn(process.execPath, ['-e', source]);
  const socket = await coming;
  await once(child, 'exit');
  expect(peerCredentials(socket)).toStrictEqual({ ...self, pid: child.pid });
  socket.destroy();
});

test('returns to a client the process that called listen(2)', async () => {
  const socket = join(folder, 'listener');
  const program = spawnLaunched([`unix:${socket}`], ['sleep', '30']);
  try {
    const client = await vi.waitFor(async () => {
      const client = connect(socket);
      await once(client, 'connect');
      return client;
    });
    expect(peerCredentials(client)).toStrictEqual({ ...self, pid: program.pid });
    client.destroy();
  } finally {
    program.kill();
  }
});

test('returns pid 0 for a process outside of the PID namespace', async (ctx) => {
  if (namespaceLacks !== undefined) ctx.skip(namespaceLacks);
  const coming = accepted();
  const client = connect(path);
  const theirs = await coming;
  const source = `
    import { peerCredentials } from 'libsystemd';
    console.log(JSON.stringify(peerCredentials(0)));
  `;
  const args = ['--pid', '--fork', process.execPath, '--input-type=module', '-e', source];
  const { stdout } = spawn('unshare', args, { stdio: [theirs, 'pipe', 'inherit'] });
  expect(JSON.parse(await text(stdout))).toStrictEqual({ ...self, pid: 0 });
  client.destroy();
  theirs.destroy();
});

test('returns the process that made a socketpair(2)', async () => {
  const source = `
    const peers = [3, 4].map((fd) => libsystemd.peerCredentials(fd));
    result({ peers, pid: process.pid });
  `;
  const { peers, pid } = (await runWith(['socketpair', 'socketpair-dgram'], source)) as {
    readonly peers: readonly PeerCredentials[];
    readonly pid: number;
  };
  expect(peers).toStrictEqual([
    { ...self, pid },
    { ...self, pid },
  ]);
});

describe('throws for anything but a connected Unix socket', () => {
  const every = new EveryKind();
  afterAll(() => every[Symbol.dispose]());
  const SUITABLE: readonly Kind[] = ['socketpair', 'socketpair dgram'];
  const kinds = every.kinds.filter((kind) => !SUITABLE.includes(kind));
  /** How the message describes the descriptor. */
  const GOT: Partial<Record<Kind, string>> = {
    file: `file ${every.folder}/file`,
    pipe: 'fifo',
    'tcp connected': 'inet stream socket connected to 127.0.0.1:',
    unix: `unix stream socket listening on ${every.folder}/stream`,
    'unix unnamed': 'unix stream socket bound to ',
    'unix dgram': `unix dgram socket bound to ${every.folder}/dgram`,
    'unix dgram connected': `unix dgram socket connected to ${every.folder}/dgram, of whose peer there are no credentials`,
  };
  let outcomes: readonly Outcome[];
  beforeAll(async () => {
    outcomes = await every.call(
      kinds.map((kind) => ['libsystemd', 'peerCredentials', every.fd(kind)]),
    );
  });

  test.for(kinds)('%s', (kind, ctx) => {
    const reason = every.lacking.get(kind);
    if (reason !== undefined) ctx.skip(reason);
    const fd = every.fd(kind);
    const got = `Expected a connected Unix socket, and got fd ${fd}: ${GOT[kind] ?? ''}`;
    expect(outcomes[kinds.indexOf(kind)]).toStrictEqual({
      error: {
        ...{ name: 'SystemdError', code: 'ERR_SYSTEMD_FD_KIND', fd },
        message: expect.stringContaining(got),
      },
    });
  });

  test.each<[what: string, value: unknown, error: object]>([
    ['-1', -1, { code: 'EBADF', errno: -9, fd: -1 }],
    ['a number that is not open', 0x7fff_ffff, { code: 'EBADF', errno: -9 }],
    ['a socket that is not connected', new Socket(), { code: 'ERR_INVALID_ARG_TYPE' }],
    ['a server that does not listen', createServer(), { code: 'ERR_INVALID_ARG_TYPE' }],
    ['nothing', undefined, { code: 'ERR_INVALID_ARG_TYPE' }],
    ['a path', '/run/app.sock', { code: 'ERR_INVALID_ARG_TYPE' }],
  ])('%s', (_what, value, error) => {
    expect(() => peerCredentials(value as Socket)).toThrow(expect.objectContaining(error));
  });

  test('a server that listens', () => {
    const error = { code: 'ERR_SYSTEMD_FD_KIND', fd: handleFd(server) };
    expect(() => peerCredentials(server as unknown as Socket)).toThrow(
      expect.objectContaining(error),
    );
  });
});
