// The programs of examples/frameworks: each is started on a socket as by systemd, is sent requests, and is stopped.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { start, type Unit, type UnitAddress } from 'libsystemd/testing';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { certificate } from '../support/certificate.ts';
import { Client } from '../support/client.ts';
import { sanitizers } from '../support/sanitizers.ts';
import type { Reachable } from '../support/service.ts';
import { root } from '../support/tools.ts';
import { endAtFirstHang } from './first-hang.ts';
import { startService } from './support.ts';

endAtFirstHang();

const folder = dirname(certificate().key);

const sockets = ['tcp', 'unix'] as const;

const http1 = [
  { name: 'express', dial: Client.connect },
  { name: 'fastify', dial: Client.connect },
  { name: 'koa', dial: Client.connect },
  { name: 'hono', dial: Client.connect },
  { name: 'http2', dial: Client.connectTls },
] as const;

/** How long a start and a stop may take on a busy machine, in milliseconds. */
const PATIENCE = 30_000;

/** Starts an example on a socket, with the kit as its service manager: it also fails a unit that breaks a rule. */
async function startExample(name: string, on: (typeof sockets)[number]) {
  const unit = await start([process.execPath, `examples/frameworks/${name}.mjs`], {
    cwd: root,
    sockets: { web: on },
    env: { ...sanitizers, CREDENTIALS_DIRECTORY: folder },
    startTimeout: PATIENCE,
    stopTimeout: PATIENCE,
  });
  const at = unit.addresses['web'] as UnitAddress & Reachable;
  expect(unit.status).toBe(`Serving on ${at.text}`);
  return { unit, at };
}

/** Begins to stop a unit, and waits until it has said STOPPING=1. */
async function beginStop(unit: Unit): Promise<void> {
  unit.kill('SIGTERM');
  await unit.until(({ state }) => state === 'deactivating', { timeout: PATIENCE });
}

/** Expects notifications in their order. */
function expectOrder(messages: readonly string[]): void {
  const told = messages.filter((message) => !message.startsWith('EXTEND_TIMEOUT_USEC='));
  const [ready, stopping, ...counts] = told;
  expect(ready).toMatch(/^READY=1\n/);
  expect(stopping).toMatch(/^STOPPING=1\nSTATUS=Stopping: SIGTERM, \d connections? left$/);
  for (const count of counts) {
    expect(count).toMatch(/^STATUS=Stopping: SIGTERM(?:, \d connections? left)?$/);
  }
  expect(counts.at(-1)).toBe('STATUS=Stopping: SIGTERM');
}

/** Expects an orderly end: code 0, no warning, and notifications in their order. */
async function endsWell(unit: Unit): Promise<void> {
  await unit.until({ state: 'inactive' }, { timeout: PATIENCE });
  expect(await unit.stop()).toEqual({ code: 0, signal: null, result: 'success' });
  expectOrder(unit.messages.map(({ text }) => text));
  expect(unit.output).toBe('');
}

/** The head of a request. Its body is sent later. */
const head = (length: number, ...fields: readonly string[]) =>
  [
    'POST / HTTP/1.1',
    'Host: test',
    'Content-Type: text/plain',
    `Content-Length: ${length}`,
    ...fields,
    '\r\n',
  ].join('\r\n');

test('this file tests each program of examples/frameworks', () => {
  const programs = readdirSync(join(root, 'examples/frameworks')).filter((name) =>
    name.endsWith('.mjs'),
  );
  const tested = [...http1.map(({ name }) => name), 'ws', 'events'].map((name) => `${name}.mjs`);
  expect(programs.sort()).toEqual(tested.sort());
});

describe.each(sockets)('on a socket of %s', (on) => {
  test.each(http1)(
    '$name answers requests; a stop answers those under way with Connection: close, and then closes idle connections',
    async ({ name, dial }) => {
      const { unit, at } = await startExample(name, on);
      await using _ = unit;
      using idle = await dial(at);
      idle.socket.write(`${head(5)}first`);
      expect(await idle.until('first')).toMatch(/^HTTP\/1.1 200 .*Connection: keep-alive\r\n/s);
      using running = await dial(at);
      running.socket.write(head(4, 'Expect: 100-continue'));
      await running.until('HTTP/1.1 100 Continue\r\n\r\n'); // the program has the request

      const stopped = performance.now();
      await beginStop(unit);
      running.socket.write('late');
      expect(await running.until('late')).toMatch(/^HTTP\/1.1 200 .*Connection: close\r\n/s);
      const closed = [running.closed.then(() => 'running'), idle.closed.then(() => 'idle')];
      expect(await Promise.race(closed)).toBe('running');
      await idle.closed;
      expect(performance.now() - stopped).toBeGreaterThan(900);
      await endsWell(unit);
    },
  );

  test('http2 lets an HTTP/2 stream under way end after GOAWAY, and then the session', async () => {
    const { unit, at } = await startExample('http2', on);
    await using _ = unit;
    const session = connectHttp2('https://localhost', {
      createConnection: () =>
        connectTls({ ...at, rejectUnauthorized: false, ALPNProtocols: ['h2'] }),
    });
    const goaway = once(session, 'goaway');
    const stream = session.request({ ':method': 'POST' }).setEncoding('utf8');
    stream.write('first, ');
    expect(await once(stream, 'data')).toEqual(['first, ']);

    await beginStop(unit);
    const [code] = await goaway;
    expect(code).toBe(0);
    stream.end('late');
    expect(await once(stream, 'data')).toEqual(['late']);
    await once(session, 'close');
    await endsWell(unit);
  });

  test('ws echoes, closes its WebSockets with "going away" at a stop, and waits for the close of the client', async () => {
    const { unit, at } = await startExample('ws', on);
    await using _ = unit;
    const url = 'path' in at ? `ws+unix:${at.path}:/` : `ws://${at.host}:${at.port}`;
    const client = new WebSocket(url);
    await once(client, 'open');
    client.send('hello');
    expect(String((await once(client, 'message'))[0])).toBe('hello');

    client.pause();
    await beginStop(unit);
    await sleep(1_500); // longer than the second that idle connections have
    const closed = once(client, 'close');
    client.resume();
    const [code, reason] = await closed;
    expect([code, String(reason)]).toEqual([1001, 'going away']);
    await endsWell(unit);
  });
});

test('events ends its event streams in the drain hook, and answers other requests', async () => {
  const { unit, at } = await startExample('events', 'tcp');
  await using _ = unit;
  using events = await Client.connect(at);
  events.get('/events');
  await events.until('data: hello\n\n');
  using running = await Client.connect(at);
  running.socket.write(head(4, 'Expect: 100-continue'));
  await running.until('HTTP/1.1 100 Continue\r\n\r\n');
  await beginStop(unit);
  await events.until('0\r\n\r\n'); // the end of a chunked body
  running.socket.write('late');
  expect(await running.until('late')).toMatch(/^HTTP\/1.1 200 .*Connection: close\r\n/s);
  await endsWell(unit);
});

test('events ends a stream that is opened during the stop on a connection that is kept', async () => {
  const { unit, at } = await startExample('events', 'tcp');
  await using _ = unit;
  using client = await Client.connect(at);
  client.get('/events');
  await client.until('data: hello\n\n');
  await beginStop(unit);
  await client.until('0\r\n\r\n');
  client.get('/events');
  expect(await client.until('0\r\n\r\n')).toMatch(
    /^HTTP\/1.1 200 .*Connection: close\r\n.*data: hello\n\n/s,
  );
  await client.closed;
  await endsWell(unit);
});

test('ws answers an upgrade during a stop with 426 and Connection: close', async () => {
  const { unit, at } = await startExample('ws', 'tcp');
  await using _ = unit;
  using client = await Client.connect(at);
  client.get('/');
  await client.until('HTTP/1.1 426 Upgrade Required\r\n');
  await beginStop(unit);
  const fields = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=='];
  client.socket.write(
    `GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${fields.join('\r\n')}\r\n\r\n`,
  );
  await client.until('HTTP/1.1 426 Upgrade Required\r\n');
  expect(await client.until('\r\n\r\n')).toContain('Connection: close\r\n');
  await client.closed;
  await endsWell(unit);
});

test('fastify runs its hooks after the last response, and responds to no request with 503', async () => {
  await using service = await startService(`
    import fastify from 'fastify';
    const app = fastify();
    for (const name of ['preClose', 'onClose']) app.addHook(name, async () => void say({ hook: name }));
    app.post('/', ({ body }) => body);
    await app.ready();
    await run(app.server, { stop: () => app.close() });
  `);
  const at = await service.serving();
  using kept = await Client.connect(at);
  kept.socket.write(`${head(5)}first`);
  await kept.until('first');
  using running = await Client.connect(at);
  running.socket.write(head(4, 'Expect: 100-continue'));
  await running.until('HTTP/1.1 100 Continue\r\n\r\n');

  await service.stop();
  kept.socket.write(`${head(6)}second`);
  expect(await kept.until('second')).toMatch(/HTTP\/1.1 200 .*Connection: close\r\n/s);
  await kept.closed;
  running.socket.write('late');
  expect(await running.until('late')).toMatch(/HTTP\/1.1 200 /);
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  const hooks = service.lines.flatMap(({ hook, stopped }) => hook ?? stopped ?? []);
  expect(hooks).toEqual(['preClose', 'onClose', 'SIGTERM']);
  expectOrder(service.notifications);
  expect(service.stderr).toBe('');
});
