// Which connections hold a service that stops, for how long, and what is told of those that it cuts.
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { endAtFirstHang } from './first-hang.ts';
import { Client, certificate, type RunningService, startProgram, startService } from './support.ts';

type At = { host: string; port: number };

endAtFirstHang();

const files = certificate();
const withTls = `{ key: readFileSync('${files.key}'), cert: readFileSync('${files.cert}') }`;

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';

const CLEAN = { code: 0, signal: null };

const begun = (service: RunningService) => service.said((line) => line.request !== undefined);

/** Where the two servers of a service are. */
async function servingTwo(service: RunningService): Promise<[At, At]> {
  const { addresses } = await service.said((line) => 'activated' in line);
  const found = addresses as unknown as readonly { address: string; port: number }[];
  return found.map(({ address: host, port }) => ({ host, port })) as [At, At];
}

/** Has a connection that is kept alive. */
async function keptAlive(at: At, dial = Client.connect): Promise<Client> {
  const client = await dial(at);
  client.get('/0');
  await client.until('done');
  return client;
}

/** A client of TLS whose records are sent piece by piece, as a slow network has them. */
async function tlsInPieces(
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
  // Over a stream and not over its handle, so that the records pass here.
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

describe('when it stops, a kept-alive connection has a second of its own:', () => {
  test('streamed answers that end one after the other do not put off the end of idle ones', async () => {
    await using service = await startService(`
      await run(http.createServer(async (request, response) => {
        say({ request: request.url });
        response.write('first half, ');
        await sleep(Number(request.url.slice(1)));
        response.end('done');
      }));
    `);
    const at = (await service.serving()) as At;
    using idle = await keptAlive(at);
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

  test('streamed answers that end just when idle ones are closed leave theirs open for a second', async () => {
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
          // One in each turn of the event loop and more, while others are looked for.
          for (const response of responses) {
            response.end('second half');
            await sleep(3);
          }
        },
      });
    `);
    const at = (await service.serving()) as At;
    using idle = await keptAlive(at);
    const dialled = Array.from({ length: 100 }, async () => {
      const client = await Client.connect(at);
      client.get('/stream');
      await client.until('first half, ');
      return client;
    });
    const clients = await Promise.all(dialled);
    await service.stop();
    await idle.closed;
    const again = clients.map(async (client) => {
      await client.until('0\r\n\r\n');
      await sleep(400); // within the second of an idle one
      client.get('/0');
      expect(await client.until('done')).toContain('Connection: close\r\n');
    });
    await Promise.all(again);
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('half a head that came before the stop is waited for', async () => {
    await using service = await startService(`await run(http.createServer(answer));`);
    using client = await keptAlive((await service.serving()) as At);
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
    ['of a later one', true],
  ])('half a TLS record %s is waited for', async (_which, second) => {
    await using service = await startService(`await run(https.createServer(${withTls}, answer));`);
    const { client, hold, release } = await tlsInPieces((await service.serving()) as At);
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

describe('connections that are no longer of this process', () => {
  const servers = {
    'handed to a child': `
      const { fork } = await import('node:child_process');
      const child = fork('test/service/programs/takes-sockets.mjs', { execArgv: [] });
      const server = net.createServer({ pauseOnConnect: true }, (socket) => child.send('take', socket));
      const atEnd = () => child.disconnect();`,
    'deprived of their listeners': `
      const server = http.createServer().on('upgrade', (_request, socket) => {
        socket.removeAllListeners();
        socket.end('from the child');
      });
      const atEnd = () => {};`,
  };

  test.each(Object.entries(servers))(
    'are not counted, and not waited for: %s',
    async (_how, source) => {
      await using service = await startService(`
      ${source}
      const service = await run(server, { stop: atEnd });
      setInterval(() => say({ connections: service.connections }), 50).unref();
    `);
      const at = (await service.serving()) as At;
      const dialled = Array.from({ length: 200 }, async () => {
        const client = await Client.connect(at);
        client.socket.write(UPGRADE);
        await client.until('from the child');
        return client;
      });
      const clients = await Promise.all(dialled);
      await service.said(({ connections }) => connections === 0);
      const stopped = performance.now();
      service.signal('SIGTERM');
      expect(await service.ended()).toEqual(CLEAN);
      expect(performance.now() - stopped).toBeLessThan(2_000);
      for (const client of clients) client.socket.destroy();
    },
  );

  test('a server whose connections another listener takes is waited for by the count that Node has', async () => {
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
    await begun(service);
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

describe('connections that the program has from elsewhere and emits on its server', () => {
  test.each([
    ['before the stop', 0],
    ['while it stops', 1],
  ])('are drained like those that it accepts: %s', async (_when, late) => {
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
    const { other } = await service.said((line) => 'other' in line);
    const at = { host: '127.0.0.1', port: other as number };
    using idle = await keptAlive(late ? (own as At) : at);
    using silent = await Client.connect(at);
    using client = await Client.connect(at);
    client.get('/300');
    if (late) for (const _ of [silent, client]) await service.said((line) => 'accepted' in line);
    else await service.said(({ request }) => request === '/300');
    await service.stop();
    if (late) await service.said(({ request }) => request === '/300');
    expect(await client.until('done')).toContain('Connection: close\r\n');
    await Promise.all([client.closed, idle.closed, silent.closed]);
    expect(await service.ended()).toEqual(CLEAN);
    // Not only are they served to their ends: the service has waited for that.
    const end = service.lines.slice(service.lines.findIndex((line) => line.hook === 'stop'));
    expect(end.filter((line) => 'answered' in line)).toEqual([]);
  });
});

describe('what is cut', () => {
  test('is told at stopTimeout by one warning: how many, of what; and nothing of it is waited for', async () => {
    await using service = await startService(
      `
      const begin = (request) => say({ request: request.url });
      const server = http.createServer(begin).on('upgrade', (_request, socket) => {
        socket.removeAllListeners('close');
        socket.write('upgraded');
      });
      const streams = http2.createServer(begin);
      await run([{ server, name: 'a' }, { server: streams, name: 'b' }], { stopTimeout: 1500, stop: hook('stop') });
    `,
      { specs: ['tcp:127.0.0.1:0', 'tcp:127.0.0.1:0'], names: 'a:b' },
    );
    const [at, at2] = await servingTwo(service);
    using running = await Client.connect(at);
    running.get('/');
    await begun(service);
    using upgraded = await Client.connect(at);
    upgraded.socket.write(UPGRADE);
    await upgraded.until('upgraded');
    const session = connectHttp2(`http://${at2.host}:${at2.port}`).on('error', () => undefined);
    session.request({ ':path': '/' }).on('error', () => undefined);
    await begun(service);
    await service.stop();
    expect(await service.ended()).toEqual(CLEAN);
    session.destroy();
    const warnings = service.lines.filter(({ warning }) => warning === 'ERR_SYSTEMD_CUT');
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('3 connections (1 HTTP/1 request, 1 HTTP/2 session, 1 other)'),
    ]);
    const told = service.told.filter((message) => message.includes('STATUS='));
    expect(told.slice(1)).toEqual([
      'STOPPING=1\nSTATUS=Stopping: SIGTERM, 3 connections left',
      'STATUS=Stopping: SIGTERM',
    ]);
  });

  test('in a worker, is told by that worker, whose drain hook is given what it has', async () => {
    await using service = await startProgram(['test/service/programs/drain-workers.mjs']);
    using client = await Client.connect(await service.serving());
    client.get('/');
    await begun(service);
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual(CLEAN);
    const of = (key: string) => service.lines.filter((line) => key in line);
    expect(of('drain')).toContainEqual({ who: 'worker', drain: 'SIGTERM', open: 1, answers: 1 });
    expect(of('drain')).toContainEqual({ who: 'primary', drain: 'SIGTERM', open: 0, answers: 0 });
    expect(of('warning')).toEqual([
      {
        who: 'worker',
        warning: 'ERR_SYSTEMD_CUT',
        message: expect.stringContaining('1 connection (1 HTTP/1 request)'),
      },
    ]);
  });
});

test('the status says how many connections are left while they end', async () => {
  await using service = await startService(`await run(http.createServer(answer));`);
  const at = (await service.serving()) as At;
  using first = await Client.connect(at);
  first.get('/300');
  using second = await Client.connect(at);
  second.get('/2500');
  for (const _ of [1, 2]) await begun(service);
  await service.stop();
  expect(await service.ended()).toEqual(CLEAN);
  const told = service.told.filter((message) => message.includes('STATUS='));
  expect(told.slice(1)).toEqual([
    'STOPPING=1\nSTATUS=Stopping: SIGTERM, 2 connections left',
    'STATUS=Stopping: SIGTERM, 1 connection left',
    'STATUS=Stopping: SIGTERM',
  ]);
});

describe('the drain hook is given what is open', () => {
  test('sockets, those of answers under way and of WebSockets too, and sessions of HTTP/2', async () => {
    await using service = await startService(
      `
      const seen = new Map();
      const note = (socket, what) => seen.set(socket, what);
      const plain = http.createServer((request, response) => {
        note(request.socket, 'answer');
        response.write('event');
        say({ request: request.url });
      }).on('upgrade', (request, socket) => {
        note(socket, 'upgraded');
        socket.write('upgraded');
      });
      const secure = http2.createSecureServer({ allowHTTP1: true, ...${withTls} }, (request, response) => {
        if (request.httpVersionMajor < 2) note(request.socket, 'answer over TLS');
        response.write('event');
        say({ request: request.url });
      }).on('session', (session) => note(session, 'session'));
      await run([{ server: plain, name: 'a' }, { server: secure, name: 'b' }], {
        drain(reason, { connections, responses }) {
          say({ open: connections.map((one) => seen.get(one) ?? 'silent').sort(), answers: responses.length });
          for (const response of responses) response.end('goodbye');
          for (const one of connections) if (seen.get(one) !== 'answer') one.destroy();
        },
      });
    `,
      { specs: ['tcp:127.0.0.1:0', 'tcp:127.0.0.1:0'], names: 'a:b' },
    );
    const [at, at2] = await servingTwo(service);
    using events = await Client.connect(at);
    events.get('/events');
    await begun(service);
    using upgraded = await Client.connect(at);
    upgraded.socket.write(UPGRADE);
    await upgraded.until('upgraded');
    using _silent = await Client.connect(at);
    using overTls = await Client.connectTls(at2);
    overTls.get('/events');
    await begun(service);
    const session = connectHttp2(`https://${at2.host}:${at2.port}`, { rejectUnauthorized: false });
    session.on('error', () => undefined);
    session.request({ ':path': '/events' }).on('error', () => undefined);
    await begun(service);
    await service.stop();
    const { open, answers } = await service.said((line) => 'open' in line);
    expect(open).toEqual(['answer', 'answer over TLS', 'session', 'silent', 'upgraded']);
    expect(answers).toBe(2);
    await events.until('goodbye');
    expect(await service.ended()).toEqual(CLEAN);
    session.destroy();
  });
});

test('a server that has stopped is not held in memory, and can listen again', async () => {
  await using service = await startService(
    `
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    let kept = 0;
    const registry = new FinalizationRegistry(() => kept--);
    const quickly = { fallback: { port: 0, host: '127.0.0.1' }, exitTimeout: Infinity };
    for (const make of [() => http.createServer(answer), () => https.createServer(${withTls}, answer)]) {
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
    // A manager that was told STOPPING=1 would end the process.
    { specs: [], pid: 'none', fds: 'none', unset: ['NOTIFY_SOCKET'] },
  );
  const { kept } = await service.said((line) => 'kept' in line);
  expect(kept).toBeLessThanOrEqual(2);
  const { status, closes, before, after } = await service.said((line) => 'status' in line);
  expect({ status, closes }).toEqual({ status: 200, closes: 2 });
  expect(after).toEqual(before);
});
