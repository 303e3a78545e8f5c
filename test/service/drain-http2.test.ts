// HTTP/2 while a service stops. Its farewell (GOAWAY) names the last stream that is answered, and Node refuses
// all that come later; so none is sent before streams on their way have had a second to come.
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { endAtFirstHang } from './first-hang.ts';
import { Client, certificate, type RunningService, startService } from './support.ts';

type At = { host: string; port: number };

endAtFirstHang();

const files = certificate();
const withTls = `{ allowHTTP1: true, key: readFileSync('${files.key}'), cert: readFileSync('${files.cert}') }`;

const CLEAN = { code: 0, signal: null };

const begun = (service: RunningService) => service.said((line) => line.request !== undefined);

async function ask(session: ClientHttp2Session, path: string): Promise<string> {
  const stream = session.request({ ':path': path }).setEncoding('utf8');
  let body = '';
  for await (const text of stream) body += text;
  return body;
}

describe.each([
  ['in the clear', 'http2.createServer(answer)', 'http'],
  ['with TLS', `http2.createSecureServer(${withTls}, answer)`, 'https'],
])('http2 %s: when it stops', (_how, server, scheme) => {
  const start = async () => {
    const service = await startService(`await run(${server});`);
    const { host, port } = (await service.serving()) as At;
    const url = `${scheme}://${host}:${port}`;
    const session = connect(url, { rejectUnauthorized: false });
    return { service, session, at: { host, port } };
  };

  test('streams are answered for a second as before, then comes GOAWAY, whose last stream is exact', async () => {
    const { service, session } = await start();
    await using _ = service;
    const goaways: { last: number; after: number }[] = [];
    expect(await ask(session, '/0')).toBe('done');
    const running = ask(session, '/1800');
    await begun(service);
    await begun(service);
    await service.stop();
    const stopped = performance.now();
    session.on('goaway', (_code: number, last: number) => {
      goaways.push({ last, after: performance.now() - stopped });
    });
    const closed = once(session, 'close');
    const late = [ask(session, '/0')];
    await sleep(300);
    late.push(ask(session, '/300'));
    await sleep(400);
    late.push(ask(session, '/0'));
    expect(await Promise.all(late)).toEqual(['done', 'done', 'done']);
    expect(goaways).toEqual([]);
    expect(await running).toBe('done');
    await closed;
    // Five streams: 1, 3, 5, 7, 9. Node may say the same once more when the session ends.
    expect(new Set(goaways.map(({ last }) => last))).toEqual(new Set([9]));
    expect(goaways[0]?.after).toBeGreaterThan(900);
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('a session without streams is closed in a while', async () => {
    const { service, session } = await start();
    await using _ = service;
    await ask(session, '/0');
    const stopped = performance.now();
    await service.stop();
    await once(session, 'close');
    expect(performance.now() - stopped).toBeGreaterThan(900);
    expect(await service.ended()).toEqual(CLEAN);
  });
});

test('http2 with allowHTTP1: when it stops, a client of HTTP/1 beside is told close', async () => {
  await using service = await startService(
    `await run(http2.createSecureServer(${withTls}, answer));`,
  );
  const at = (await service.serving()) as At;
  const session = connect(`https://${at.host}:${at.port}`, { rejectUnauthorized: false });
  const stream = ask(session, '/600');
  using client = await Client.connectTls(at);
  client.get('/300');
  for (const _ of [stream, client]) await begun(service);
  await service.stop();
  expect(await client.until('done')).toContain('Connection: close\r\n');
  expect(await stream).toBe('done');
  expect(await service.ended()).toEqual(CLEAN);
});

test.each(['h2', 'http/1.1'])(
  'http2 with TLS: a client of %s that shakes hands after the stop is served, and then told to go',
  async (protocol) => {
    await using service = await startService(
      `const server = http2.createSecureServer(${withTls}, answer).on('connection', () => say({ accepted: true }));
     await run(server);`,
    );
    const { host, port } = (await service.serving()) as At;
    const tcp = connectTcp(port, host);
    await service.said((line) => 'accepted' in line);
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
      expect(await ask(session, '/300')).toBe('done');
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

test("http2 by its 'stream' event alone: the drain adds no listener that changes how streams are handled", async () => {
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
  const { host, port } = (await service.serving()) as At;
  const session = connect(`http://${host}:${port}`);
  const running = ask(session, '/600');
  await begun(service);
  await service.stop();
  expect(await ask(session, '/0')).toBe('done');
  expect(await running).toBe('done');
  expect(await service.ended()).toEqual(CLEAN);
  expect(service.lines.filter(({ listener }) => listener === 'request')).toEqual([]);
});

test('streams that come from far away in the second after the stop are answered', async () => {
  await using service = await startService(`await run(http2.createServer(answer));`);
  const { host, port } = (await service.serving()) as At;
  let delay = 0;
  // What the client sends takes its time.
  const socket: Socket = connectTcp(port, host);
  const write = socket._write.bind(socket);
  socket._writev = undefined as never;
  socket._write = (data: Buffer, encoding, callback) => {
    setTimeout(() => write(data, encoding, callback), delay);
  };
  await once(socket, 'connect');
  const { Duplex } = await import('node:stream');
  const far = new Duplex({
    read() {},
    write: (data, encoding, callback) => socket._write(data, encoding, callback),
  });
  socket.on('data', (data) => far.push(data)).on('close', () => far.destroy());
  const session = connect(`http://${host}:${port}`, { createConnection: () => far as never });
  expect(await ask(session, '/0')).toBe('done');
  delay = 300;
  const late = [ask(session, '/0'), ask(session, '/0')]; // they leave before the stop
  await sleep(10);
  await service.stop();
  expect(await Promise.all(late)).toEqual(['done', 'done']);
  delay = 0;
  await once(session, 'close');
  socket.destroy();
  expect(await service.ended()).toEqual(CLEAN);
});
