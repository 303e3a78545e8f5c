// Signals: the program gets them once the requests under way have been answered.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RunningService } from '../service/support.ts';
import { Client } from '../support/client.ts';
import { ask, startOnPort, untilReady } from './support.ts';

const DIED = { code: null, signal: 'SIGTERM' };
const CLEAN = { code: 0, signal: null };

/** Starts a program with this code before its server, and sends a request that takes a second. */
async function answering(before: string, options = {}) {
  const { service, at } = await startOnPort(
    `
      const server = http.createServer(answer);
      ${before}
      server.listen(PORT);
    `,
    options,
  );
  await untilReady(service);
  const client = await ask(service, at, 1000);
  return { service, client, at };
}

/** Stops the service, and expects the answer of the request. */
async function stop(service: RunningService, client: Client, signal: NodeJS.Signals = 'SIGTERM') {
  service.signal(signal);
  await client.until('done');
}

describe.concurrent('a request under way is answered at SIGTERM', () => {
  const programs = {
    'the program has no listener': ['', DIED],
    'a listener exits at once': ["process.on('SIGTERM', () => process.exit(0));", CLEAN],
    'a listener exits with 143': ["process.on('SIGTERM', () => process.exit(143));", CLEAN],
    'a listener by once() exits': ["process.once('SIGTERM', () => process.exit(0));", CLEAN],
    'a listener exits after 500 ms': [
      "process.on('SIGTERM', () => setTimeout(() => process.exit(0), 500));",
      CLEAN,
    ],
    'a listener exits with a failure of its own': [
      "process.on('SIGTERM', () => process.exit(7));",
      { code: 7, signal: null },
    ],
    'a listener closes the server and waits for it': [
      "process.on('SIGTERM', () => server.close((error) => { say({ closed: error?.code ?? null }); process.exit(); }));",
      CLEAN,
    ],
    'a listener awaits the disposal of the server': [
      "process.on('SIGTERM', async () => { await server[Symbol.asyncDispose]?.(); say({ closed: null }); process.exit(); });",
      CLEAN,
    ],
    'a listener closes the server alone': ["process.on('SIGTERM', () => server.close());", CLEAN],
    'a listener destroys all connections': [
      "process.on('SIGTERM', () => { server.closeAllConnections(); server.close(); });",
      CLEAN,
    ],
    'signal-exit is the only listener': [
      `
        // As signal-exit 3 and 4 do: the listener ends the process only if it is alone.
        const listener = () => {
          if (process.listeners('SIGTERM').length !== 1) return;
          process.off('SIGTERM', listener);
          process.kill(process.pid, 'SIGTERM');
        };
        process.on('SIGTERM', listener);
      `,
      DIED,
    ],
    'NestJS takes its listener off, and sends itself the signal again': [
      `
        const listener = async () => {
          await sleep(50);
          say({ closed: null });
          process.off('SIGTERM', listener);
          process.kill(process.pid, 'SIGTERM');
        };
        process.on('SIGTERM', listener);
      `,
      DIED,
    ],
    'the program has taken all listeners of the signal off': [
      "server.on('listening', () => setImmediate(() => process.removeAllListeners('SIGTERM')));",
      DIED,
    ],
    'the program has taken them off one by one, and added its own': [
      `
        server.on('listening', () => setImmediate(() => {
          while (process.listenerCount('SIGTERM') > 0) process.off('SIGTERM', process.listeners('SIGTERM')[0]);
          setImmediate(() => process.on('SIGTERM', () => process.exit(0)));
        }));
      `,
      CLEAN,
    ],
    'the listener was added by another preload': [
      '',
      CLEAN,
      {
        env: {
          NODE_OPTIONS: `--import ${encodeURI("data:text/javascript,process.on('SIGTERM', () => process.exit(0))")}`,
        },
      },
    ],
  } as const;

  test.each(Object.entries(programs))('when %s', async (_name, [before, end, options = {}]) => {
    const { service, client } = await answering(before, options);
    await using _ = service;
    using __ = client;
    await stop(service, client);
    expect(await service.ended()).toEqual(end);
    expect(service.notifications.slice(1, 2)).toEqual([
      'STOPPING=1\nSTATUS=Stopping: SIGTERM, 1 connection left',
    ]);
    expect(service.lines.filter(({ warning }) => warning)).toEqual([]);
    if (before.includes('closed')) expect(service.lines).toContainEqual({ closed: null });
  });
});

describe.concurrent('the listeners of the program', () => {
  test('are called once, with the arguments of Node, after the last answer', async () => {
    const { service, client } = await answering(`
      let isAnswered = false;
      server.on('request', (_, response) => response.on('finish', () => { isAnswered = true; }));
      process.on('SIGTERM', function (...args) {
        say({ args, isAnswered, isProcess: this === process });
        process.exit();
      });
    `);
    await using _ = service;
    using __ = client;
    service.signal('SIGTERM');
    await sleep(100);
    service.signal('SIGTERM');
    await service.ended();
    expect(service.lines.filter((line) => 'args' in line)).toEqual([
      { args: ['SIGTERM', 15], isAnswered: true, isProcess: true },
    ]);
  });

  test('are called for an event that the program emits itself', async () => {
    const { service } = await startOnPort(`
      process.on('SIGTERM', (...args) => say({ args }));
      http.createServer(answer).listen(PORT, () => setTimeout(() => process.emit('SIGTERM'), 100));
    `);
    await using _ = service;
    expect(await service.readUntil((line) => 'args' in line)).toEqual({ args: [] });
  });

  test('get the signal at once while the program does not listen yet', async () => {
    const { service } = await startOnPort(`
      process.on('SIGTERM', () => process.exit(3));
      setInterval(() => {}, 1000);
      say({ waits: true });
    `);
    await using _ = service;
    await service.readUntil((line) => line.waits === true);
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual({ code: 3, signal: null });
  });

  test('get a signal that comes after the drain', async () => {
    const { service } = await startOnPort(`
      let count = 0;
      process.on('SIGTERM', () => { say({ count: ++count }); if (count === 2) process.exit(0); });
      setInterval(() => {}, 1000);
      http.createServer(answer).listen(PORT);
    `);
    await using _ = service;
    await untilReady(service);
    service.signal('SIGTERM');
    await service.readUntil((line) => line.count === 1);
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual(CLEAN);
  });
});

describe.concurrent('Ctrl-C', () => {
  test('stops as SIGTERM does, and a second press cuts', async () => {
    const { service, client } = await answering(`
      process.on('SIGINT', () => { say({ interrupted: true }); process.exit(130); });
    `);
    await using _ = service;
    client.get('/60000');
    await service.readUntil((line) => line.request === '/60000');
    service.signal('SIGINT');
    await sleep(1_100);
    service.signal('SIGINT');
    await client.closed;
    expect(await service.ended()).toEqual(CLEAN);
    expect(service.lines).toContainEqual({ interrupted: true });
    expect(service.lines).toContainEqual({
      warning: 'ERR_SYSTEMD_CUT',
      message: expect.stringContaining('because Ctrl-C was pressed again'),
    });
  });
});

test.concurrent('process.exit() of other code during the drain is named in a warning', async () => {
  const { service, client } = await answering('setTimeout(() => process.exit(5), 900);');
  await using _ = service;
  using __ = client;
  client.get('/60000');
  service.signal('SIGTERM');
  expect((await service.ended()).code).toBe(5);
  expect(service.lines).toContainEqual(expect.objectContaining({ warning: 'ERR_SYSTEMD_EXIT' }));
});

test.concurrent('SIGTERM before READY=1 drains too, and answers the clients that wait for READY=1', async () => {
  const { service, at } = await startOnPort(
    'http.createServer(answer).listen(PORT, () => say({ listens: true }));',
    { env: { LIBSYSTEMD_AUTO_READY: '60000' } },
  );
  await using _ = service;
  await service.readUntil((line) => line.listens === true);
  using client = await Client.connect(at);
  client.get('/800');
  await sleep(300); // the connection is accepted, and waits for READY=1
  service.signal('SIGTERM');
  await client.until('done');
  expect(await service.ended()).toEqual(DIED);
  expect(service.notifications[0]).toMatch(/^STOPPING=1/);
});

test.concurrent('with LIBSYSTEMD_AUTO_EXIT_TIMEOUT a process that goes on is ended', async () => {
  const { service } = await startOnPort(
    `
      process.on('SIGTERM', () => {});
      setInterval(() => {}, 1000);
      http.createServer(answer).listen(PORT);
    `,
    { env: { LIBSYSTEMD_AUTO_EXIT_TIMEOUT: '300' } },
  );
  await using _ = service;
  await untilReady(service);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual(CLEAN);
  expect(service.lines).toContainEqual(expect.objectContaining({ warning: 'ERR_SYSTEMD_HELD' }));
});
