// What listen() refuses. Each refusal leaves the server as it was, and leaves nothing open.
import { randomInt } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { launch } from '../support/launch.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { ipv6Lacks } from './machine.ts';
import { notActivated, run } from './run.ts';

const folder = temporaryFolder();

/** `attempt(server, options)` returns the error of listen(), and whether the server is still usable. */
const attempts = `
  const served = async (server) => {
    if (server instanceof net.Server) {
      server.once('connection', (socket) => socket.end('usable'));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const answer = await ask(server.address());
      await once(server.close(), 'close');
      return answer;
    }
    await once(server.bind(0), 'listening');
    server.close();
    return 'usable';
  };
  const attempt = async (server, options) => {
    const listeners = server.eventNames().length;
    const before = openFds();
    const error = await rejected(listen(server, options));
    const left = openFds() - before;
    const untouched = server.eventNames().length === listeners && !server.listening;
    return { ...facts(error), left, untouched, after: await served(server) };
  };
  await listen(createServer(), { fallback: 0 }).catch(() => {}); // loads what Node loads late
`;

const untouched = { left: 0, untouched: true, after: 'usable' };

const listener =
  'Expected a listening stream socket of family inet, inet6 or unix (ListenStream=), and got ';
const datagrams = (type: string, family: string) =>
  `Expected an unconnected dgram socket of family ${family} for a ${type} socket (ListenDatagram=), and got `;
const port = '127\\.0\\.0\\.1:\\d+';

interface Case {
  /** The kind of descriptor. */
  readonly name: string;
  readonly spec: () => string;
  /** What the error calls it, as a regular expression. */
  readonly called: () => string;
}

const notForServers: readonly Case[] = [
  {
    name: 'a bound socket that does not listen',
    spec: () => 'tcp-bound:127.0.0.1:0',
    called: () => `inet stream socket bound to ${port}`,
  },
  {
    name: 'a TCP connection',
    spec: () => 'tcp-connected',
    called: () => `inet stream socket connected to ${port}`,
  },
  {
    name: 'a Unix connection',
    spec: () => 'socketpair',
    called: () => 'unix stream socket connected to \\(unnamed\\)',
  },
  {
    name: 'a Unix datagram socket',
    spec: () => `unix-dgram:${folder}/dgram`,
    called: () => `unix dgram socket bound to ${folder}/dgram`,
  },
  {
    name: 'a seqpacket listener',
    spec: () => `unix-seqpacket:${folder}/seqpacket`,
    called: () => `unix seqpacket socket listening on ${folder}/seqpacket`,
  },
  { name: 'a fifo', spec: () => `fifo:${folder}/fifo`, called: () => `fifo ${folder}/fifo` },
  { name: 'a pipe', spec: () => 'pipe', called: () => 'fifo' },
  { name: 'a file', spec: () => `file:${folder}/file`, called: () => `file ${folder}/file` },
  { name: 'an eventfd', spec: () => 'eventfd', called: () => 'other anon_inode:\\[eventfd\\]' },
];

const udp: Case = {
  name: 'a UDP socket',
  spec: () => 'udp:127.0.0.1:0',
  called: () => `inet dgram socket bound to ${port}`,
};
const tcp: Case = {
  name: 'a TCP listener',
  spec: () => 'tcp:127.0.0.1:0',
  called: () => `inet stream socket listening on ${port}`,
};
const connectedUdp: Case = {
  name: 'a connected UDP socket',
  spec: () => 'udp-connected:127.0.0.1:9',
  called: () => 'inet dgram socket connected to 127\\.0\\.0\\.1:9',
};
const udp6: Case = {
  name: 'an IPv6 UDP socket',
  spec: () => 'udp:[::1]:0',
  called: () => 'inet6 dgram socket bound to \\[::1\\]:\\d+',
};

const refused = [
  ...[...notForServers, udp, connectedUdp].map((of) => ({
    ...of,
    server: 'net.Server',
    create: 'createServer()',
    expected: listener,
  })),
  ...[...notForServers, tcp, connectedUdp, udp6].map((of) => ({
    ...of,
    server: 'udp4 socket',
    create: `createSocket('udp4')`,
    expected: datagrams('udp4', 'inet'),
  })),
  {
    ...udp,
    server: 'udp6 socket',
    create: `createSocket('udp6')`,
    expected: datagrams('udp6', 'inet6'),
  },
];

describe('ERR_SYSTEMD_FD_KIND', () => {
  let results: readonly Readonly<Record<string, unknown>>[];

  beforeAll(async () => {
    const instead = (spec: string) => (spec.includes('[::1]') && ipv6Lacks ? 'pipe' : spec);
    const kinds = [...new Set(refused.map(({ spec }) => instead(spec())))];
    const calls = refused.map(
      ({ spec, create }) =>
        `await attempt(${create}, { name: 'n${kinds.indexOf(instead(spec()))}' })`,
    );
    const source = `${attempts}; const result = [${calls.join(', ')}];`;
    const names = kinds.map((_, i) => `n${i}`).join(':');
    results = (await run(kinds, source, { names })) as typeof results;
  });

  test.for(refused.map((of, i) => ({ ...of, i })))(
    'keeps a $server off $name',
    ({ i, name, expected, called }, ctx) => {
      ctx.skip(name === udp6.name && ipv6Lacks !== undefined, ipv6Lacks);
      const { message, fd, ...rest } = results[i]!;
      expect(rest).toEqual({ name: 'SystemdError', code: 'ERR_SYSTEMD_FD_KIND', ...untouched });
      expect(message).toContain(`${expected}fd ${fd} "n`);
      expect(message).toMatch(new RegExp(`"n\\d+": ${called()}$`));
    },
  );

  test('keeps a net.Server off a vsock listener', async (ctx) => {
    const vsock = randomInt(2 ** 30, 2 ** 31);
    const spec = `vsock:${vsock}`;
    const { code, stderr } = await launch([spec], ['true']);
    ctx.skip(code !== 0, `no vsock here: ${stderr.trim()}`);
    const result = await run([spec], `${attempts}; const result = await attempt(createServer());`);
    expect(result).toEqual({
      ...{ name: 'SystemdError', code: 'ERR_SYSTEMD_FD_KIND', fd: 3, ...untouched },
      message: `${listener}fd 3 "unknown": vsock stream socket listening on vsock::${vsock}`,
    });
  });
});

describe('rejects, and leaves the server untouched,', () => {
  test('when no socket has the name, or several suit and one is expected', async () => {
    const source = `${attempts}
      const result = [
        await attempt(createServer(), { name: 'api' }),
        await attempt(createServer()),
        await attempt(createServer(), { fallback: 0 }),
        await attempt(createSocket('udp4'), { name: 'dns' }),
        await attempt(createSocket('udp4')),
      ].map(({ message, ...rest }) => [message.split(':\\n')[0], rest]);
    `;
    const specs = ['tcp:127.0.0.1:0', 'tcp:127.0.0.1:0', 'udp:127.0.0.1:0', 'udp:127.0.0.1:0'];
    const error = { name: 'SystemdError', ...untouched };
    const count = { ...error, code: 'ERR_SYSTEMD_FD_COUNT' };
    const names =
      'Expected sockets of one name, and 2 were passed that suit: give the server the name of its own sockets';
    const one = 'this server takes one, so give each socket a server by `descriptor`';
    expect(await run(specs, source, { names: 'web:admin:dns:dns' })).toEqual([
      [
        'No socket named "api" was passed (FileDescriptorName= of the socket unit). These were passed',
        { ...error, code: 'ERR_SYSTEMD_FD_NAME' },
      ],
      [names, count],
      [names, count],
      [`Expected one socket named "dns", and 2 were passed that suit: ${one}`, count],
      [`Expected one socket, and 2 were passed that suit: ${one}`, count],
    ]);
  });

  test('when the process was not activated and there is no fallback', async () => {
    const source = `${attempts}
      const result = [
        await attempt(createServer()),
        await attempt(createSocket('udp4'), { name: 'dns' }),
        await attempt(createServer(), { name: '\\u001b[2J' }),
      ];
    `;
    const error = { name: 'SystemdError', code: 'ERR_SYSTEMD_NOT_ACTIVATED', ...untouched };
    const advice = 'Start it by its socket unit, or give a fallback';
    expect(await run([], source, notActivated)).toEqual([
      { ...error, message: `No descriptor was passed to this process. ${advice}` },
      { ...error, message: `No descriptor "dns" was passed to this process. ${advice}` },
      {
        ...error,
        message: `No descriptor "${String.raw`\x1b[2J`}" was passed to this process. ${advice}`,
      },
    ]);
  });

  test('when only a connection was passed, as with Accept=yes', async () => {
    const source = `${attempts}; const result = await attempt(createServer());`;
    expect(await run(['tcp-connected'], source, { names: 'client' })).toEqual({
      ...{ name: 'SystemdError', code: 'ERR_SYSTEMD_NOT_ACTIVATED', ...untouched },
      message: expect.stringMatching(
        /^No socket to listen on was passed .* connection\(\) has the connection\. These were passed:\n.*fd 3 "client"/,
      ),
    });
  });

  test.each([
    ['options are null', 'null', 'ERR_INVALID_ARG_TYPE'],
    ['options are a port', '80', 'ERR_INVALID_ARG_TYPE'],
    ['the name is a number', '{ name: 3 }', 'ERR_INVALID_ARG_TYPE'],
    ['the fallback is null', '{ fallback: null }', 'ERR_INVALID_ARG_TYPE'],
    ['the fallback is true', '{ fallback: true }', 'ERR_INVALID_ARG_TYPE'],
    ['the backlog is text', `{ backlog: '5' }`, 'ERR_INVALID_ARG_TYPE'],
    ['the backlog is negative', '{ backlog: -1 }', 'ERR_OUT_OF_RANGE'],
    ['the backlog is no whole number', '{ backlog: 1.5 }', 'ERR_OUT_OF_RANGE'],
    ['the backlog is no int', '{ backlog: 2 ** 31 }', 'ERR_OUT_OF_RANGE'],
  ])('when %s', async (_what, options, code) => {
    const source = `${attempts}; const result = await attempt(createServer(), ${options});`;
    expect(await run(['tcp:127.0.0.1:0'], source)).toMatchObject({ code, ...untouched });
  });
});

test.each([
  ['a path', `'/tmp/x.sock'`],
  ['options with a path', `{ path: '/tmp/x.sock' }`],
])(
  'rejects %s as the fallback of a dgram socket, which Node would ignore',
  async (_what, fallback) => {
    const source = `${attempts}; const result = await attempt(createSocket('udp4'), { fallback: ${fallback} });`;
    expect(await run([], source)).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  },
);

test.each([
  ['an express-like function', `function app(request, response) {}`, 'function app'],
  ['a function that makes servers', `createServer`, 'function createServer'],
  ['a plain object', `{ listen() {}, on() {} }`, 'an instance of Object'],
  ['a promise of a server', `Promise.resolve(createServer())`, 'an instance of Promise'],
  ['a client', `new net.Socket()`, 'an instance of Socket'],
  ['nothing', `undefined`, 'undefined'],
  ['null', `null`, 'null'],
  ['a port', `80`, 'type number (80)'],
])('rejects %s with ERR_INVALID_ARG_TYPE', async (_what, server, received) => {
  const source = `
    const before = openFds();
    const result = { ...facts(await rejected(listen(${server}))), left: openFds() - before };
  `;
  expect(await run(['tcp:127.0.0.1:0'], source)).toEqual({
    ...{ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', left: 0 },
    message: `The "server" argument must be a server of net, http, https, http2 or tls, a socket of dgram, or a server of libsystemd/unix; for a framework, the server that createServer(app) makes. Received ${received}`,
  });
});

test.each([
  ['net.Server', 'tcp:127.0.0.1:0', 'ERR_SERVER_ALREADY_LISTEN', `answering('served')`, 'listen'],
  ['udp4 socket', 'udp:127.0.0.1:0', 'ERR_SOCKET_ALREADY_BOUND', `echoing('udp4')`, 'bind'],
])(
  'rejects a %s that listens already with an error of Node, and the server goes on',
  async (_what, spec, code, create, start) => {
    const source = `
    const server = ${create};
    server.${start}(0, '127.0.0.1');
    await once(server, 'listening');
    await rejected(listen(server)); // loads what is loaded late
    const before = openFds();
    const error = await rejected(listen(server));
    const left = openFds() - before;
    const errorListeners = server.listenerCount('error');
    const answer = server instanceof net.Server
      ? await ask(server.address())
      : await askDatagram('udp4', server.address(), 'hello');
    const result = { code: error.code, left, errorListeners, answer };
  `;
    expect(await run([spec], source)).toEqual({
      ...{ code, left: 0, errorListeners: 0 },
      answer: start === 'listen' ? 'served' : 'udp4 hello',
    });
  },
);
