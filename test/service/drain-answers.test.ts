// HTTP/1 responses while a service stops: each arrives to its last byte, and the last one of a connection says
// `Connection: close`.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import {
  CLEAN,
  connectionHeaders,
  receivesRequest,
  servingAt,
  tlsOptions,
} from './drain-support.ts';
import { endAtFirstHang } from './first-hang.ts';
import { startService } from './support.ts';

endAtFirstHang();

const tls = tlsOptions();

/** Ways in which programs build the head of a response, and the Connection header that the head then has. */
const ways = {
  'end()': [`response.end('done')`, 'Connection: close'],
  'write()': [`response.write('not yet '); response.end('done')`, 'Connection: close'],
  'flushHeaders()': [`response.flushHeaders(); response.end('done')`, 'Connection: close'],
  'writeHead()': [`response.writeHead(200).end('done')`, 'Connection: close'],
  'removeHeader()': [
    `response.removeHeader('Connection'); response.end('done')`,
    'Connection: close',
  ],
  'further tokens': [
    `response.setHeader('Connection', ['X-One', 'keep-alive, X-Two']).end('done')`,
    'Connection: X-One, X-Two, close',
  ],
  '426 Upgrade Required': [
    `response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade' }).end('done')`,
    'Connection: Upgrade, close',
  ],
  'a list of headers': [
    `response.writeHead(200, ['A', 'b', 'connection', 'Keep-Alive', 'C', 'd']).end('done')`,
    'Connection: close',
  ],
  'a Keep-Alive header': [
    `response.writeHead(200, { Connection: 'keep-alive', 'Keep-Alive': 'timeout=60' }).end('done')`,
    'Connection: close',
  ],
  shouldKeepAlive: [`response.shouldKeepAlive = true; response.end('done')`, 'Connection: close'],
  "the prototype's writeHead()": [
    `http.ServerResponse.prototype.writeHead.call(response, 200, { connection: 'keep-alive' }).end('done')`,
    'Connection: close',
  ],
  'a read-only writeHead()': [
    `Object.defineProperty(response, 'writeHead', { value: response.writeHead }); response.end('done')`,
    'Connection: close',
  ],
  'a read-only _storeHeader()': [`response.end('done')`, 'Connection: close'],
  'a header that is not ASCII': [
    `response.writeHead(200, { A: '\\u00fc' }).end('done')`,
    'Connection: close',
  ],
  'a Content-Length': [
    `response.writeHead(200, { 'Content-Length': 4 }).end('done')`,
    'Connection: close',
  ],
  'Connection: close by the program': [
    `response.setHeader('Connection', 'close').end('done')`,
    'Connection: close',
  ],
} as const;

describe('during the stop, a response says Connection: close however the program builds its head:', () => {
  const program = `
    const ways = { ${Object.entries(ways).map(([way, [code]]) => `${JSON.stringify(way)}(response) { ${code} }`)} };
    await run(http.createServer(async (request, response) => {
      const [, when, way] = decodeURI(request.url).split('/');
      say({ request: when });
      if (when === 'head') response.writeHead(200, { A: 'b' });
      if (way === 'a read-only _storeHeader()') {
        Object.defineProperty(response, '_storeHeader', { value: response._storeHeader });
      }
      if (when !== 'first') await stopping;
      if (when === 'head') response.end('done');
      else ways[way](response);
    }), { drain: () => setTimeout(stop, 100) });
  `;
  const withStop = `let stop; const stopping = new Promise((resolve) => { stop = resolve; });${program}`;

  test.each(['before', 'during'])('for a request that came %s the stop', async (when) => {
    await using service = await startService(withStop);
    const at = await servingAt(service);
    const headers: Record<string, string> = {};
    const clients = new Map<string, Client>();
    for (const way of Object.keys(ways)) {
      const client = await Client.connect(at);
      clients.set(way, client);
      // A request for '/first' opens a kept-alive connection, unless the program itself closes that.
      if (when === 'during' && way !== 'Connection: close by the program') {
        client.get(`/first/${encodeURI(way)}`);
        await client.until('done');
      } else if (when === 'before') {
        client.get(`/running/${encodeURI(way)}`);
        await receivesRequest(service, 'running');
      }
    }
    await service.stop();
    for (const [way, client] of clients) {
      if (when === 'during') client.get(`/second/${encodeURI(way)}`);
      headers[way] = connectionHeaders(await client.until('done'));
      await client.closed;
    }
    const expected = Object.entries(ways).map(([way, [, said]]) => [way, said]);
    expect(headers).toEqual(Object.fromEntries(expected));
    expect(await service.ended()).toEqual(CLEAN);
    expect(service.stderr).not.toContain('Error');
  });

  test('for a request whose response head was built before the stop and not sent', async () => {
    await using service = await startService(withStop);
    using client = await Client.connect(await service.serving());
    client.get('/head/x');
    await receivesRequest(service, 'head');
    await service.stop();
    expect(connectionHeaders(await client.until('done'))).toBe('Connection: close');
    await client.closed;
    expect(await service.ended()).toEqual(CLEAN);
  });
});

test.each([
  [
    'whose responses cannot be followed',
    `Object.defineProperty(socket, '_httpMessage', { value: null, writable: true });`,
  ],
  ['that cannot be closed', `socket.destroy = () => { throw new Error('not closed'); };`],
  ['that cannot be ended', `socket.end = () => { throw new Error('not ended'); };`],
])(
  'a connection %s leads to a warning, and the other connections still get their responses',
  async (_which, line) => {
    await using service = await startService(`
    const server = http.createServer(answer).once('connection', (socket) => { ${line} });
    await run(server, { stopTimeout: 2500, exitTimeout: 0 });
  `);
    const at = await servingAt(service);
    using broken = await Client.connect(at);
    broken.get('/0');
    await broken.until('done');
    using client = await Client.connect(at);
    client.get('/1800');
    await receivesRequest(service, '/1800');
    await service.stop();
    if (line.includes('.end')) broken.get('/0');
    expect(connectionHeaders(await client.until('done'))).toBe('Connection: close');
    expect(await service.ended()).toEqual(CLEAN);
    const warnings = service.lines.flatMap(({ message }) => message ?? []);
    expect(warnings.filter((message) => !message.includes('stopTimeout'))[0]).toMatch(
      /^(?:Cannot redefine property|not closed|not ended)/,
    );
  },
);

/** Sends all of a body, even if the server reads little of it. Rejects when a write fails. */
async function upload(client: Client, pieces: number): Promise<void> {
  const piece = 'x'.repeat(65_536);
  for (let i = 0; i < pieces; i++) {
    await new Promise<void>((resolve, reject) => {
      client.socket.write(piece, (error) => (error ? reject(error) : resolve()));
    });
  }
}

const servers = [
  { name: 'http', create: 'http.createServer(', dial: Client.connect },
  { name: 'https', create: `https.createServer(${tls}, `, dial: Client.connectTls },
] as const;

describe.each(servers)(
  '$name: during the stop, a response that the program sends before it has read the body arrives',
  ({ create, dial }) => {
    test.each([
      ['when the program ignores the body', ''],
      [
        'when the program has paused the request',
        `request.once('data', () => {}); request.pause();`,
      ],
      [
        'when the program itself says Connection: close',
        `response.setHeader('Connection', 'close');`,
      ],
    ])('%s', async (_when, line) => {
      await using service = await startService(`
      await run(${create}(request, response) => {
        say({ request: request.url });
        ${line}
        response.writeHead(401).end('denied');
      }));
    `);
      using client = await dial(await service.serving());
      await service.stop();
      const pieces = 64;
      client.socket.write(
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${pieces * 65_536}\r\n\r\n`,
      );
      await receivesRequest(service, '/');
      await sleep(100); // the response is on its way, and the body is not
      await upload(client, pieces);
      const answer = await client.until('denied');
      expect(answer).toMatch(/^HTTP\/1.1 401 /);
      expect(connectionHeaders(answer)).toBe('Connection: close');
      await client.closed;
      expect(await service.ended()).toEqual(CLEAN);
    });
  },
);

test('during the stop, a program can read the body to its end after it has sent the response', async () => {
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
  await service.readUntil(({ length }) => length === 6);
  await client.closed;
  expect(await service.ended()).toEqual(CLEAN);
});

test.each([
  ['does not close its connection', 'GET /0 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['never sends the body', 'POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n'],
])(
  'the stop does not wait for a client that %s after the last response',
  async (_what, request) => {
    await using service = await startService(`await run(http.createServer(answer));`);
    using client = await Client.connect(await service.serving());
    client.socket.end = () => client.socket; // so that the client sends no FIN
    await service.stop();
    const stopped = performance.now();
    client.socket.write(request);
    await client.until('done');
    expect(await service.ended()).toEqual(CLEAN);
    expect(performance.now() - stopped).toBeLessThan(4_000);
  },
);
