// Activation by systemd-socket-activate(1), as a reader can try it in a shell.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { beforeEach, expect, test } from 'vitest';
import { activate, activateLacks } from '../support/activate.ts';
import { datagram, exchange, httpGet } from './clients.ts';
import { ipv6Lacks, perlLacks } from './machine.ts';

beforeEach((ctx) => ctx.skip(activateLacks !== undefined, activateLacks));

test('one service serves HTTP on a TCP and a Unix socket, told apart by their names', async () => {
  const source = `
    import { createServer } from 'node:http';
    import { listen } from 'libsystemd';
    const addresses = {};
    for (const name of ['admin', 'web']) {
      const server = createServer((request, response) => response.end(name + ' ' + request.url));
      [addresses[name]] = await listen(server, { name });
    }
    console.log(JSON.stringify(addresses));
  `;
  await using service = await activate(source, { on: ['tcp', 'unix'], names: ['web', 'admin'] });
  const [web, admin] = service.addresses;

  const first = httpGet(web!, '/first');
  expect(await service.next()).toEqual({
    web: { family: 'inet', address: '127.0.0.1', port: expect.any(Number) },
    admin: { family: 'unix', path: expect.any(String) },
  });
  expect(await first).toBe('web /first');
  expect(await httpGet(admin!, '/status')).toBe('admin /status');
  expect(await httpGet(web!, '/second')).toBe('web /second');
});

test('descriptors without names are called "unknown", and keep the order of the command line', async () => {
  const source = `
    import { createServer } from 'node:net';
    import { listen, listenFds } from 'libsystemd';
    console.log(JSON.stringify(listenFds()));
    const server = createServer((socket) => socket.end('served'));
    console.log(JSON.stringify(await listen(server, { name: 'unknown' })));
  `;
  await using service = await activate(source, { on: ['unix', 'tcp', 'abstract'] });
  const [unix, tcp, abstract] = service.addresses as [
    { path: string },
    { port: number },
    { path: string },
  ];
  connect(unix);

  const stream = { name: 'unknown', kind: 'socket', type: 'stream', listening: true };
  expect(await service.next()).toMatchObject([
    { fd: 3, ...stream, localAddress: { family: 'unix', path: unix.path } },
    { fd: 4, ...stream, localAddress: { family: 'inet', address: '127.0.0.1', port: tcp.port } },
    { fd: 5, ...stream, localAddress: { family: 'unix', abstract: abstract.path.slice(1) } },
  ]);
  expect(await service.next()).toHaveLength(3);
  expect(await exchange(unix)).toBe('served');
});

test.for([
  { on: 'tcp', type: 'udp4', family: 'inet', lacks: undefined },
  { on: 'tcp6', type: 'udp6', family: 'inet6', lacks: ipv6Lacks },
] as const)(
  'a $type socket answers the datagram that started it',
  async ({ on, type, family, lacks }, ctx) => {
    ctx.skip(lacks !== undefined, lacks);
    const source = `
    import { createSocket } from 'node:dgram';
    import { listen } from 'libsystemd';
    const socket = createSocket('${type}', (message, { port, address }) => {
      socket.send('back: ' + message, port, address);
    });
    console.log(JSON.stringify((await listen(socket))[0]));
  `;
    await using service = await activate(source, { on: [on], type: 'datagram' });
    const [address] = service.addresses as [{ host: string; port: number }];

    expect(await datagram(address, 'first')).toBe('back: first');
    expect(await datagram(address, 'second')).toBe('back: second');
    expect(await service.next()).toMatchObject({
      family,
      address: address.host,
      port: address.port,
    });
  },
);

test('sockets that share a name can be served by server.listen(descriptor), each by its own server', async () => {
  const source = `
    import { createServer } from 'node:net';
    import { listenFds } from 'libsystemd';
    for (const descriptor of listenFds('web')) {
      createServer((socket) => socket.end(String(descriptor.fd))).listen(descriptor);
    }
  `;
  const names = ['web', 'web', 'web'];
  await using service = await activate(source, { on: ['tcp', 'unix', 'unix'], names });

  const answers = await Promise.all(service.addresses.map((address) => exchange(address)));
  expect(answers).toEqual(['3', '4', '5']);
});

/** A service for one connection: gives it to a server, which answers with the facts of the connection. */
const oneConnection = `
  import { createServer } from 'node:http';
  import { connection } from 'libsystemd';
  const socket = connection();
  const { remoteAddress, remoteFamily, remotePort, localAddress, localPort } = socket;
  const variables = Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
  const facts = { pid: process.pid, variables, remoteAddress, remoteFamily, remotePort, localAddress, localPort };
  const server = createServer(({ url }, response) => response.end(JSON.stringify({ url, ...facts })));
  server.emit('connection', socket);
`;

const acceptCases = [
  { passed: 'as descriptor 3', inetd: false },
  { passed: 'on standard input', inetd: true },
];

test.each(acceptCases)(
  'each client gets its own process, where the connection is passed $passed',
  async ({ inetd }) => {
    await using service = await activate(oneConnection, { on: ['tcp'], accept: true, inetd });
    const [address] = service.addresses as [{ host: string; port: number }];

    const pids = new Set<unknown>();
    for (const url of ['/first', '/second']) {
      const client = connect(address);
      client.write(`GET ${url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      await once(client, 'connect');
      const { localPort } = client;
      const [head, body] = (await text(client)).split('\r\n\r\n');
      const { pid, ...facts } = JSON.parse(body!) as Record<string, unknown>;
      expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(facts).toEqual({
        url,
        variables: [],
        ...{ remoteAddress: '127.0.0.1', remoteFamily: 'IPv4', remotePort: localPort },
        ...{ localAddress: '127.0.0.1', localPort: address.port },
      });
      await service.stderrMatches(new RegExp(`Child ${pid} died with code 0`));
      pids.add(pid);
    }
    expect(pids.size).toBe(2);
  },
);

test.each(acceptCases)(
  'a connection to a Unix socket is served where it is passed $passed',
  async ({ inetd }) => {
    await using service = await activate(oneConnection, { on: ['unix'], accept: true, inetd });

    const { pid, url } = JSON.parse(await httpGet(service.addresses[0]!, '/')) as Record<
      string,
      unknown
    >;
    expect(url).toBe('/');
    await service.stderrMatches(new RegExp(`Child ${pid} died with code 0`));
  },
);

/** A seqpacket client in perl, because Node has none; every Debian has perl. */
const seqpacketClient = `
  socket(my $client, AF_UNIX, SOCK_SEQPACKET, 0) or die $!;
  connect($client, pack_sockaddr_un($ARGV[0])) or die $!;
  sysread($client, my $answer, 99);
`;

test('connection() refuses a seqpacket connection, and says what it is', async (ctx) => {
  const perl = ['-MSocket', '-e', seqpacketClient];
  ctx.skip(perlLacks !== undefined, perlLacks);
  const source = `
    import { connection, listenFds } from 'libsystemd';
    const [{ kind, type, listening, peerAddress }] = listenFds();
    try {
      connection();
    } catch ({ code, message, fd }) {
      console.log(JSON.stringify({ kind, type, listening, peerAddress, code, message, fd }));
    }
  `;
  await using service = await activate(source, { on: ['unix'], type: 'seqpacket', accept: true });
  const [{ path }] = service.addresses as [{ path: string }];

  await promisify(execFile)('perl', [...perl, path]);
  expect(await service.next()).toEqual({
    ...{ kind: 'socket', type: 'seqpacket', listening: false, peerAddress: { family: 'unix' } },
    ...{ code: 'ERR_SYSTEMD_FD_KIND', fd: 3 },
    message:
      'Expected a connected stream socket of family inet, inet6 or unix (ListenStream= with Accept=yes), and got fd 3 "unknown": unix seqpacket socket connected to (unnamed)',
  });
});
