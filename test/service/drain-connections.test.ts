// Which connections delay the end of a service that stops, and for how long.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import {
  type At,
  CLEAN,
  receivesRequest,
  requestOnce,
  servingAt,
  tlsOptions,
  UPGRADE,
} from './drain-support.ts';
import { endAtFirstHang } from './first-hang.ts';
import { startService } from './support.ts';

endAtFirstHang();

const tls = tlsOptions();

/** Connects a TLS client that can hold its bytes back and send them piece by piece, like a slow network. */
async function connectTlsInPieces(
  at: At,
): Promise<{ client: Client; hold(): void; release(from: number, to?: number): void }> {
  const tcp = connect(at);
  await once(tcp, 'connect');
  const write = tcp._write.bind(tcp);
  let held: Buffer | undefined;
  tcp._writev = undefined as never;
  tcp._write = (data: Buffer, encoding, callback) => {
    if (held === undefined) return write(data, encoding, callback);
    held = Buffer.concat([held, data]);
    callback();
  };
  // TLS over a stream, because TLS over a net.Socket would bypass `_write`.
  const { Duplex } = await import('node:stream');
  const stream = new Duplex({
    read() {},
    write: (data, encoding, callback) => tcp._write(data, encoding, callback),
    final: (callback) => void tcp.end(callback),
  });
  tcp.on('data', (data) => stream.push(data)).on('end', () => stream.push(null));
  tcp.on('error', () => undefined).on('close', () => stream.destroy());
  const options = { rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
  const socket = connectTls({ socket: stream as unknown as Socket, ...options });
  await once(socket, 'secureConnect');
  return {
    client: new Client(socket),
    hold() {
      held = Buffer.alloc(0);
    },
    release: (from, to) => void write(held!.subarray(from, to), 'buffer' as never, () => {}),
  };
}

describe('during the stop, a kept-alive connection stays open for a second after its last response:', () => {
  test('responses that end one after the other do not keep idle connections open', async () => {
    await using service = await startService(`
      await run(http.createServer(async (request, response) => {
        say({ request: request.url });
        response.write('first half, ');
        await sleep(Number(request.url.slice(1)));
        response.end('done');
      }));
    `);
    const at = await servingAt(service);
    using idle = await requestOnce(await Client.connect(at));
    const streams = await Promise.all(
      [500, 1_000, 1_500, 2_000].map(async (length) => {
        const client = await Client.connect(at);
        client.get(`/${length}`);
        await client.until('first half');
        return client;
      }),
    );
    await service.stop();
    const stopped = performance.now();
    await idle.closed;
    expect(performance.now() - stopped).toBeLessThan(1_900);
    for (const client of streams) await client.until('done');
    await Promise.all(streams.map(({ closed }) => closed));
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('responses that end just when idle connections are closed leave their own connections open', async () => {
    await using service = await startService(`
      const responses = [];
      const server = http.createServer((request, response) => {
        if (request.url !== '/stream') return response.end('done');
        response.write('first half, ');
        responses.push(response);
      });
      await run(server, {
        async drain() {
          await sleep(950);
          // Responses end in many turns of the event loop, also while the idle connections are looked for.
          for (const response of responses) {
            response.end('second half');
            await sleep(3);
          }
        },
      });
    `);
    const at = await servingAt(service);
    using idle = await requestOnce(await Client.connect(at));
    const connecting = Array.from({ length: 100 }, async () => {
      const client = await Client.connect(at);
      client.get('/stream');
      await client.until('first half, ');
      return client;
    });
    const clients = await Promise.all(connecting);
    await service.stop();
    await idle.closed;
    const secondRequests = clients.map(async (client) => {
      await client.until('0\r\n\r\n');
      await sleep(400); // within the second of an idle one
      client.get('/0');
      expect(await client.until('done')).toContain('Connection: close\r\n');
    });
    await Promise.all(secondRequests);
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('the stop waits for a later request of which half has come', async () => {
    await using service = await startService(`await run(http.createServer(answer));`);
    using client = await requestOnce(await Client.connect(await service.serving()));
    client.socket.write('GET /0 HTTP/1.1\r\nHo');
    await sleep(50); // the half has been read: no event tells that
    await service.stop();
    await sleep(1_600); // more than the second of an idle one
    client.socket.write('st: a\r\n\r\n');
    expect(await client.until('done')).toContain('Connection: close\r\n');
    expect(await service.ended()).toEqual(CLEAN);
  });

  test.each([
    ['of the first request', false],
    ['of a later request', true],
  ])('the stop waits for the other half of a TLS record %s', async (_which, second) => {
    await using service = await startService(`await run(https.createServer(${tls}, answer));`);
    const { client, hold, release } = await connectTlsInPieces(await servingAt(service));
    if (second) {
      client.get('/0');
      await client.until('done');
    }
    await service.stop();
    hold();
    client.get('/0');
    await sleep(100);
    release(0, 20);
    await sleep(1_600); // more than the second of an idle one
    release(20);
    expect(await client.until('done')).toContain('Connection: close\r\n');
    await client.closed;
    expect(await service.ended()).toEqual(CLEAN);
  });
});

describe('connections that no longer belong to this process', () => {
  const servers = {
    'handed to a child': `
      const { fork } = await import('node:child_process');
      const child = fork('test/service/programs/takes-sockets.mjs', { execArgv: [] });
      const server = net.createServer({ pauseOnConnect: true }, (socket) => child.send('take', socket));
      const atEnd = () => child.disconnect();`,
    'left without listeners': `
      const server = http.createServer().on('upgrade', (_request, socket) => {
        socket.removeAllListeners();
        socket.end('from the child');
      });
      const atEnd = () => {};`,
  };

  test.each(Object.entries(servers))(
    'are not counted, and the stop does not wait for them: %s',
    async (_why, source) => {
      await using service = await startService(`
      ${source}
      const service = await run(server, { stop: atEnd });
      setInterval(() => say({ connections: service.connections }), 50).unref();
    `);
      const at = await servingAt(service);
      const connecting = Array.from({ length: 200 }, async () => {
        const client = await Client.connect(at);
        client.socket.write(UPGRADE);
        await client.until('from the child');
        return client;
      });
      const clients = await Promise.all(connecting);
      await service.readUntil(({ connections }) => connections === 0);
      const stopped = performance.now();
      service.signal('SIGTERM');
      expect(await service.ended()).toEqual(CLEAN);
      expect(performance.now() - stopped).toBeLessThan(2_000);
      for (const client of clients) client.socket.destroy();
    },
  );

  test("the stop goes by Node's own count when the program has removed our 'connection' listener", async () => {
    await using service = await startService(`
      const server = http.createServer((request, response) => {
        response.on('close', () => say({ answered: true }));
        return answer(request, response);
      });
      await run(server, { stop: hook('stop') });
      const [take] = server.listeners('connection');
      server.removeAllListeners('connection').on('connection', take);
    `);
    using client = await Client.connect(await service.serving());
    client.get('/500');
    await receivesRequest(service);
    await service.stop();
    await client.until('done');
    client.socket.destroy();
    expect(await service.ended()).toEqual(CLEAN);
    const order = service.lines.flatMap((line) =>
      'answered' in line ? 'answered' : (line.hook ?? []),
    );
    expect(order).toEqual(['answered', 'stop']);
  });
});

describe('connections that another server accepts and the program emits on the served one', () => {
  test.each([
    ['before the stop', 0],
    ['during the stop', 1],
  ])('are drained like accepted ones: %s', async (_when, late) => {
    await using service = await startService(`
      const server = http.createServer((request, response) => {
        response.on('close', () => say({ answered: request.url }));
        return answer(request, response);
      });
      const other = net.createServer({ pauseOnConnect: true }, async (socket) => {
        say({ accepted: true });
        if (${late}) await stopping;
        server.emit('connection', socket);
        socket.resume();
      }).listen(0, '127.0.0.1');
      let stop;
      const stopping = new Promise((resolve) => { stop = resolve; });
      await run(server, { drain() { stop(); other.close(); }, stop: hook('stop') });
      say({ other: other.address().port });
    `);
    const own = await service.serving();
    const { other } = await service.readUntil((line) => 'other' in line);
    const at = { host: '127.0.0.1', port: other as number };
    using idle = await requestOnce(await Client.connect(late ? own : at));
    using silent = await Client.connect(at);
    using client = await Client.connect(at);
    client.get('/300');
    if (late)
      for (const _ of [silent, client]) await service.readUntil((line) => 'accepted' in line);
    else await service.readUntil(({ request }) => request === '/300');
    await service.stop();
    if (late) await service.readUntil(({ request }) => request === '/300');
    expect(await client.until('done')).toContain('Connection: close\r\n');
    await Promise.all([client.closed, idle.closed, silent.closed]);
    expect(await service.ended()).toEqual(CLEAN);
    // Not only are they served to their ends: the service has waited for that.
    const end = service.lines.slice(service.lines.findIndex((line) => line.hook === 'stop'));
    expect(end.filter((line) => 'answered' in line)).toEqual([]);
  });
});

test('a stopped server can be garbage-collected, or listen again', async () => {
  await using service = await startService(
    `
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    let kept = 0;
    const registry = new FinalizationRegistry(() => kept--);
    const quickly = { fallback: { port: 0, host: '127.0.0.1' }, exitTimeout: Infinity };
    for (const make of [() => http.createServer(answer), () => https.createServer(${tls}, answer)]) {
      for (let i = 0; i < 20; i++) {
        const server = make();
        kept++;
        registry.register(server);
        await (await serve(server, quickly)).stop();
      }
    }
    for (let i = 0; i < 20 && kept > 2; i++) {
      gc();
      await sleep(20);
    }
    say({ kept });
    let closes = 0;
    const server = http.createServer((_request, response) => response.end()).on('close', () => closes++);
    const listeners = () => server.eventNames().map((name) => [name, server.listenerCount(name)]);
    const before = listeners();
    for (let i = 0; i < 2; i++) await (await serve(server, quickly)).stop();
    server.listen(0, '127.0.0.1', async () => {
      const { status } = await fetch('http://127.0.0.1:' + server.address().port);
      server.close();
      server.closeAllConnections();
      say({ status, closes, before, after: listeners() });
    });
  `,
    // Without a manager, because after STOPPING=1 a manager would end the process.
    { specs: [], pid: 'none', fds: 'none', unset: ['NOTIFY_SOCKET'] },
  );
  const { kept } = await service.readUntil((line) => 'kept' in line);
  expect(kept).toBeLessThanOrEqual(2);
  const { status, closes, before, after } = await service.readUntil((line) => 'status' in line);
  expect({ status, closes }).toEqual({ status: 200, closes: 2 });
  expect(after).toEqual(before);
});
