// listen() on sockets that were passed: every kind of server in Node, on every kind of socket that suits.
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Address } from 'libsystemd';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { spawnLaunched } from '../support/launch.ts';
import { type Reachable, Service } from '../support/service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import {
  exchange,
  http2Get,
  httpGet,
  httpsGet,
  reachable,
  type Trust,
  tlsExchange,
} from './clients.ts';
import { ipv6Lacks, opensslLacks } from './machine.ts';
import { run } from './run.ts';

const execute = promisify(execFile);

const folder = temporaryFolder();

interface Family {
  readonly spec: (name: string) => string;
  readonly address: (name: string) => unknown;
  readonly lacks?: string | undefined;
}

const port = expect.any(Number) as number;

/** A name of the full 108 bytes, because clients of Node 20 pad it with nulls (libuv before 1.48). */
const abstractName = (name: string) => `${folder}/${name}`.padEnd(107, '_');

const families: Readonly<Record<string, Family>> = {
  inet: {
    spec: () => 'tcp:127.0.0.1:0',
    address: () => ({ family: 'inet', address: '127.0.0.1', port }),
  },
  inet6: {
    spec: () => 'tcp:[::1]:0',
    address: () => ({ family: 'inet6', address: '::1', port, flowinfo: 0, scopeId: 0 }),
    lacks: ipv6Lacks,
  },
  unix: {
    spec: (name) => `unix:${folder}/${name}`,
    address: (name) => ({ family: 'unix', path: `${folder}/${name}` }),
  },
  abstract: {
    spec: (name) => `unix:@${abstractName(name)}`,
    address: (name) => ({
      family: 'unix',
      abstract: abstractName(name),
      bytes: { ...Buffer.from(`\0${abstractName(name)}`) },
    }),
  },
};

type Ask = (to: Reachable, path: string, trust: Trust) => Promise<string>;

/** A server of each module, and a client for it. */
const servers: Readonly<Record<string, { create: string; ask: Ask }>> = {
  net: { create: `net.createServer((socket) => socket.pipe(socket))`, ask: exchange },
  http: { create: `http.createServer(echo)`, ask: httpGet },
  https: { create: `https.createServer(certificate, echo)`, ask: httpsGet },
  h2c: { create: `http2.createServer(echo)`, ask: (to, path) => http2Get(to, path) },
  h2: { create: `http2.createSecureServer(certificate, echo)`, ask: http2Get },
  tls: {
    create: `tls.createServer(certificate, (socket) => socket.pipe(socket))`,
    ask: tlsExchange,
  },
};

const cases = Object.keys(families).flatMap((family) =>
  Object.keys(servers).map((server) => ({ server, family, name: `${server}-${family}` })),
);

describe('serves', () => {
  let service: Service;
  let addresses: Readonly<Record<string, Address>>;
  let trust: Trust;

  beforeAll(async () => {
    if (opensslLacks !== undefined) return;
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    await execute('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost'],
    ]);
    trust = { ca: await readFile(cert, 'utf8'), servername: 'localhost' };

    const passed = cases.filter(({ family }) => families[family]!.lacks === undefined);
    const specs = passed.map(({ family, name }) => families[family]!.spec(name));
    const source = `
      import { readFileSync } from 'node:fs';
      import http from 'node:http';
      import http2 from 'node:http2';
      import https from 'node:https';
      import net from 'node:net';
      import tls from 'node:tls';
      import { listen } from 'libsystemd';
      const certificate = { key: readFileSync('${key}'), cert: readFileSync('${cert}') };
      const echo = ({ url }, response) => response.end(url);
      const create = {
        ${Object.entries(servers)
          .map(([name, { create }]) => `${name}: () => ${create}`)
          .join(',\n')}
      };
      const addresses = {};
      for (const name of ${JSON.stringify(passed.map(({ name }) => name))}) {
        [addresses[name]] = await listen(create[name.split('-')[0]](), { name });
      }
      console.log(JSON.stringify(addresses));
    `;
    const names = passed.map(({ name }) => name).join(':');
    const command = [process.execPath, '--input-type=module', '-e', source];
    service = new Service(spawnLaunched(specs, command, { names, cwd: root }));
    addresses = await service.next();
  });

  beforeEach((ctx) => ctx.skip(opensslLacks !== undefined, opensslLacks));

  afterAll(async () => await service?.[Symbol.asyncDispose]());

  test.for(cases)(
    '$server on a socket of family $family, and returns its address',
    async ({ server, family, name }, ctx) => {
      const { address, lacks } = families[family]!;
      ctx.skip(lacks !== undefined, lacks);
      expect(addresses[name]).toEqual(address(name));
      const answer = await servers[server]!.ask(reachable(addresses[name]!), `/${name}`, trust);
      expect(answer).toBe(`/${name}`);
    },
  );
});

test.for([
  { type: 'udp4', spec: 'udp:127.0.0.1:0', lacks: undefined },
  { type: 'udp6', spec: 'udp:[::1]:0', lacks: ipv6Lacks },
])('serves $type on its family, and returns its address', async ({ type, spec, lacks }, ctx) => {
  ctx.skip(lacks !== undefined, lacks);
  const source = `
    const [address] = await listen(echoing('${type}'));
    const result = {
      same: JSON.stringify(address) === JSON.stringify(inspect(3).localAddress),
      answer: await askDatagram('${type}', address, 'hello'),
    };
  `;
  expect(await run([spec], source)).toEqual({ same: true, answer: `${type} hello` });
});

describe.each([
  ['TCP', () => 'tcp:127.0.0.1:0'],
  ['Unix', () => `unix:${folder}/again`],
])('the same %s socket', (_what, spec) => {
  afterEach(() => rm(`${folder}/again`, { force: true }));

  test('is served by two servers at a time', async () => {
    const source = `
      const servers = [answeringOnce('first'), answeringOnce('second')];
      const name = 'unknown';
      const both = await Promise.all(servers.map((server) => listen(server, { name })));
      const [address, same] = both.map(([first]) => first);
      const result = { same: address === same, answers: [await ask(address), await ask(address)] };
    `;
    const { same, answers } = (await run([spec()], source)) as { same: boolean; answers: string[] };
    expect(same).toBe(true);
    expect(answers.toSorted()).toEqual(['first', 'second']);
  });

  test('is served again by a server that was closed, and a client waits meanwhile', async () => {
    const source = `
      const server = answering('served');
      const [address] = await listen(server);
      const answers = [await ask(address)];
      await once(server.close(), 'close');
      const client = reach(address);
      await once(client, 'connect');
      const { waiting } = acceptQueue(3);
      await listen(server);
      answers.push(await text(client), await ask(address));
      const result = { answers, waiting };
    `;
    expect(await run([spec()], source)).toEqual({
      answers: ['served', 'served', 'served'],
      waiting: 1,
    });
  });

  test('stays open when its server closes, and nothing else does', async () => {
    const source = `
      await once((await listening()).close(), 'close'); // what Node and libsystemd open for good
      const before = openFds();
      for (let i = 0; i < 3; i++) await once((await listening()).close(), 'close');
      const after = openFds();
      async function listening() {
        const server = createServer();
        await listen(server);
        return server;
      }
      const result = { more: after - before, still: inspect(3).listening };
    `;
    expect(await run([spec()], source)).toEqual({ more: 0, still: true });
  });
});

test('a server emits `listening` once, and keeps no event handler of this package', async () => {
  const source = `
    const server = createServer();
    let events = 0;
    server.on('listening', () => events++);
    await listen(server);
    const result = [events, server.listening, server.listenerCount('listening'), server.listenerCount('error')];
  `;
  expect(await run(['tcp:127.0.0.1:0'], source)).toEqual([1, true, 1, 0]);
});

test('listen() resolves for a server that its program closes as soon as it listens', async () => {
  const result = await run(
    ['tcp:127.0.0.1:0'],
    `const server = createServer();
     server.once('listening', () => server.close());
     const result = (await listen(server))[0].family;`,
  );
  expect(result).toBe('inet');
});
