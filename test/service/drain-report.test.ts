// What a service says about the open connections while it stops: to the drain hook, in its status, in a warning.
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import {
  type At,
  CLEAN,
  receivesRequest,
  servingAt,
  tlsOptions,
  UPGRADE,
} from './drain-support.ts';
import { endAtFirstHang } from './first-hang.ts';
import { type RunningService, startProgram, startService } from './support.ts';

endAtFirstHang();

const tls = tlsOptions();

/** Two TCP listeners, named as the servers in the programs below. */
const TWO_LISTENERS = { specs: ['tcp:127.0.0.1:0', 'tcp:127.0.0.1:0'], names: 'a:b' };

/** The addresses of the two servers of a service, once it serves. */
async function servingTwo(service: RunningService): Promise<[At, At]> {
  const { addresses } = await service.readUntil((line) => 'activated' in line);
  const found = addresses as unknown as readonly { address: string; port: number }[];
  return found.map(({ address: host, port }) => ({ host, port })) as [At, At];
}

/** Opens a stream that the service will not end in order. */
function openStream(url: string): ClientHttp2Session {
  const session = connectHttp2(url, { rejectUnauthorized: false }).on('error', () => undefined);
  session.request({ ':path': '/' }).on('error', () => undefined);
  return session;
}

/** Connects a client that is upgraded to another protocol. */
async function connectUpgraded(at: At): Promise<Client> {
  const client = await Client.connect(at);
  client.socket.write(UPGRADE);
  await client.until('upgraded');
  return client;
}

/** All messages to the manager with a status. */
const statusesOf = (service: RunningService) =>
  service.notifications.filter((message) => message.includes('STATUS='));

describe('the warning about connections that are cut', () => {
  test('counts them by kind at stopTimeout, and the stop goes on at once', async () => {
    await using service = await startService(
      `
      const sayRequest = (request) => say({ request: request.url });
      const server = http.createServer(sayRequest).on('upgrade', (_request, socket) => {
        socket.removeAllListeners('close');
        socket.write('upgraded');
      });
      const streams = http2.createServer(sayRequest);
      await run([{ server, name: 'a' }, { server: streams, name: 'b' }], { stopTimeout: 1500, stop: hook('stop') });
    `,
      TWO_LISTENERS,
    );
    const [at, at2] = await servingTwo(service);
    using running = await Client.connect(at);
    running.get('/');
    await receivesRequest(service);
    using _upgraded = await connectUpgraded(at);
    const session = openStream(`http://${at2.host}:${at2.port}`);
    await receivesRequest(service);
    await service.stop();
    expect(await service.ended()).toEqual(CLEAN);
    session.destroy();
    const warnings = service.lines.filter(({ warning }) => warning === 'ERR_SYSTEMD_CUT');
    expect(warnings.map(({ message }) => message)).toEqual([
      'The service has cut 3 connections (1 HTTP/1 request, 1 HTTP/2 session, 1 other), which did not end in time. Let options.drain end them, or raise options.stopTimeout',
    ]);
    expect(statusesOf(service).slice(1)).toEqual([
      'STOPPING=1\nSTATUS=Stopping: SIGTERM, 3 connections left',
      'STATUS=Stopping: SIGTERM',
    ]);
  });

  test('comes from the cluster worker that has them, whose drain hook got the same connections', async () => {
    await using service = await startProgram(['test/service/programs/drain-workers.mjs']);
    using client = await Client.connect(await service.serving());
    client.get('/');
    await receivesRequest(service);
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual(CLEAN);
    const linesWith = (key: string) => service.lines.filter((line) => key in line);
    expect(linesWith('drain')).toContainEqual({
      who: 'worker',
      drain: 'SIGTERM',
      open: 1,
      answers: 1,
    });
    expect(linesWith('drain')).toContainEqual({
      who: 'primary',
      drain: 'SIGTERM',
      open: 0,
      answers: 0,
    });
    expect(linesWith('warning')).toEqual([
      {
        who: 'worker',
        warning: 'ERR_SYSTEMD_CUT',
        message: expect.stringContaining(
          '1 connection (1 HTTP/1 request), which did not end in time',
        ),
      },
    ]);
  });
});

test('the status counts the open connections during the stop', async () => {
  await using service = await startService(`await run(http.createServer(answer));`);
  const at = await servingAt(service);
  using first = await Client.connect(at);
  first.get('/300');
  using second = await Client.connect(at);
  second.get('/2500');
  for (const _ of [1, 2]) await receivesRequest(service);
  await service.stop();
  expect(await service.ended()).toEqual(CLEAN);
  expect(statusesOf(service).slice(1)).toEqual([
    'STOPPING=1\nSTATUS=Stopping: SIGTERM, 2 connections left',
    'STATUS=Stopping: SIGTERM, 1 connection left',
    'STATUS=Stopping: SIGTERM',
  ]);
});

describe('the drain hook is given', () => {
  test('the open sockets, upgraded ones among them, the HTTP/2 sessions, and the responses that run', async () => {
    await using service = await startService(
      `
      const seen = new Map();
      const note = (connection, kind) => seen.set(connection, kind);
      const plain = http.createServer((request, response) => {
        note(request.socket, 'answer');
        response.write('event');
        say({ request: request.url });
      }).on('upgrade', (request, socket) => {
        note(socket, 'upgraded');
        socket.write('upgraded');
      });
      const secure = http2.createSecureServer({ allowHTTP1: true, ...${tls} }, (request, response) => {
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
      TWO_LISTENERS,
    );
    const [at, at2] = await servingTwo(service);
    using events = await Client.connect(at);
    events.get('/events');
    await receivesRequest(service);
    using _upgraded = await connectUpgraded(at);
    using _silent = await Client.connect(at);
    using overTls = await Client.connectTls(at2);
    overTls.get('/events');
    await receivesRequest(service);
    const session = openStream(`https://${at2.host}:${at2.port}`);
    await receivesRequest(service);
    await service.stop();
    const { open, answers } = await service.readUntil((line) => 'open' in line);
    expect(open).toEqual(['answer', 'answer over TLS', 'session', 'silent', 'upgraded']);
    expect(answers).toBe(2);
    await events.until('goodbye');
    expect(await service.ended()).toEqual(CLEAN);
    session.destroy();
  });
});
