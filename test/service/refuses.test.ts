// Arguments that serve() refuses before it touches anything: no server listens, no signal is handled, and the
// manager is told nothing.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { notify, type ServeOptions, serve } from 'libsystemd';
import { afterEach, describe, expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { startService } from './support.ts';

const fallback = { port: 0, host: '127.0.0.1' };
const untyped = serve as (servers: unknown, options?: unknown) => Promise<unknown>;

afterEach(() => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    expect(process.listenerCount(signal)).toBe(0);
  }
});

const wrongServers: [what: string, servers: unknown, code: string, message: RegExp][] = [
  ['undefined', undefined, 'ERR_INVALID_ARG_TYPE', /"server".*net, http/],
  ['null', null, 'ERR_INVALID_ARG_TYPE', /"server"/],
  ['an object that is no server', {}, 'ERR_INVALID_ARG_TYPE', /"server".*an instance of Object/],
  ['the app of a framework', function app() {}, 'ERR_INVALID_ARG_TYPE', /Received function app$/],
  ['an empty list', [], 'ERR_INVALID_ARG_VALUE', /"servers" must be a list of one server or more/],
  [
    'a list of servers without entries',
    [createServer()],
    'ERR_INVALID_ARG_TYPE',
    /"servers\[0\]" .* \{ server, name \}/,
  ],
  ['a list of null', [null], 'ERR_INVALID_ARG_TYPE', /"servers\[0\]" .* an object with a server/],
  [
    'a list whose only server is none',
    [{ server: {}, fallback }],
    'ERR_INVALID_ARG_TYPE',
    /"servers\[0\]\.server"/,
  ],
  [
    'a list whose second server is none',
    [
      { server: createServer(), name: 'web', fallback },
      { server: {}, fallback },
    ],
    'ERR_INVALID_ARG_TYPE',
    /"servers\[1\]\.server"/,
  ],
  [
    'a list whose first fallback is wrong',
    [
      { server: createServer(), name: 'web', fallback: true },
      { server: createServer(), fallback },
    ],
    'ERR_INVALID_ARG_TYPE',
    /"servers\[0\]\.fallback"/,
  ],
  [
    'a fallback whose path Node 20 would cut',
    [{ server: createServer(), fallback: `/${'x'.repeat(107)}` }],
    'ERR_INVALID_ARG_VALUE',
    /"servers\[0\]\.fallback" must be at most 107 bytes long; it has 108, so choose a shorter folder/,
  ],
  [
    'a fallback whose option path Node 20 would cut',
    [{ server: createServer(), fallback: { path: `/${'é'.repeat(54)}` } }],
    'ERR_INVALID_ARG_VALUE',
    /"servers\[0\]\.fallback\.path" must be at most 107 bytes long; it has 109/,
  ],
];

describe('serve() refuses', () => {
  test.each(wrongServers)('%s', async (_what, servers, code, message) => {
    const error = await untyped(servers).catch((error) => error);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a server that listens already', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    await expect(serve(server, { fallback })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining('does not listen yet'),
    });
    server.close();
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    await expect(serve(socket, { fallback })).rejects.toThrow('does not listen yet');
    socket.close();
  });

  test('a server that is listed twice, and two servers for one descriptor', async () => {
    const server = createServer();
    const two = [
      { server, name: 'a', fallback },
      { server, name: 'b', fallback },
    ];
    await expect(serve(two)).rejects.toThrow('each of them once');
    const named = (name?: string) => ({ server: createServer(), fallback, ...(name && { name }) });
    await expect(serve([named('web'), named('web')])).rejects.toThrow('two have web');
    await expect(serve([named(), named()])).rejects.toThrow('two have none');
    const clearing = '\u001b[2J'; // clears the terminal of a person who reads the log
    await expect(serve([named(clearing), named(clearing)])).rejects.toThrow('two have \\x1b[2J');
    expect(server.listening).toBe(false);
  });

  test('a list with a server that has neither a socket nor a fallback, and no server listens', async () => {
    const [first, second] = [createServer(), createServer()];
    const servers = [
      { server: first, name: 'first', fallback },
      { server: second, name: 'second' },
    ];
    await expect(serve(servers)).rejects.toMatchObject({ code: 'ERR_SYSTEMD_NOT_ACTIVATED' });
    expect(first.listening).toBe(false);
  });

  test('a server that does not suit its descriptor', async () => {
    await using service = await startService(
      `const servers = [net.createServer(), net.createServer()];
       const error = await run([{ server: servers[0], name: 'tcp' }, { server: servers[1], name: 'udp' }])
         .catch((error) => error);
       say({ code: error.code, listening: servers.map(({ listening }) => listening) });`,
      { specs: ['tcp:127.0.0.1:0', 'udp:127.0.0.1:0'], names: 'tcp:udp' },
    );
    await service.ended();
    expect(service.lines[0]).toEqual({ code: 'ERR_SYSTEMD_FD_KIND', listening: [false, false] });
    expect(service.notifications).toEqual([
      expect.stringMatching(/^STATUS=Start failed: Expected a listen/),
    ]);
  });
});

test('serve() refuses a broken WATCHDOG_USEC before READY=1', async () => {
  await using service = await startService(
    `const server = http.createServer();
     const error = await run(server).catch((error) => error);
     say({ code: error.code, listening: server.listening });`,
    { env: { WATCHDOG_USEC: 'soon' } },
  );
  await service.ended();
  expect(service.lines[0]).toEqual({ code: 'EINVAL', listening: false });
  expect(service.notifications).toEqual([
    expect.stringMatching(/^STATUS=Start failed: EINVAL.*'soon'/),
  ]);
});

const wrongOptions: [options: unknown, code: string, message: RegExp][] = [
  [null, 'ERR_INVALID_ARG_TYPE', /"options"/],
  [{ idleTimeout: -1 }, 'ERR_OUT_OF_RANGE', /options\.idleTimeout.*Received type number \(-1\)/],
  [{ stopTimeout: Number.NaN }, 'ERR_OUT_OF_RANGE', /options\.stopTimeout/],
  [{ exitTimeout: '5' }, 'ERR_INVALID_ARG_TYPE', /options\.exitTimeout/],
  [{ stopTimeout: 2 ** 31 }, 'ERR_OUT_OF_RANGE', /at most 2147483647 milliseconds, or Infinity/],
  [{ reload: 'often' }, 'ERR_INVALID_ARG_TYPE', /options\.reload/],
  [{ reload: 'roll' }, 'ERR_INVALID_ARG_VALUE', /only workers can 'roll'/],
  [{ stop: true }, 'ERR_INVALID_ARG_TYPE', /options\.stop/],
  [{ drain: {} }, 'ERR_INVALID_ARG_TYPE', /options\.drain/],
  [{ signals: 'mine' }, 'ERR_INVALID_ARG_VALUE', /options\.signals.*'share' or 'take'/],
  [{ signals: true }, 'ERR_INVALID_ARG_VALUE', /options\.signals/],
  [{ status: 'fine' }, 'ERR_INVALID_ARG_TYPE', /options\.status/],
  [{ memoryPressure: {} }, 'ERR_INVALID_ARG_TYPE', /options\.memoryPressure.*function or boolean/],
  [{ watchdog: true }, 'ERR_INVALID_ARG_TYPE', /"options"|options\.watchdog/],
  [{ watchdog: { interval: -5 } }, 'ERR_OUT_OF_RANGE', /interval/],
  [{ watchdog: { check: 1 } }, 'ERR_INVALID_ARG_TYPE', /check/],
  [{ workers: 0 }, 'ERR_OUT_OF_RANGE', /options\.workers.*1 to 1024/],
  [{ workers: 1.5 }, 'ERR_OUT_OF_RANGE', /options\.workers/],
  [{ workers: '2' }, 'ERR_INVALID_ARG_TYPE', /options\.workers/],
  [{ workers: { heartbeat: 5000 } }, 'ERR_INVALID_ARG_TYPE', /"options\.workers\.count"/],
  [{ workers: { count: 2, heartbeat: -1 } }, 'ERR_OUT_OF_RANGE', /heartbeat/],
  [{ name: 1 }, 'ERR_INVALID_ARG_TYPE', /options\.name/],
  [{ backlog: -1 }, 'ERR_OUT_OF_RANGE', /options\.backlog/],
];

describe('serve() refuses the options', () => {
  test.each(wrongOptions)('%j', async (options, code, message) => {
    await using manager = await startReceiver();
    process.env.NOTIFY_SOCKET = manager.address;
    const server = createServer();
    const given = options === null ? null : { fallback, ...(options as object) };
    const error = await untyped(server, given).catch((error) => error);
    notify.status('after');
    delete process.env.NOTIFY_SOCKET;
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(server.listening).toBe(false);
    expect((await manager.next()).message).toBe('STATUS=after');
  });

  test('of a single server when a list of servers is given', async () => {
    const list = [{ server: createServer(), fallback }];
    const error = await serve(list, { name: 'web' } as ServeOptions).catch((error) => error);
    expect(error).toMatchObject({ message: expect.stringContaining('{ server, name }') });
  });
});
