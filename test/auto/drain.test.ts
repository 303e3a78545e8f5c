// Which connections a stop waits for, and which it leaves to the program.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CLEAN, UPGRADE } from '../service/drain-support.ts';
import { Client } from '../support/client.ts';
import { ask, freePort, startAuto, startOnPort, untilReady } from './support.ts';

const DIED = { code: null, signal: 'SIGTERM' };

/** A listener that ends everything that is open with a farewell. */
const farewell = `
  const open = new Set();
  process.on('SIGTERM', () => {
    for (const one of open) one.end('farewell');
    server.close(() => process.exit());
  });
`;

/** Opens a connection by an upgrade. */
function upgrade(client: Client): Promise<unknown> {
  client.socket.write(UPGRADE);
  return client.until('open');
}

/** Connections that do not end by themselves: a server that collects them in `open`, and how a client opens one. */
const LASTING: readonly [
  what: string,
  server: string,
  open: (client: Client) => Promise<unknown>,
][] = [
  [
    'a response of server-sent events',
    `http.createServer((request, response) => {
      answer(request, response);
      open.add(response);
    })`,
    (client) => {
      client.get('/events');
      return client.until('first');
    },
  ],
  [
    'a WebSocket, or another upgraded connection',
    `http.createServer(answer).on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: x\\r\\n\\r\\nopen');
      open.add(socket);
    })`,
    upgrade,
  ],
  [
    'a WebSocket for whose upgrade the program has made a response, as @fastify/websocket does',
    `http.createServer(answer).on('upgrade', (request, socket) => {
      new http.ServerResponse(request).assignSocket(socket);
      socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: x\\r\\n\\r\\nopen');
      open.add(socket);
    })`,
    upgrade,
  ],
  [
    "a connection of the program's own protocol, when the program handles the signal",
    `net.createServer((socket) => {
      socket.write('open');
      open.add(socket);
    })`,
    (client) => client.until('open'),
  ],
];

describe.concurrent('a stop leaves to the program', () => {
  test.each(LASTING)('%s', async (_what, server, open) => {
    const { service, at } = await startOnPort(`
      ${farewell}
      const server = ${server}.listen(PORT);
    `);
    await using _ = service;
    await untilReady(service);
    using client = await Client.connect(at);
    await open(client);
    service.signal('SIGTERM');
    await client.until('farewell');
    await client.closed;
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('these, once a request beside them has been answered', async () => {
    const { service, at } = await startOnPort('http.createServer(answer).listen(PORT);');
    await using _ = service;
    await untilReady(service);
    using events = await Client.connect(at);
    events.get('/events');
    await events.until('first');
    using client = await ask(service, at, 2000);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual(DIED);
  });
});

describe.concurrent('a stop waits for', () => {
  test("a connection of the program's own protocol, when the program handles no signal", async () => {
    const { service, at } = await startOnPort(`
      net.createServer((socket) => {
        socket.write('open');
        setTimeout(() => socket.end('answer'), 2500);
      }).listen(PORT);
    `);
    await using _ = service;
    await untilReady(service);
    using client = await Client.connect(at);
    await client.until('open');
    service.signal('SIGTERM');
    await client.until('answer');
    expect(await service.ended()).toEqual(DIED);
  });

  test('a kept-alive connection for a second, and its next request is answered', async () => {
    const { service, at } = await startOnPort(
      "process.on('SIGTERM', () => process.exit()); http.createServer(answer).listen(PORT);",
    );
    await using _ = service;
    await untilReady(service);
    using client = await Client.connect(at);
    client.get('/0');
    await client.until('done');
    service.signal('SIGTERM');
    await sleep(500);
    client.get('/0');
    expect(await client.until('done')).toMatch(/^Connection: close\r$/m);
    await client.closed;
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('a request at a server that has no socket of systemd', async () => {
    const port = await freePort();
    const { service, at } = await startOnPort(`
      http.createServer(answer).listen(${port});
      http.createServer(answer).listen(PORT);
    `);
    await using _ = service;
    await untilReady(service);
    using client = await ask(service, { ...at, port }, 1200);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual(DIED);
  });

  test('no server of its own protocol that has no socket of systemd', async () => {
    const port = await freePort();
    const { service, at } = await startOnPort(`
      net.createServer((socket) => socket.write('open')).listen(${port});
      http.createServer(answer).listen(PORT);
    `);
    await using _ = service;
    await untilReady(service);
    using client = await Client.connect({ ...at, port });
    await client.until('open');
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual(DIED);
  });

  test('LIBSYSTEMD_AUTO_STOP_TIMEOUT at most', async () => {
    const { service, at } = await startOnPort('http.createServer(answer).listen(PORT);', {
      env: { LIBSYSTEMD_AUTO_STOP_TIMEOUT: '700' },
    });
    await using _ = service;
    await untilReady(service);
    using client = await ask(service, at, 60000);
    service.signal('SIGTERM');
    await client.closed;
    expect(await service.ended()).toEqual(DIED);
    expect(service.lines).toContainEqual({
      warning: 'ERR_SYSTEMD_CUT',
      message: expect.stringContaining('Raise LIBSYSTEMD_AUTO_STOP_TIMEOUT'),
    });
  });
});

test.concurrent('a connection that comes during the stop waits for the next process', async () => {
  const { service, at } = await startOnPort(`
    http.createServer(answer).listen(PORT);
  `);
  await using _ = service;
  await untilReady(service);
  using first = await Client.connect(at);
  first.get('/1200');
  await service.readUntil((line) => line.request === '/1200');
  await service.stop();
  using waiting = await Client.connect(at);
  waiting.get('/1');
  await first.until('done');
  expect(await service.ended()).toEqual(DIED);
  expect(service.lines).not.toContainEqual({ request: '/1' });
});

test.concurrent('the answer to a datagram is sent before the process ends', async () => {
  const port = await freePort();
  await using service = await startAuto(
    `
      const socket = dgram.createSocket('udp4').bind(${port});
      socket.on('message', (message, { port }) => setTimeout(() => socket.send('re', port), 600));
      const client = dgram.createSocket('udp4').unref();
      client.on('message', (message) => say({ answer: String(message) }));
      socket.once('listening', () => client.send('hello', ${port}, '127.0.0.1', () => say({ sent: true })));
    `,
    { specs: [`udp:127.0.0.1:${port}`] },
  );
  await service.readUntil((line) => line.sent === true);
  await untilReady(service);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual(DIED);
  expect(service.lines).toContainEqual({ answer: 're' });
});
