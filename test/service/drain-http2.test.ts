// HTTP/2 while a service stops. A GOAWAY names the last stream that gets a response, and Node refuses all later
// streams. So the GOAWAY is sent a second after the stop, when streams that were on their way have come.
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { CLEAN, receivesRequest, servingAt, tlsOptions } from './drain-support.ts';
import { endAtFirstHang } from './first-hang.ts';
import { startService } from './support.ts';

endAtFirstHang();

const tls = tlsOptions('allowHTTP1: true, ');

/** Opens a stream, and returns the body of its response. */
async function request(session: ClientHttp2Session, path: string): Promise<string> {
  const stream = session.request({ ':path': path }).setEncoding('utf8');
  let body = '';
  for await (const text of stream) body += text;
  return body;
}

describe.each([
  ['in the clear', 'http2.createServer(answer)', 'http'],
  ['with TLS', `http2.createSecureServer(${tls}, answer)`, 'https'],
])('http2 %s: during the stop,', (_how, server, scheme) => {
  const start = async () => {
    const service = await startService(`await run(${server});`);
    const { host, port } = await servingAt(service);
    const url = `${scheme}://${host}:${port}`;
    const session = connect(url, { rejectUnauthorized: false });
    return { service, session, at: { host, port } };
  };

  test('streams get responses for a second, and then a GOAWAY names exactly the last of them', async () => {
    const { service, session } = await start();
    await using _ = service;
    const goaways: { last: number; after: number }[] = [];
    expect(await request(session, '/0')).toBe('done');
    const running = request(session, '/1800');
    await receivesRequest(service);
    await receivesRequest(service);
    await service.stop();
    const stopped = performance.now();
    session.on('goaway', (_code: number, last: number) => {
      goaways.push({ last, after: performance.now() - stopped });
    });
    const closed = once(session, 'close');
    const late = [request(session, '/0')];
    await sleep(300);
    late.push(request(session, '/300'));
    await sleep(400);
    late.push(request(session, '/0'));
    expect(await Promise.all(late)).toEqual(['done', 'done', 'done']);
    expect(goaways).toEqual([]);
    expect(await running).toBe('done');
    await closed;
    // Five streams: 1, 3, 5, 7, 9. Node may send the same GOAWAY once more when the session ends.
    expect(new Set(goaways.map(({ last }) => last))).toEqual(new Set([9]));
    expect(goaways[0]?.after).toBeGreaterThan(900);
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('a session without streams is closed after a second', async () => {
    const { service, session } = await start();
    await using _ = service;
    await request(session, '/0');
    const stopped = performance.now();
    await service.stop();
    await once(session, 'close');
    expect(performance.now() - stopped).toBeGreaterThan(900);
    expect(await service.ended()).toEqual(CLEAN);
  });
});

test('http2 with allowHTTP1: during the stop, an HTTP/1 client gets Connection: close', async () => {
  await using service = await startService(`await run(http2.createSecureServer(${tls}, answer));`);
  const at = await servingAt(service);
  const session = connect(`https://${at.host}:${at.port}`, { rejectUnauthorized: false });
  const stream = request(session, '/600');
  using client = await Client.connectTls(at);
  client.get('/300');
  for (const _ of [stream, client]) await receivesRequest(service);
  await service.stop();
  expect(await client.until('done')).toContain('Connection: close\r\n');
  expect(await stream).toBe('done');
  expect(await service.ended()).toEqual(CLEAN);
});

test.each(['h2', 'http/1.1'])(
  'http2 with TLS: a client of %s whose TLS handshake is during the stop is served, and its connection closed',
  async (protocol) => {
    await using service = await startService(
      `const server = http2.createSecureServer(${tls}, answer).on('connection', () => say({ accepted: true }));
     await run(server);`,
    );
    const { host, port } = await servingAt(service);
    const tcp = connectTcp(port, host);
    await service.readUntil((line) => 'accepted' in line);
    await service.stop();
    const socket = connectTls({
      socket: tcp,
      rejectUnauthorized: false,
      ALPNProtocols: [protocol],
    });
    await once(socket, 'secureConnect');
    if (protocol === 'h2') {
      const session = connect(`https://${host}:${port}`, { createConnection: () => socket });
      const closed = once(session, 'close');
      expect(await request(session, '/300')).toBe('done');
      await closed;
    } else {
      using client = new Client(socket);
      client.get('/300');
      expect(await client.until('done')).toContain('Connection: close\r\n');
      await client.closed;
    }
    expect(await service.ended()).toEqual(CLEAN);
  },
);

test("http2 without a 'request' listener: the drain adds none, because that would change how streams are handled", async () => {
  await using service = await startService(`
    const server = http2.createServer().on('stream', async (stream, headers) => {
      say({ request: headers[':path'] });
      await sleep(Number(headers[':path'].slice(1)));
      stream.respond();
      stream.end('done');
    });
    await run(server);
    server.on('newListener', (event) => say({ listener: event }));
  `);
  const { host, port } = await servingAt(service);
  const session = connect(`http://${host}:${port}`);
  const running = request(session, '/600');
  await receivesRequest(service);
  await service.stop();
  expect(await request(session, '/0')).toBe('done');
  expect(await running).toBe('done');
  expect(await service.ended()).toEqual(CLEAN);
  expect(service.lines.filter(({ listener }) => listener === 'request')).toEqual([]);
});

test('streams that left the client before the stop and take a while to arrive get their responses', async () => {
  await using service = await startService(`await run(http2.createServer(answer));`);
  const { host, port } = await servingAt(service);
  let delay = 0;
  // The bytes of the client arrive after `delay` milliseconds.
  const socket: Socket = connectTcp(port, host);
  const write = socket._write.bind(socket);
  socket._writev = undefined as never;
  socket._write = (data: Buffer, encoding, callback) => {
    setTimeout(() => write(data, encoding, callback), delay);
  };
  await once(socket, 'connect');
  const { Duplex } = await import('node:stream');
  const slowStream = new Duplex({
    read() {},
    write: (data, encoding, callback) => socket._write(data, encoding, callback),
  });
  socket.on('data', (data) => slowStream.push(data)).on('close', () => slowStream.destroy());
  const session = connect(`http://${host}:${port}`, {
    createConnection: () => slowStream as never,
  });
  expect(await request(session, '/0')).toBe('done');
  delay = 300;
  const late = [request(session, '/0'), request(session, '/0')]; // the client sends them before the stop
  await sleep(10);
  await service.stop();
  expect(await Promise.all(late)).toEqual(['done', 'done']);
  delay = 0;
  await once(session, 'close');
  socket.destroy();
  expect(await service.ended()).toEqual(CLEAN);
});
