// What HTTP/1 clients are answered while a service stops: every request that the program was given, the last
// with `Connection: close`, and to the last byte, whatever the client still sends.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { endAtFirstHang } from './first-hang.ts';
import { Client, certificate, type RunningService, startService } from './support.ts';

type At = { host: string; port: number };

endAtFirstHang();

const files = certificate();
const withTls = `{ key: readFileSync('${files.key}'), cert: readFileSync('${files.cert}') }`;

const requestOf = (service: RunningService, path: string) =>
  service.said(({ request }) => request === path);

/** What an answer says of its connection. */
const connectionOf = (answer: string) =>
  [...answer.matchAll(/^(?:connection|keep-alive): .*(?=\r$)/gim)]
    .map(([line]) => line)
    .join(' | ');

/** How programs make the head of an answer, and what it then says of the connection. */
const ways = {
  'end()': [`response.end('done')`, 'Connection: close'],
  'write()': [`response.write('not yet '); response.end('done')`, 'Connection: close'],
  'flushHeaders()': [`response.flushHeaders(); response.end('done')`, 'Connection: close'],
  'writeHead()': [`response.writeHead(200).end('done')`, 'Connection: close'],
  'no header': [`response.removeHeader('Connection'); response.end('done')`, 'Connection: close'],
  'other tokens': [
    `response.setHeader('Connection', ['X-One', 'keep-alive, X-Two']).end('done')`,
    'Connection: X-One, X-Two, close',
  ],
  'an upgrade that is required': [
    `response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade' }).end('done')`,
    'Connection: Upgrade, close',
  ],
  'a list of headers': [
    `response.writeHead(200, ['A', 'b', 'connection', 'Keep-Alive', 'C', 'd']).end('done')`,
    'Connection: close',
  ],
  'a promise of how long': [
    `response.writeHead(200, { Connection: 'keep-alive', 'Keep-Alive': 'timeout=60' }).end('done')`,
    'Connection: close',
  ],
  shouldKeepAlive: [`response.shouldKeepAlive = true; response.end('done')`, 'Connection: close'],
  "the prototype's writeHead()": [
    `http.ServerResponse.prototype.writeHead.call(response, 200, { connection: 'keep-alive' }).end('done')`,
    'Connection: close',
  ],
  'a writeHead() that can not be set': [
    `Object.defineProperty(response, 'writeHead', { value: response.writeHead }); response.end('done')`,
    'Connection: close',
  ],
  'a head that can not be followed': [`response.end('done')`, 'Connection: close'],
  'text that is not ASCII': [
    `response.writeHead(200, { A: '\\u00fc' }).end('done')`,
    'Connection: close',
  ],
  'a length': [`response.writeHead(200, { 'Content-Length': 4 }).end('done')`, 'Connection: close'],
  'close by the program': [
    `response.setHeader('Connection', 'close').end('done')`,
    'Connection: close',
  ],
} as const;

describe('when it stops, an answer says Connection: close, however its head is made:', () => {
  const program = `
    const ways = { ${Object.entries(ways).map(([way, [code]]) => `${JSON.stringify(way)}(response) { ${code} }`)} };
    await run(http.createServer(async (request, response) => {
      const [, when, way] = decodeURI(request.url).split('/');
      say({ request: when });
      if (when === 'head') response.writeHead(200, { A: 'b' });
      if (way === 'a head that can not be followed') {
        Object.defineProperty(response, '_storeHeader', { value: response._storeHeader });
      }
      if (when !== 'first') await stopping;
      if (when === 'head') response.end('done');
      else ways[way](response);
    }), { drain: () => setTimeout(stop, 100) });
  `;
  const withStop = `let stop; const stopping = new Promise((resolve) => { stop = resolve; });${program}`;

  test.each(['under way', 'later'])('to a request that came %s', async (when) => {
    await using service = await startService(withStop);
    const at = (await service.serving()) as At;
    const found: Record<string, string> = {};
    const clients = new Map<string, Client>();
    for (const way of Object.keys(ways)) {
      const client = await Client.connect(at);
      clients.set(way, client);
      // Of the 'first' the connection is kept, but where the program itself closes it.
      if (when === 'later' && way !== 'close by the program') {
        client.get(`/first/${encodeURI(way)}`);
        await client.until('done');
      } else if (when === 'under way') {
        client.get(`/running/${encodeURI(way)}`);
        await requestOf(service, 'running');
      }
    }
    await service.stop();
    for (const [way, client] of clients) {
      if (when === 'later') client.get(`/second/${encodeURI(way)}`);
      found[way] = connectionOf(await client.until('done'));
      await client.closed;
    }
    const expected = Object.entries(ways).map(([way, [, said]]) => [way, said]);
    expect(found).toEqual(Object.fromEntries(expected));
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.stderr).not.toContain('Error');
  });

  test('to one whose head was made before, and not sent', async () => {
    await using service = await startService(withStop);
    using client = await Client.connect(await service.serving());
    client.get('/head/x');
    await requestOf(service, 'head');
    await service.stop();
    expect(connectionOf(await client.until('done'))).toBe('Connection: close');
    await client.closed;
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });
});

test.each([
  [
    'its answers can not be followed',
    `Object.defineProperty(socket, '_httpMessage', { value: null, writable: true });`,
  ],
  ['it can not be closed', `socket.destroy = () => { throw new Error('not closed'); };`],
  ['it can not be ended', `socket.end = () => { throw new Error('not ended'); };`],
])(
  'what fails with one connection is told, and the others are answered as ever: %s',
  async (_what, line) => {
    await using service = await startService(`
    const server = http.createServer(answer).once('connection', (socket) => { ${line} });
    await run(server, { stopTimeout: 2500, exitTimeout: 0 });
  `);
    const at = (await service.serving()) as At;
    using odd = await Client.connect(at);
    odd.get('/0');
    await odd.until('done');
    using client = await Client.connect(at);
    client.get('/1800');
    await requestOf(service, '/1800');
    await service.stop();
    if (line.includes('.end')) odd.get('/0');
    expect(connectionOf(await client.until('done'))).toBe('Connection: close');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    const warnings = service.lines.flatMap(({ message }) => message ?? []);
    expect(warnings.filter((message) => !message.includes('stopTimeout'))[0]).toMatch(
      /^(?:Cannot redefine property|not closed|not ended)/,
    );
  },
);

/** Sends all of a body, however little of it the server wants. Rejects with what keeps it from that. */
async function upload(client: Client, pieces: number): Promise<void> {
  const piece = 'x'.repeat(65_536);
  for (let i = 0; i < pieces; i++) {
    await new Promise<void>((resolve, reject) => {
      client.socket.write(piece, (error) => (error ? reject(error) : resolve()));
    });
  }
}

const early = [
  { name: 'http', create: 'http.createServer(', dial: Client.connect },
  { name: 'https', create: `https.createServer(${withTls}, `, dial: Client.connectTls },
] as const;

describe.each(early)(
  '$name: when it stops, an answer before the body is read arrives',
  ({ create, dial }) => {
    test.each([
      ['and the body is not looked at', ''],
      [
        'and the program has paused the request',
        `request.once('data', () => {}); request.pause();`,
      ],
      ['and the program says that it closes', `response.setHeader('Connection', 'close');`],
    ])('%s', async (_what, line) => {
      await using service = await startService(`
      await run(${create}(request, response) => {
        say({ request: request.url });
        ${line}
        response.writeHead(401).end('denied');
      }));
    `);
      using client = await dial((await service.serving()) as At);
      await service.stop();
      const pieces = 64;
      client.socket.write(
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${pieces * 65_536}\r\n\r\n`,
      );
      await requestOf(service, '/');
      await sleep(100); // the answer is on its way, and the body not yet
      await upload(client, pieces);
      const answer = await client.until('denied');
      expect(answer).toMatch(/^HTTP\/1.1 401 /);
      expect(connectionOf(answer)).toBe('Connection: close');
      await client.closed;
      expect(await service.ended()).toEqual({ code: 0, signal: null });
    });
  },
);

test('when it stops, a program that has answered early reads the body to its end all the same', async () => {
  await using service = await startService(`
    await run(http.createServer(async (request, response) => {
      say({ request: request.url });
      response.writeHead(202).end('accepted');
      let length = 0;
      for await (const piece of request) length += piece.length;
      say({ length });
    }));
  `);
  using client = await Client.connect(await service.serving());
  await service.stop();
  client.socket.write(
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
  );
  await client.until('accepted');
  await sleep(200);
  client.socket.write('3\r\ndef\r\n0\r\n\r\n');
  await service.said(({ length }) => length === 6);
  await client.closed;
  expect(await service.ended()).toEqual({ code: 0, signal: null });
});

test.each([
  ['that does not close', 'GET /0 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['whose body never comes', 'POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n'],
])('when it stops, a client %s after the last answer is not waited for', async (_what, request) => {
  await using service = await startService(`await run(http.createServer(answer));`);
  using client = await Client.connect(await service.serving());
  client.socket.end = () => client.socket; // its 'end' leads to no FIN
  await service.stop();
  const stopped = performance.now();
  client.socket.write(request);
  await client.until('done');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(performance.now() - stopped).toBeLessThan(4_000);
});

describe('when it stops, pipelined requests are answered in their order, and the last one says close:', () => {
  /** Answers each when the client says so on another connection, or at once. */
  const program = `
    const waiting = new Map();
    const server = http.createServer((request, response) => {
      say({ request: request.url });
      if (request.url.startsWith('/now')) response.end('answer to ' + request.url);
      else waiting.set(request.url, response);
    });
    process.on('SIGUSR2', () => {
      const [[url, response]] = waiting;
      waiting.delete(url);
      response.end('answer to ' + url);
      say({ answered: url });
    });
    await run(server);
  `;
  const ask = (...paths: string[]) =>
    paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join('');
  const answersOf = (text: string) =>
    text
      .split(/(?=HTTP\/1\.1 )/)
      .map((answer) => [/answer to (.*)$/m.exec(answer)?.[1], connectionOf(answer)] as const);
  const KEPT = 'Connection: keep-alive | Keep-Alive: timeout=5';
  const CLOSED = 'Connection: close';

  const release = async (service: RunningService) => {
    service.signal('SIGUSR2');
    await service.said((line) => 'answered' in line);
  };

  test.each([2, 3])('%i that were all handed over before', async (count) => {
    await using service = await startService(program);
    using client = await Client.connect(await service.serving());
    const paths = ['/one', '/two', '/three'].slice(0, count);
    client.socket.write(ask(...paths));
    await requestOf(service, paths.at(-1)!);
    await service.stop();
    for (const _ of paths) await release(service);
    await client.closed;
    const expected = paths.map((path, i) => [path, i === count - 1 ? CLOSED : KEPT]);
    expect(answersOf(client.received)).toEqual(expected);
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test('one that is answered before the stop, and waits for its turn', async () => {
    await using service = await startService(program);
    using client = await Client.connect(await service.serving());
    client.socket.write(ask('/one', '/now'));
    await requestOf(service, '/now');
    await service.stop();
    await release(service);
    await client.closed;
    expect(answersOf(client.received)).toEqual([
      ['/one', KEPT],
      ['/now', CLOSED],
    ]);
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test('one that comes after the stop, behind one that is under way', async () => {
    await using service = await startService(program);
    using client = await Client.connect(await service.serving());
    client.socket.write(ask('/one'));
    await requestOf(service, '/one');
    await service.stop();
    client.socket.write(ask('/two'));
    await requestOf(service, '/two');
    await release(service);
    await release(service);
    await client.closed;
    expect(answersOf(client.received)).toEqual([
      ['/one', KEPT],
      ['/two', CLOSED],
    ]);
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test('one that comes after the stop, and is answered before its turn, amid others', async () => {
    await using service = await startService(program);
    using client = await Client.connect(await service.serving());
    client.socket.write(ask('/one'));
    await requestOf(service, '/one');
    await service.stop();
    client.socket.write(ask('/now', '/three'));
    await requestOf(service, '/three');
    await release(service);
    await release(service);
    await client.closed;
    expect(answersOf(client.received)).toEqual([
      ['/one', KEPT],
      ['/now', KEPT],
      ['/three', CLOSED],
    ]);
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test('one that an upgrade came behind leaves its connection to that', async () => {
    await using service = await startService(
      program.replace(
        'await run',
        `server.on('upgrade', (request, socket) => {
           say({ request: 'upgrade' });
           socket.on('data', (data) => socket.end('last ' + data));
         });
         await run`,
      ),
    );
    using client = await Client.connect(await service.serving());
    client.socket.write(ask('/one'));
    await requestOf(service, '/one');
    await service.stop();
    client.socket.write('GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    await requestOf(service, 'upgrade');
    await release(service);
    expect(connectionOf(await client.until('answer to /one'))).toBe(KEPT);
    client.socket.write('word');
    await client.until('last word');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test('the one that a program has made itself for an upgrade says close', async () => {
    await using service = await startService(`
      const server = http.createServer(answer);
      server.on('upgrade', (request, socket) => {
        const response = new http.ServerResponse(request);
        response.assignSocket(socket);
        response.writeHead(403).end('refused');
      });
      await run(server);
    `);
    using client = await Client.connect(await service.serving());
    client.get('/0');
    await client.until('done');
    await service.stop();
    client.socket.write('GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    expect(connectionOf(await client.until('refused'))).toBe(CLOSED);
    await client.closed;
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test('what comes behind the answer that says so, an upgrade too, the program does not get', async () => {
    await using service = await startService(
      program.replace(
        'await run',
        `server.on('upgrade', () => say({ request: 'upgrade' })); await run`,
      ),
    );
    using client = await Client.connect(await service.serving());
    await service.stop();
    const upgrade = 'GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
    client.socket.write(ask('/now', '/now2') + upgrade);
    await client.closed;
    expect(answersOf(client.received)).toEqual([['/now', CLOSED]]);
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines.filter(({ request }) => request)).toEqual([{ request: '/now' }]);
  });
});
