import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { ipv6Lacks } from './machine.ts';
import { notActivated, run } from './run.ts';

const folder = temporaryFolder();

const port = expect.any(Number) as number;
const loopback = { family: 'inet', address: '127.0.0.1', port };
const loopback6 = { family: 'inet6', address: '::1', port, flowinfo: 0, scopeId: 0 };
/** The address for all interfaces: Node takes the IPv6 one where the machine has IPv6. */
const everywhere = ipv6Lacks
  ? { family: 'inet', address: '0.0.0.0', port }
  : { family: 'inet6', address: '::', port, flowinfo: 0, scopeId: 0 };

interface Case {
  readonly what: string;
  /** JavaScript. The working directory is the tests' folder. */
  readonly fallback: string;
  readonly address: () => unknown;
  readonly lacks?: string | undefined;
}

const forServers: readonly Case[] = [
  { what: 'a port', fallback: '0', address: () => everywhere },
  {
    what: 'a port and a host',
    fallback: `{ port: 0, host: '127.0.0.1' }`,
    address: () => loopback,
  },
  {
    ...{ what: 'an IPv6 host', fallback: `{ port: 0, host: '::1' }`, address: () => loopback6 },
    lacks: ipv6Lacks,
  },
  {
    what: 'a path',
    fallback: `process.cwd() + '/a.sock'`,
    address: () => ({ family: 'unix', path: `${folder}/a.sock` }),
  },
  {
    what: 'a path in options',
    fallback: `{ path: 'b.sock', readableAll: true }`,
    address: () => ({ family: 'unix', path: 'b.sock' }),
  },
  {
    what: 'a path that begins with @, which is no abstract name to Node',
    fallback: `'@c.sock'`,
    address: () => ({ family: 'unix', path: '@c.sock' }),
  },
];

test.for(forServers)(
  'a server that was not activated listens on $what',
  async ({ fallback, address, lacks }, ctx) => {
    ctx.skip(lacks !== undefined, lacks);
    const source = `
    process.chdir(${JSON.stringify(folder)});
    const server = answering('served');
    const [address] = await listen(server, { name: 'web', fallback: ${fallback} });
    const result = { address, bound: inspect(server._handle.fd).localAddress, answer: await ask(server.address()) };
  `;
    expect(await run([], source, notActivated)).toEqual({
      ...{ address: address(), bound: address(), answer: 'served' },
    });
  },
);

test('listen() returns an abstract name as the kernel has it', async () => {
  const source = `
    const server = answering('served');
    const [address] = await listen(server, { fallback: ${JSON.stringify(`\0${folder}`)} });
    const result = { address, bound: inspect(server._handle.fd).localAddress };
  `;
  const { address, bound } = (await run([], source, notActivated)) as Record<string, unknown>;
  expect(address).toMatchObject({ family: 'unix', abstract: expect.stringContaining(folder) });
  expect(address).toEqual(bound);
});

test.for([
  { type: 'udp4', fallback: '0', address: { ...loopback, address: '0.0.0.0' }, lacks: undefined },
  {
    ...{ type: 'udp4', fallback: `{ port: 0, address: '127.0.0.1' }` },
    ...{ address: loopback, lacks: undefined },
  },
  {
    ...{ type: 'udp6', fallback: `{ port: 0, address: '::1' }` },
    ...{ address: loopback6, lacks: ipv6Lacks },
  },
])(
  'a $type socket that was not activated binds to $fallback',
  async ({ type, fallback, address, lacks }, ctx) => {
    ctx.skip(lacks !== undefined, lacks);
    const source = `
    const [address] = await listen(echoing('${type}'), { fallback: ${fallback} });
    const result = { address, answer: await askDatagram('${type}', address, 'hello') };
  `;
    expect(await run([], source, notActivated)).toEqual({ address, answer: `${type} hello` });
  },
);

test('a server that was activated does not use the fallback', async () => {
  const source = `
    const [address] = await listen(answering('served'), { fallback: '${folder}/unused.sock' });
    const result = { address, answer: await ask(address) };
  `;
  expect(await run(['tcp:127.0.0.1:0'], source)).toEqual({ address: loopback, answer: 'served' });
});

test.each([
  ['TCP', 'createServer()', `{ port: taken.port, host: '127.0.0.1' }`],
  // A socket of dgram has a descriptor of its own from then on, until it is closed.
  ['UDP', `createSocket('udp4')`, `{ port: udp.address().port, address: '127.0.0.1' }`],
])(
  'a %s address that is in use is an error of Node, and nothing stays open',
  async (_what, create, fallback) => {
    const source = `
    const [taken] = await listen(createServer(), { fallback: { port: 0, host: '127.0.0.1' } });
    const udp = createSocket('udp4').bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const failed = async () => {
      const server = ${create};
      const error = await rejected(listen(server, { fallback: ${fallback} }));
      await once(server.close(), 'close');
      return error;
    };
    await failed(); // loads what is loaded late
    const before = openFds();
    const { name, code } = await failed();
    const result = { name, code, left: openFds() - before };
  `;
    expect(await run([], source, notActivated)).toEqual({
      ...{ name: 'Error', code: 'EADDRINUSE', left: 0 },
    });
  },
);
