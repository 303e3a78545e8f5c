// Pipelined HTTP/1 requests while a service stops: each gets its response in order, and the last response says
// `Connection: close`.
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { CLEAN, connectionHeaders, receivesRequest, UPGRADE } from './drain-support.ts';
import { endAtFirstHang } from './first-hang.ts';
import { type RunningService, startService } from './support.ts';

endAtFirstHang();

describe('during the stop, pipelined requests get their responses in order, and only the last says close:', () => {
  /** Responds to a path that begins with `/now` at once, and to the oldest other request at each SIGUSR2. */
  const program = `
    const waiting = new Map();
    const server = http.createServer((request, response) => {
      say({ request: request.url });
      if (request.url.startsWith('/now')) response.end('answer to ' + request.url);
      else waiting.set(request.url, response);
    });
    process.on('SIGUSR2', () => {
      const [[url, response]] = waiting;
      waiting.delete(url);
      response.end('answer to ' + url);
      say({ answered: url });
    });
    await run(server);
  `;
  const requestsFor = (...paths: string[]) =>
    paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join('');
  /** The path and the connection headers of each response. */
  const responsesIn = (text: string) =>
    text
      .split(/(?=HTTP\/1\.1 )/)
      .map(
        (response) =>
          [/answer to (.*)$/m.exec(response)?.[1], connectionHeaders(response)] as const,
      );
  const KEPT = 'Connection: keep-alive | Keep-Alive: timeout=5';
  const CLOSED = 'Connection: close';

  /** Lets the program respond to the oldest request that waits. */
  const respondToNext = async (service: RunningService) => {
    service.signal('SIGUSR2');
    await service.readUntil((line) => 'answered' in line);
  };

  test.each([2, 3])('%i requests that the program has got before the stop', async (count) => {
    await using service = await startService(program);
    using client = await Client.connect(await service.serving());
    const paths = ['/one', '/two', '/three'].slice(0, count);
    client.socket.write(requestsFor(...paths));
    await receivesRequest(service, paths.at(-1)!);
    await service.stop();
    for (const _ of paths) await respondToNext(service);
    await client.closed;
    const expected = paths.map((path, i) => [path, i === count - 1 ? CLOSED : KEPT]);
    expect(responsesIn(client.received)).toEqual(expected);
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('a response that was made before the stop and waits for an earlier one', async () => {
    await using service = await startService(program);
    using client = await Client.connect(await service.serving());
    client.socket.write(requestsFor('/one', '/now'));
    await receivesRequest(service, '/now');
    await service.stop();
    await respondToNext(service);
    await client.closed;
    expect(responsesIn(client.received)).toEqual([
      ['/one', KEPT],
      ['/now', CLOSED],
    ]);
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('a request that comes during the stop, behind one without a response', async () => {
    await using service = await startService(program);
    using client = await Client.connect(await service.serving());
    client.socket.write(requestsFor('/one'));
    await receivesRequest(service, '/one');
    await service.stop();
    client.socket.write(requestsFor('/two'));
    await receivesRequest(service, '/two');
    await respondToNext(service);
    await respondToNext(service);
    await client.closed;
    expect(responsesIn(client.received)).toEqual([
      ['/one', KEPT],
      ['/two', CLOSED],
    ]);
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('a request that comes during the stop and is answered before an earlier one', async () => {
    await using service = await startService(program);
    using client = await Client.connect(await service.serving());
    client.socket.write(requestsFor('/one'));
    await receivesRequest(service, '/one');
    await service.stop();
    client.socket.write(requestsFor('/now', '/three'));
    await receivesRequest(service, '/three');
    await respondToNext(service);
    await respondToNext(service);
    await client.closed;
    expect(responsesIn(client.received)).toEqual([
      ['/one', KEPT],
      ['/now', KEPT],
      ['/three', CLOSED],
    ]);
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('a response before an upgrade keeps the connection open for the upgrade', async () => {
    await using service = await startService(
      program.replace(
        'await run',
        `server.on('upgrade', (request, socket) => {
           say({ request: 'upgrade' });
           socket.on('data', (data) => socket.end('last ' + data));
         });
         await run`,
      ),
    );
    using client = await Client.connect(await service.serving());
    client.socket.write(requestsFor('/one'));
    await receivesRequest(service, '/one');
    await service.stop();
    client.socket.write(UPGRADE);
    await receivesRequest(service, 'upgrade');
    await respondToNext(service);
    expect(connectionHeaders(await client.until('answer to /one'))).toBe(KEPT);
    client.socket.write('word');
    await client.until('last word');
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('the response that a program itself builds to refuse an upgrade', async () => {
    await using service = await startService(`
      const server = http.createServer(answer);
      server.on('upgrade', (request, socket) => {
        const response = new http.ServerResponse(request);
        response.assignSocket(socket);
        response.writeHead(403).end('refused');
      });
      await run(server);
    `);
    using client = await Client.connect(await service.serving());
    client.get('/0');
    await client.until('done');
    await service.stop();
    client.socket.write(UPGRADE);
    expect(connectionHeaders(await client.until('refused'))).toBe(CLOSED);
    await client.closed;
    expect(await service.ended()).toEqual(CLEAN);
  });

  test('requests and upgrades behind that last response do not reach the program', async () => {
    await using service = await startService(
      program.replace(
        'await run',
        `server.on('upgrade', () => say({ request: 'upgrade' })); await run`,
      ),
    );
    using client = await Client.connect(await service.serving());
    await service.stop();
    client.socket.write(requestsFor('/now', '/now2') + UPGRADE);
    await client.closed;
    expect(responsesIn(client.received)).toEqual([['/now', CLOSED]]);
    expect(await service.ended()).toEqual(CLEAN);
    expect(service.lines.filter(({ request }) => request)).toEqual([{ request: '/now' }]);
  });
});
