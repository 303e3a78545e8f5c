// How connections end when a service stops: none before its request is answered.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { endAtFirstHang } from './first-hang.ts';
import { Client, certificate, type RunningService, startService } from './support.ts';

endAtFirstHang();

type At = { host: string; port: number };

const files = certificate();
const withTls = `{ key: readFileSync('${files.key}'), cert: readFileSync('${files.cert}') }`;

const http1 = [
  { name: 'http', server: 'http.createServer(answer)', dial: Client.connect },
  { name: 'https', server: `https.createServer(${withTls}, answer)`, dial: Client.connectTls },
  {
    name: 'http2 with allowHTTP1',
    server: `http2.createSecureServer({ allowHTTP1: true, ...${withTls} }, answer)`,
    dial: Client.connectTls,
  },
] as const;

const begun = (service: RunningService) => service.said((line) => line.request !== undefined);

describe.each(http1)('$name: when it stops', ({ server, dial }) => {
  const start = async (options = '{}') => {
    const service = await startService(`await run(${server}, ${options});`);
    return { service, at: (await service.serving()) as At };
  };

  test('a request that runs is answered, with Connection: close, and its connection closed', async () => {
    const { service, at } = await start();
    await using _ = service;
    using client = await dial(at);
    client.get('/300');
    await begun(service);
    await service.stop();
    expect(await client.until('done')).toContain('Connection: close\r\n');
    await client.closed;
    expect((await service.ended()).code).toBe(0);
  });

  test('an answer that has begun is finished, and the connection has its while after that', async () => {
    const { service, at } = await start();
    await using _ = service;
    using client = await dial(at);
    client.get('/stream');
    expect(await client.until('first half')).toContain('Connection: keep-alive\r\n');
    await service.stop();
    await client.until('done\r\n0\r\n\r\n');
    await sleep(600); // together with the second half more than the while of an idle one
    client.get('/0');
    expect(await client.until('done')).toContain('Connection: close\r\n');
    await client.closed;
    expect((await service.ended()).code).toBe(0);
  });

  test('a kept-alive connection is served once more, and told that this is the last time', async () => {
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
    expect((await service.ended()).code).toBe(0);
  });

  test('idle connections and silent ones are closed in a while, and it ends', async () => {
    const { service, at } = await start();
    await using _ = service;
    using idle = await dial(at);
    idle.get('/0');
    await idle.until('done');
    using silent = await dial(at);
    const stopped = performance.now();
    await service.stop();
    await Promise.all([idle.closed, silent.closed]);
    expect(performance.now() - stopped).toBeGreaterThan(900);
    expect((await service.ended()).code).toBe(0);
  });

  test('a request of which half has come is waited for', async () => {
    const { service, at } = await start();
    await using _ = service;
    using client = await dial(at);
    client.socket.write('GET /0 HTTP/1.1\r\nHo');
    await sleep(50); // the half has been read: no event tells that
    await service.stop();
    await sleep(1_500); // more than the while of an idle one
    client.socket.write('st: test\r\n\r\n');
    expect(await client.until('done')).toContain('Connection: close\r\n');
    expect((await service.ended()).code).toBe(0);
  });

  test.each([
    ['before', false],
    ['after', true],
  ])('an answer asked for %s comes whole, however slowly the client reads', async (_when, late) => {
    const { service, at } = await start();
    await using _ = service;
    using client = await dial(at);
    if (late) await service.stop();
    client.socket.pause();
    client.get('/large');
    await begun(service);
    if (!late) await service.stop();
    await sleep(1_500); // more than the while of an idle one
    client.socket.resume();
    await client.until('done');
    await client.closed;
    expect((await service.ended()).code).toBe(0);
  });

  test('a second Ctrl-C closes what is left, and calls the stop hook', async () => {
    const { service, at } = await start(`{ stop: hook('stop') }`);
    await using _ = service;
    using client = await dial(at);
    client.get('/60000');
    await begun(service);
    service.signal('SIGINT');
    await service.manager.until(({ message }) => message.startsWith('STOPPING=1'));
    await sleep(1_100); // until then it is the same press
    service.signal('SIGINT');
    await client.closed;
    await service.said((line) => line.hook === 'stop');
  });

  test('stopTimeout closes what is left', async () => {
    const { service, at } = await start(`{ stopTimeout: 200, stop: hook('stop') }`);
    await using _ = service;
    using client = await dial(at);
    client.get('/60000');
    await begun(service);
    await service.stop();
    await client.closed;
    expect(client.received).toBe('');
    await service.said((line) => line.hook === 'stop');
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
  'http: when it stops, the program can not promise to keep a connection by %s',
  async (_by, write) => {
    await using service = await startService(`
    await run(http.createServer(async (request, response) => {
      say({ request: request.url });
      await sleep(Number(request.url.slice(1)));
      response.${write};
      response.end('done');
    }));
  `);
    const at = (await service.serving()) as At;
    using kept = await Client.connect(at);
    kept.get('/0');
    expect(await kept.until('done')).toMatch(/^connection: keep-alive\r$/im);
    using waiting = await Client.connect(at);
    waiting.get('/300');
    await service.said(({ request }) => request === '/300');
    await service.stop();
    kept.get('/0');
    for (const client of [kept, waiting]) {
      const answer = await client.until('done');
      expect(answer).toMatch(/^connection: close\r$/im);
      expect(answer).toMatch(/^A: b\r$/m);
      expect(answer).not.toMatch(/keep-alive/i);
      await client.closed;
    }
    expect((await service.ended()).code).toBe(0);
  },
);

describe.each([
  ['in the clear', 'http2.createServer', '', 'http'],
  ['with TLS', 'http2.createSecureServer', withTls, 'https'],
])('http2 %s: when it stops', (_how, create, options, scheme) => {
  test('sessions are told, streams that run and those on their way are answered', async () => {
    const tls = options === '' ? '{}' : options;
    await using service = await startService(`await run(${create}(${tls}, answer));`);
    const { host, port } = (await service.serving()) as At;
    const session = connectHttp2(`${scheme}://${host}:${port}`, { rejectUnauthorized: false });
    const goaway = once(session, 'goaway');
    const ask = async (path: string) => {
      const stream = session.request({ ':path': path }).setEncoding('utf8');
      let body = '';
      for await (const text of stream) body += text;
      return body;
    };
    const running = ask('/500');
    await begun(service);
    service.signal('SIGSTOP');
    const late = ask('/0');
    await sleep(50); // it is on its way when the service begins to stop
    service.signal('SIGTERM');
    service.signal('SIGCONT');
    const [code] = await goaway;
    expect(code).toBe(0);
    expect(await Promise.all([running, late])).toEqual(['done', 'done']);
    await once(session, 'close');
    expect((await service.ended()).code).toBe(0);
  });
});

describe('other connections: when it stops', () => {
  test('those of net end by themselves, or by the drain hook', async () => {
    await using service = await startService(`
      const sockets = new Set();
      const server = net.createServer((socket) => {
        sockets.add(socket);
        socket.on('data', (data) => socket.write('echo ' + data));
      });
      await run(server, {
        async drain() {
          await sleep(1500); // they are not cut meanwhile
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
    expect((await service.ended()).code).toBe(0);
  });

  test('an upgraded one is no idle one of HTTP', async () => {
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
    await sleep(2_300); // more than two looks for idle ones
    client.socket.write('still here');
    await client.until('still here');
    client.socket.write('bye');
    expect((await service.ended()).code).toBe(0);
  });

  test('a socket of dgram can answer what it has read, until the drain hook is done', async () => {
    await using service = await startService(
      `const socket = createSocket('udp4');
       const answers = [];
       socket.on('message', (_message, { port, address }) => {
         say({ request: 'datagram' });
         answers.push(sleep(300).then(() => socket.send('answer', port, address)));
       });
       await run(socket, { drain: () => Promise.all(answers) });`,
      { specs: ['udp:127.0.0.1:0'] },
    );
    const { port, host } = (await service.serving()) as At;
    const client = createSocket('udp4');
    client.send('request', port, host);
    const answer = once(client, 'message');
    await begun(service);
    service.signal('SIGTERM');
    expect(String((await answer)[0])).toBe('answer');
    expect((await service.ended()).code).toBe(0);
    client.close();
  });

  test('a socket of dgram is closed, which is all that it needs', async () => {
    await using service = await startService(
      `await run(createSocket('udp4', (message) => say({ message: String(message) })), { stop: hook('stop') });`,
      { specs: ['udp:127.0.0.1:0'] },
    );
    await service.serving();
    service.signal('SIGTERM');
    expect((await service.ended()).code).toBe(0);
    expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGTERM' });
  });

  test('the manager is asked for more time as long as connections take, and no longer', async () => {
    await using service = await startService(
      `await run(net.createServer(), { stopTimeout: 2500, stop: () => sleep(1500) });`,
    );
    using _client = await Client.connect(await service.serving());
    service.signal('SIGTERM');
    await service.ended();
    const extensions = service.told.filter((message) => message.includes('EXTEND_TIMEOUT_USEC'));
    expect(extensions).toEqual(Array(2).fill('EXTEND_TIMEOUT_USEC=10000000'));
  });
});
