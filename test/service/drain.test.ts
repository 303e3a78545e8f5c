// Connections while a service stops: each ends after the response to its request.
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { CLEAN, receivesRequest, requestOnce, servingAt, tlsOptions } from './drain-support.ts';
import { endAtFirstHang } from './first-hang.ts';
import { startService } from './support.ts';

endAtFirstHang();

const tls = tlsOptions();

const http1 = [
  { name: 'http', server: 'http.createServer(answer)', dial: Client.connect },
  { name: 'https', server: `https.createServer(${tls}, answer)`, dial: Client.connectTls },
  {
    name: 'http2 with allowHTTP1',
    server: `http2.createSecureServer({ allowHTTP1: true, ...${tls} }, answer)`,
    dial: Client.connectTls,
  },
] as const;

describe.each(http1)('$name: during the stop,', ({ server, dial }) => {
  const start = async (options = '{}') => {
    const service = await startService(`await run(${server}, ${options});`);
    return { service, at: await servingAt(service) };
  };

  test('a running request gets its response with Connection: close, and its connection is closed', async () => {
    const { service, at } = await start();
    await using _ = service;
    using client = await dial(at);
    client.get('/300');
    await receivesRequest(service);
    await service.stop();
    expect(await client.until('done')).toContain('Connection: close\r\n');
    await client.closed;
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('a response that has begun is finished, and its connection stays open for a while', async () => {
    const { service, at } = await start();
    await using _ = service;
    using client = await dial(at);
    client.get('/stream');
    expect(await client.until('first half')).toContain('Connection: keep-alive\r\n');
    await service.stop();
    await client.until('done\r\n0\r\n\r\n');
    await sleep(600); // together with the second half longer than an idle connection stays open
    client.get('/0');
    expect(await client.until('done')).toContain('Connection: close\r\n');
    await client.closed;
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('a kept-alive connection is served once more, with Connection: close', async () => {
    const { service, at } = await start();
    await using _ = service;
    using client = await dial(at);
    client.get('/0');
    expect(await client.until('done')).toContain('Connection: keep-alive\r\n');
    await service.stop();
    await sleep(100); // within the while that an idle one has
    client.get('/0');
    expect(await client.until('done')).toContain('Connection: close\r\n');
    await client.closed;
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('idle connections and those without any request are closed after a while', async () => {
    const { service, at } = await start();
    await using _ = service;
    using idle = await dial(at);
    await requestOnce(idle);
    using silent = await dial(at);
    const stopped = performance.now();
    await service.stop();
    await Promise.all([idle.closed, silent.closed]);
    expect(performance.now() - stopped).toBeGreaterThan(900);
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('the stop waits for a request of which half has come', async () => {
    const { service, at } = await start();
    await using _ = service;
    using client = await dial(at);
    client.socket.write('GET /0 HTTP/1.1\r\nHo');
    await sleep(50); // the half has been read: no event tells that
    await service.stop();
    await sleep(1_500); // more than the while of an idle one
    client.socket.write('st: test\r\n\r\n');
    expect(await client.until('done')).toContain('Connection: close\r\n');
    expect(await service.ended()).toEqual(CLEAN);
  });

  test.each([
    ['before', false],
    ['after', true],
  ])(
    'a response requested %s the stop arrives whole, however slowly the client reads',
    async (_when, late) => {
      const { service, at } = await start();
      await using _ = service;
      using client = await dial(at);
      if (late) await service.stop();
      client.socket.pause();
      client.get('/large');
      await receivesRequest(service);
      if (!late) await service.stop();
      await sleep(1_500); // longer than an idle connection stays open
      client.socket.resume();
      await client.until('done');
      await client.closed;
      expect(await service.ended()).toEqual(CLEAN);
    },
  );

  test('a second Ctrl-C closes the open connections, and the stop hook is called', async () => {
    const { service, at } = await start(`{ stop: hook('stop') }`);
    await using _ = service;
    using client = await dial(at);
    client.get('/60000');
    await receivesRequest(service);
    service.signal('SIGINT');
    await service.manager.until(({ message }) => message.startsWith('STOPPING=1'));
    await sleep(1_100); // until then a SIGINT counts as the same key press
    service.signal('SIGINT');
    await client.closed;
    await service.readUntil((line) => line.hook === 'stop');
    expect(service.stderr).toContain(
      'The service has cut 1 connection (1 HTTP/1 request), because Ctrl-C was pressed again during the stop',
    );
    expect(service.stderr).not.toContain('stopTimeout');
  });

  test('stopTimeout closes the open connections, and the stop hook is called', async () => {
    const { service, at } = await start(`{ stopTimeout: 200, stop: hook('stop') }`);
    await using _ = service;
    using client = await dial(at);
    client.get('/60000');
    await receivesRequest(service);
    await service.stop();
    await client.closed;
    expect(client.received).toBe('');
    await service.readUntil((line) => line.hook === 'stop');
  });
});

test.each([
  ['setHeader()', `setHeader('Connection', 'keep-alive').setHeader('A', 'b').writeHead(200)`],
  ['an object', `writeHead(200, { A: 'b', connection: 'Keep-Alive' })`],
  ['a list', `writeHead(200, 'OK', ['Connection', 'keep-alive', 'A', 'b'])`],
  ['a list of pairs', `writeHead(200, [['A', 'b'], ['Connection', 'keep-alive']])`],
  [
    'both',
    `setHeader('Connection', 'keep-alive').writeHead(200, { A: 'b', connection: 'keep-alive' })`,
  ],
])(
  'http: during the stop, a keep-alive header that the program sets by %s becomes close',
  async (_by, write) => {
    await using service = await startService(`
    await run(http.createServer(async (request, response) => {
      say({ request: request.url });
      await sleep(Number(request.url.slice(1)));
      response.${write};
      response.end('done');
    }));
  `);
    const at = await servingAt(service);
    using kept = await Client.connect(at);
    kept.get('/0');
    expect(await kept.until('done')).toMatch(/^connection: keep-alive\r$/im);
    using waiting = await Client.connect(at);
    waiting.get('/300');
    await service.readUntil(({ request }) => request === '/300');
    await service.stop();
    kept.get('/0');
    for (const client of [kept, waiting]) {
      const answer = await client.until('done');
      expect(answer).toMatch(/^connection: close\r$/im);
      expect(answer).toMatch(/^A: b\r$/m);
      expect(answer).not.toMatch(/keep-alive/i);
      await client.closed;
    }
    expect(await service.ended()).toEqual(CLEAN);
  },
);

describe.each([
  ['in the clear', 'http2.createServer', '{}', 'http'],
  ['with TLS', 'http2.createSecureServer', tls, 'https'],
])('http2 %s: during the stop,', (_how, create, options, scheme) => {
  test('a session gets GOAWAY, and its running streams and those on their way get their responses', async () => {
    await using service = await startService(`await run(${create}(${options}, answer));`);
    const { host, port } = await servingAt(service);
    const session = connectHttp2(`${scheme}://${host}:${port}`, { rejectUnauthorized: false });
    const goaway = once(session, 'goaway');
    const request = async (path: string) => {
      const stream = session.request({ ':path': path }).setEncoding('utf8');
      let body = '';
      for await (const text of stream) body += text;
      return body;
    };
    const running = request('/500');
    await receivesRequest(service);
    service.signal('SIGSTOP');
    const late = request('/0');
    await sleep(50); // the stream is on its way when the service begins to stop
    service.signal('SIGTERM');
    service.signal('SIGCONT');
    const [code] = await goaway;
    expect(code).toBe(0);
    expect(await Promise.all([running, late])).toEqual(['done', 'done']);
    await once(session, 'close');
    expect(await service.ended()).toEqual(CLEAN);
  });
});

describe('during the stop,', () => {
  test('connections of a net server end by themselves or by the drain hook', async () => {
    await using service = await startService(`
      const sockets = new Set();
      const server = net.createServer((socket) => {
        sockets.add(socket);
        socket.on('data', (data) => socket.write('echo ' + data));
      });
      await run(server, {
        async drain() {
          await sleep(1500); // the connections are not cut meanwhile
          for (const socket of sockets) socket.end('goodbye');
        },
      });
    `);
    using client = await Client.connect(await service.serving());
    client.socket.write('one');
    await client.until('echo one');
    await service.stop();
    client.socket.write('two');
    await client.until('echo two');
    await client.until('goodbye');
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('an upgraded connection does not count as an idle HTTP connection', async () => {
    await using service = await startService(`
      const server = http.createServer(answer).on('upgrade', (_request, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: echo\\r\\nConnection: Upgrade\\r\\n\\r\\n');
        socket.on('data', (data) => (String(data) === 'bye' ? socket.end() : socket.write(data)));
      });
      await run(server);
    `);
    using client = await Client.connect(await service.serving());
    client.socket.write(
      'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
    );
    await client.until('\r\n\r\n');
    await service.stop();
    await sleep(2_300); // more than twice the time after which an idle connection is closed
    client.socket.write('still here');
    await client.until('still here');
    client.socket.write('bye');
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('the manager is asked for more time while connections are open, and no longer', async () => {
    await using service = await startService(
      `await run(net.createServer(), { stopTimeout: 2500, stop: () => sleep(1500) });`,
    );
    using _client = await Client.connect(await service.serving());
    service.signal('SIGTERM');
    await service.ended();
    const extensions = service.notifications.filter((message) =>
      message.includes('EXTEND_TIMEOUT_USEC'),
    );
    expect(extensions).toEqual(Array(2).fill('EXTEND_TIMEOUT_USEC=10000000'));
  });
});
