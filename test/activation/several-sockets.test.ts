// One server on all sockets of its name: a socket unit with several ListenStream= lines.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Address } from 'libsystemd';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchNode, spawnLaunched } from '../support/launch.ts';
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
import { opensslLacks } from './machine.ts';
import { run } from './run.ts';

const folder = temporaryFolder();

const tcp = 'tcp:127.0.0.1:0,backlog=77';
let unixes = 0;
const unix = () => `unix:${folder}/${unixes++},backlog=3000`;

type Ask = (to: Reachable, path: string, trust: Trust) => Promise<string>;

const servers: readonly (readonly [what: string, create: string, ask: Ask])[] = [
  ['net', 'net.createServer((socket) => socket.pipe(socket))', exchange],
  ['http', 'http.createServer(echo)', httpGet],
  ['https', 'https.createServer(certificate, echo)', httpsGet],
  ['http2', 'http2.createSecureServer(certificate, echo)', http2Get],
  ['http2 without TLS', 'http2.createServer(echo)', (to, path) => http2Get(to, path)],
  ['tls', 'tls.createServer(certificate, (socket) => socket.pipe(socket))', tlsExchange],
];

describe('a server answers on each of three sockets', () => {
  let trust: Trust;
  let files: Readonly<Record<'key' | 'cert', string>>;

  beforeEach((ctx) => ctx.skip(opensslLacks !== undefined, opensslLacks));

  beforeAll(async () => {
    if (opensslLacks !== undefined) return;
    files = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') };
    const { key, cert } = files;
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'],
    ]);
    trust = { ca: await readFile(cert, 'utf8'), servername: 'localhost' };
  });

  test.each(servers)('as a server of %s', async (_what, create, ask) => {
    const source = `
      import { readFileSync } from 'node:fs';
      import http from 'node:http';
      import http2 from 'node:http2';
      import https from 'node:https';
      import net from 'node:net';
      import tls from 'node:tls';
      import { listen } from 'libsystemd';
      const certificate = { key: readFileSync('${files.key}'), cert: readFileSync('${files.cert}') };
      const echo = ({ url }, response) => response.end(url);
      const server = ${create};
      const addresses = await listen(server);
      console.log(JSON.stringify({ addresses, frozen: Object.isFrozen(addresses) }));
    `;
    const command = [process.execPath, '--input-type=module', '-e', source];
    const options = { names: 'web:web:web', cwd: root };
    await using service = new Service(spawnLaunched([tcp, unix(), tcp], command, options));
    const { addresses, frozen } = await service.next<{ addresses: Address[]; frozen: boolean }>();
    expect(addresses.map(({ family }) => family)).toEqual(['inet', 'unix', 'inet']);
    expect(frozen).toBe(true);
    for (const [i, address] of addresses.entries()) {
      expect(await ask(reachable(address), `/${i}`, trust)).toBe(`/${i}`);
    }
  });
});

const prelude = `
  const count = (server) => new Promise((done) => server.getConnections((_, n) => done(n)));
  const connected = async (address) => {
    const socket = reach(address);
    await once(socket, 'connect');
    return socket;
  };
`;

test('the backlog of each socket stays, and is raised by the option', async () => {
  const source = `
    const server = createServer();
    await listen(server);
    const limits = () => listenFds().map(({ fd }) => acceptQueue(fd).limit);
    const result = [limits()];
    await once(server.close(), 'close');
    await listen(server, { backlog: 100 });
    result.push(limits());
  `;
  expect(await run([tcp, unix(), 'tcp:127.0.0.1:0,backlog=5'], source)).toEqual([
    [77, 3000, 5],
    [100, 3000, 100],
  ]);
});

test('close() ends listening on all sockets at once, and waits for their connections', async () => {
  const source = `${prelude}
    const server = createServer((socket) => socket.on('data', (data) => socket.end('got ' + data)));
    const addresses = await listen(server);
    const open = await Promise.all(addresses.map(connected));
    while ((await count(server)) < 2) await new Promise(setImmediate);
    let closed = false;
    server.close(() => { closed = true; });
    const late = await Promise.all(addresses.map(connected));
    await new Promise((done) => setTimeout(done, 100));
    const waiting = listenFds().map(({ fd }) => acceptQueue(fd).waiting);
    const result = { counted: await count(server), waiting, closed: [closed] };
    for (const socket of open) result.answers = [...(result.answers ?? []), await text(socket.end('x'))];
    while (!closed) await new Promise(setImmediate);
    result.counted = [result.counted, await count(server)];
    await listen(server);
    for (const socket of late) result.answers.push(await text(socket.end('y')));
  `;
  expect(await run([tcp, unix()], source)).toEqual({
    counted: [2, 0],
    waiting: [1, 1],
    closed: [false],
    answers: ['got x', 'got x', 'got y', 'got y'],
  });
});

test('the options of the server hold for the connections of each socket', async () => {
  const source = `${prelude}
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      if (server.drops) return socket.resume();
      let said = '';
      socket.on('data', (data) => { said += data; });
      socket.on('end', () => setTimeout(() => socket.end('heard ' + said), 50));
    });
    const addresses = await listen(server);
    const answers = [];
    for (const address of addresses) answers.push(await text(reach(address).end('all')));
    server.maxConnections = 1;
    server.drops = true;
    let drops = 0;
    server.on('drop', () => drops++);
    const [second, first] = [await connected(addresses[1]), await connected(addresses[0])];
    await Promise.race([once(first.resume(), 'close'), once(second.resume(), 'close')]);
    const result = { answers, drops, left: await count(server) };
  `;
  expect(await run([tcp, unix()], source)).toEqual({
    answers: ['heard all', 'heard all'],
    drops: 1,
    left: 1,
  });
});

test('a limit of no connections holds for each socket as for the first', async () => {
  const source = `${prelude}
    const server = createServer((socket) => socket.end('let in'));
    const addresses = await listen(server);
    server.maxConnections = 0;
    let drops = 0;
    server.on('drop', () => drops++);
    const answers = [];
    for (const address of addresses) answers.push(await text(reach(address)));
    const result = { answers, drops };
  `;
  const { answers, drops } = (await run([tcp, tcp, unix()], source)) as {
    answers: string[];
    drops: number;
  };
  // Node has let all in until its version 21, and nobody since.
  const [first = ''] = answers;
  expect(answers).toEqual([first, first, first]);
  expect(drops).toBe(first === '' ? 3 : 0);
});

test('when one of the sockets fails, the server listens on none, and nothing stays open', async () => {
  const source = `
    import { closeSync } from 'node:fs';
    listenFds();
    const name = 'unknown';
    closeSync(5);
    await rejected(listen(createServer(), { name })); // loads what is loaded late
    const before = openFds();
    const server = createServer();
    const { code } = await rejected(listen(server, { name }));
    await new Promise(setImmediate);
    const result = { code, listening: server.listening, left: openFds() - before };
  `;
  expect(await run([tcp, tcp, tcp], source)).toEqual({ code: 'EBADF', listening: false, left: 0 });
});

test('a server that its program closes as soon as it listens stays closed on all sockets', async () => {
  const source = `
    const server = createServer();
    server.once('listening', () => server.close());
    const addresses = await listen(server);
    const before = openFds();
    await new Promise((done) => setTimeout(done, 50));
    const result = [addresses.length, server.listening, openFds() - before];
  `;
  expect(await run([tcp, tcp], source)).toEqual([2, false, 0]);
});

test.each([
  ['closed', 'server.close();'],
  ['unreferenced', 'server.unref();'],
])('the process ends by itself when the server is %s', async (_what, act) => {
  const source = `
    import { createServer } from 'node:net';
    import { listen } from 'libsystemd';
    const server = createServer();
    await listen(server);
    ${act}
    console.log('true');
  `;
  expect(await launchNode([tcp, unix()], source)).toMatchObject({ code: 0, stderr: '' });
});

test('a server that closes leaves nothing open but what was passed', async () => {
  const source = `
    const round = async () => {
      const server = createServer();
      await listen(server);
      await once(server.close(), 'close');
    };
    await round();
    const before = openFds();
    for (let i = 0; i < 3; i++) await round();
    const result = openFds() - before;
  `;
  expect(await run([tcp, unix()], source)).toBe(0);
});
