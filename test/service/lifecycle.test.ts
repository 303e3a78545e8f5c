// The life of a service: its notifications in their order, its hooks, and the end of its process.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { type Line, startService } from './support.ts';

test('a service sends READY=1 with its addresses, then STOPPING=1 on SIGTERM, and ends with 0', async () => {
  await using service = await startService(`
    await run(http.createServer(answer), { drain: hook('drain'), stop: hook('stop') });
  `);
  const at = (await service.serving()) as { host: string; port: number };
  await service.manager.until('READY=1');
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.notifications).toEqual([
    `READY=1\nSTATUS=Serving on ${at.host}:${at.port}`,
    'STOPPING=1\nSTATUS=Stopping: SIGTERM',
  ]);
  expect(service.lines.slice(1)).toEqual([
    { hook: 'drain', reason: 'SIGTERM' },
    { hook: 'stop', reason: 'SIGTERM' },
    { stopped: 'SIGTERM' },
    { exit: 0 },
  ]);
});

test('a service sends READY=1 only when it handles its signals and listens', async () => {
  await using service = await startService(`
    const server = http.createServer(answer);
    const listening = () => {
      say({ handled: ['SIGTERM', 'SIGINT', 'SIGHUP'].map((name) => process.listenerCount(name)) });
    };
    server.prependOnceListener('listening', listening);
    await run(server, { reload() {} });
  `);
  await service.serving();
  expect(service.lines[0]).toEqual({ handled: [1, 1, 1] });
  // Notifications arrive in their order, so there was none before READY=1.
  expect((await service.manager.next()).message).toMatch(/^READY=1\n/);
});

test('SIGHUP ends the process when there is no reload option', async () => {
  await using service = await startService('await run(http.createServer(answer), {});');
  await service.serving();
  service.signal('SIGHUP');
  expect(await service.ended()).toEqual({ code: null, signal: 'SIGHUP' });
});

test('a service runs on its fallback without a service manager', async () => {
  await using service = await startService(
    `await run(http.createServer(answer), { fallback: { port: 0, host: '127.0.0.1' } });`,
    { specs: [], pid: 'none', fds: 'none', unset: ['NOTIFY_SOCKET'] },
  );
  using client = await Client.connect(await service.serving());
  expect(service.lines[0]).toMatchObject({ activated: false });
  client.get('/0');
  await client.until('done');
  service.signal('SIGINT');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.notifications).toEqual([]);
});

test('all servers of a list listen, and addresses has their order', async () => {
  await using service = await startService(
    `await run([
       { server: net.createServer(), name: 'b' },
       { server: createSocket('udp4'), name: 'c' },
       { server: http.createServer(answer), name: 'a' },
     ]);`,
    { specs: ['tcp:127.0.0.1:0', 'tcp:[::1]:0', 'udp:127.0.0.1:0'], names: 'a:b:c' },
  );
  const { activated, addresses } = await service.readUntil((line) => 'activated' in line);
  expect(activated).toBe(true);
  expect(addresses).toMatchObject([
    { family: 'inet6', address: '::1' },
    { family: 'inet', address: '127.0.0.1' },
    { family: 'inet', address: '127.0.0.1' },
  ]);
  service.signal('SIGTERM');
  expect((await service.ended()).code).toBe(0);
});

test('no server listens when one of them cannot', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  await using service = await startService(
    `const servers = [net.createServer(), net.createServer(), createSocket('udp4')];
     const ports = [0, ${port}, 0];
     const list = servers.map((server, i) =>
       ({ server, name: 'n' + i, fallback: { port: ports[i], host: '127.0.0.1' } }));
     const error = await run(list).catch((error) => error);
     say({ code: error.code, listening: servers.slice(0, 2).map(({ listening }) => listening) });
     say({ signals: ['SIGTERM', 'SIGINT'].map((name) => process.listenerCount(name)) });`,
    { specs: [], pid: 'none', fds: 'none' },
  );
  await service.ended(); // nothing keeps the process alive
  expect(service.lines).toEqual([
    { code: 'EADDRINUSE', listening: [false, false] },
    { signals: [0, 0] },
    { exit: 0 },
  ]);
  expect(service.notifications).toEqual([
    expect.stringMatching(/^STATUS=Start failed: .*EADDRINUSE/),
  ]);
  taken.close();
});

test('serve() stops listening and rejects when READY=1 cannot be sent', async () => {
  await using service = await startService(
    `const error = await run(http.createServer(answer)).catch((error) => error);
     say({ code: error.code });`,
    { env: { NOTIFY_SOCKET: '/nowhere/notify' } },
  );
  await service.ended();
  expect(service.lines).toEqual([{ code: 'ENOENT' }, { exit: 0 }]);
});

test('a service goes on, and stops with 0, when its manager is gone', async () => {
  await using service = await startService('await run(http.createServer(answer));');
  await service.serving();
  await service.manager.until('READY=1');
  await service.manager.close();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line.warning)).toHaveLength(1);
});

test('SIGTERM during the start stops the service once it listens, without READY=1', async () => {
  await using service = await startService(`
    const server = http.createServer(answer);
    server.prependOnceListener('listening', () => {
      process.kill(process.pid, 'SIGTERM');
      for (const end = Date.now() + 50; Date.now() < end; );
    });
    const starting = run(server, { stop: hook('stop') });
    await starting;
  `);
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.notifications.join('\n')).toContain('STOPPING=1');
  expect(service.lines.at(-2)).toEqual({ stopped: 'SIGTERM' });
});

test.each([
  ['throws', `stop() { throw new Error('disk full'); }`],
  ['rejects', `async stop() { throw new Error('disk full'); }`],
])(
  'the process ends with 1, and the status says why, when the stop hook %s',
  async (_how, stop) => {
    await using service = await startService(`await run(http.createServer(answer), { ${stop} });`);
    await service.serving();
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual({ code: 1, signal: null });
    expect(service.notifications.at(-1)).toBe('STATUS=Stop failed: disk full');
    expect(service.lines).toContainEqual({ failed: 'disk full' });
    const message = 'The stop hook failed: disk full';
    expect(service.lines).toContainEqual({ warning: 'ERR_SYSTEMD_HOOK', message });
  },
);

test('the process ends with 1 when the stop hook never settles', async () => {
  await using service = await startService(`
    await run(http.createServer(answer), { stop: () => new Promise(() => {}) });
  `);
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 1, signal: null });
});

test.each([
  ['process.exit()', 0],
  ['process.exit(4)', 4],
  ['process.exitCode = 3', 3],
  // The event loop is empty for a moment.
  ["return new Promise((done) => process.once('beforeExit', () => setTimeout(done, 50)))", 0],
])('the stop hook decides the exit code: %s', async (end, code) => {
  await using service = await startService(
    `await run(http.createServer(answer), { stop: () => { ${end}; } });`,
  );
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code, signal: null });
});

test('a failed drain hook is warned of, and the stop goes on', async () => {
  await using service = await startService(`
    await run(http.createServer(answer), {
      drain() { throw new Error('no goodbye'); },
      stop: hook('stop'),
    });
  `);
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  const message = 'The drain hook failed: no goodbye';
  expect(service.lines).toContainEqual({ warning: 'ERR_SYSTEMD_HOOK', message });
  expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGTERM' });
});

test('service.stop() stops the service once, with the reason of the first call', async () => {
  await using service = await startService(`
    const service = await run(http.createServer(answer), { stop: hook('stop') });
    const reasons = await Promise.all([service.stop('upgrade'), service.stop('again'), service.stopped]);
    say({ reasons });
  `);
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines).toContainEqual({ reasons: ['upgrade', 'upgrade', 'upgrade'] });
  expect(service.lines.filter((line) => line.hook)).toEqual([{ hook: 'stop', reason: 'upgrade' }]);
});

test('Symbol.asyncDispose, as in `await using`, stops the service', async () => {
  await using service = await startService(`
    const service = await run(http.createServer(answer));
    await service[Symbol.asyncDispose]();
    say({ after: 'dispose' });
  `);
  await service.ended();
  expect(service.lines.slice(1)).toEqual([{ stopped: 'stop' }, { after: 'dispose' }, { exit: 0 }]);
});

test('without a manager a process may serve again once its service has stopped', async () => {
  await using service = await startService(
    `
    const server = http.createServer(answer);
    const first = await run(server, { exitTimeout: 100 });
    say({ code: (await serve(http.createServer()).catch((error) => error)).code });
    await first.stop('first');
    const second = await run(server);
    await sleep(300); // longer than the exit timeout of the first service
    say({ listeners: server.listenerCount('connection') });
    await second.stop('second');
    say({ listeners: server.listenerCount('connection') });
  `,
    { unset: ['NOTIFY_SOCKET'] },
  );
  expect((await service.ended()).code).toBe(0);
  // Node has one listener of its own, and the service has one while it runs.
  const listeners = service.lines.filter((line) => line['listeners'] !== undefined);
  expect(listeners).toEqual([{ listeners: 2 }, { listeners: 1 }]);
  expect(service.lines).toContainEqual({ code: 'ERR_SYSTEMD_SERVING' });
  expect(service.lines).toContainEqual({ stopped: 'second' });
});

test('the watchdog calls the check of the second service when a process serves again', async () => {
  await using service = await startService(
    `const serveOnce = (check) =>
       serve(http.createServer(answer), { fallback: 0, watchdog: { check }, exitTimeout: Infinity });
     const first = await serveOnce(() => { say({ asked: 'first' }); });
     await first.stop();
     await serveOnce(() => { say({ asked: 'second' }); });`,
    {
      ...{ env: { WATCHDOG_USEC: '100000' }, unset: ['NOTIFY_SOCKET'] },
      ...{ specs: [], pid: 'none', fds: 'none' },
    },
  );
  const asked = (line: Line) => line['asked'] !== undefined;
  await service.readUntil((line) => line['asked'] === 'second');
  for (let i = 0; i < 3; i++) expect((await service.readUntil(asked))['asked']).toBe('second');
  service.signal('SIGKILL');
});

test('after exitTimeout the process is ended, with a warning that names what kept it alive', async () => {
  await using service = await startService(`
    await run(http.createServer(answer), { exitTimeout: 100 });
    setInterval(() => {}, 1000);
    const other = net.createServer().listen(0, '127.0.0.1', () => {
      net.connect(other.address().port, '127.0.0.1').once('connect', () => say({ held: other.address().port }));
    });
  `);
  const { held } = await service.readUntil((line) => 'held' in line);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  const { message } = service.lines.find((line) => line.warning === 'ERR_SYSTEMD_HELD') ?? {};
  expect(message).toContain('after 100 ms');
  expect(message).toContain('Timeout');
  expect(message).toContain(`a socket to 127.0.0.1:${held}`);
  expect(message).not.toContain('Pipe'); // its own standard output and error
});

test('a process that nothing keeps alive ends at once, whatever its timeouts are', async () => {
  await using service = await startService(`
    await run(http.createServer(answer), { exitTimeout: 1e9, stopTimeout: 1e9, idleTimeout: 1e9 });
  `);
  await service.serving();
  const begun = performance.now();
  service.signal('SIGTERM');
  await service.ended();
  expect(performance.now() - begun).toBeLessThan(5_000);
});

test('a service pings from READY=1 to the end of the process, also during the stop hook', async () => {
  await using service = await startService(
    `await run(http.createServer(answer), {
       watchdog: { check: () => say({ checked: true }) },
       stop: () => sleep(300),
     });`,
    { env: { WATCHDOG_USEC: '100000' } },
  );
  await service.serving();
  await service.manager.until('WATCHDOG=1');
  service.signal('SIGTERM');
  await service.ended();
  const messages = service.manager.messages.map(({ message }) => message);
  expect(messages[0]).toMatch(/^READY=1\n/);
  const stopping = messages.findIndex((message) => message.startsWith('STOPPING=1'));
  expect(
    messages.slice(stopping).filter((message) => message === 'WATCHDOG=1').length,
  ).toBeGreaterThan(3);
  expect(service.lines).toContainEqual({ checked: true });
});

test('a service with watchdog: false does not ping', async () => {
  await using service = await startService(
    'await run(http.createServer(answer), { watchdog: false, stop: () => sleep(200) });',
    { env: { WATCHDOG_USEC: '50000' } },
  );
  await service.serving();
  service.signal('SIGTERM');
  await service.ended();
  expect(service.manager.messages.map(({ message }) => message)).not.toContain('WATCHDOG=1');
});

test('the status hook is called once a second, and a changed text is sent', async () => {
  await using service = await startService(`
    let asked = 0;
    const status = ({ connections }) => { asked++; return connections + ' open'; };
    await run(http.createServer(answer), { status });
  `);
  const address = await service.serving();
  expect((await service.manager.next()).message).toBe('READY=1\nSTATUS=0 open');
  using client = await Client.connect(address);
  const begun = performance.now();
  expect((await service.manager.next()).message).toBe('STATUS=1 open');
  client.socket.destroy();
  expect((await service.manager.next()).message).toBe('STATUS=0 open');
  expect(performance.now() - begun).toBeGreaterThan(900);
  service.signal('SIGTERM');
  await service.ended();
  expect(service.notifications.at(-1)).toBe('STOPPING=1\nSTATUS=0 open');
});

test('a status hook that throws is warned of once, and the default text is sent', async () => {
  await using service = await startService(`
    await run(http.createServer(answer), { status() { throw new Error('no status'); } });
  `);
  await service.serving();
  expect((await service.manager.next()).message).toMatch(/^READY=1\nSTATUS=Serving on /);
  await service.readUntil((line) => line.message === 'The status hook failed: no status');
  await sleep(2_500); // it is asked every second, and nothing is said of it again
  service.signal('SIGTERM');
  await service.ended();
  expect(service.lines.filter((line) => line.message?.includes('no status'))).toHaveLength(1);
});

test('a status hook that returns a number is warned of, with what it must return', async () => {
  await using service = await startService(
    'await run(http.createServer(answer), { status: () => 5 });',
  );
  await service.serving();
  const message =
    'The status hook failed: options.status() must return a string. Received type number (5)';
  await service.readUntil((line) => line.message === message);
});

test.each([
  ['throws', '() => { throw new Error("no status"); }'],
  ['is async and rejects', 'async () => { throw new Error("no status"); }'],
])('a service whose status hook %s stops with the default text', async (_what, status) => {
  await using service = await startService(
    `await run(http.createServer(answer), { status: ${status}, stop: () => sleep(1_200) });`,
  );
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.notifications.slice(1)).toEqual(['STOPPING=1\nSTATUS=Stopping: SIGTERM']);
});

test('a server that could not listen may be given to serve() again, and then keeps connections alive', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  await using service = await startService(
    `const server = http.createServer(answer);
     const fallback = { port: ${port}, host: '127.0.0.1' };
     const { code } = await serve(server, { fallback }).catch((error) => error);
     say({ code });
     await run(server, { fallback: { ...fallback, port: 0 } });`,
    { specs: [], pid: 'none', fds: 'none' },
  );
  using client = await Client.connect(await service.serving());
  expect(service.lines[0]).toEqual({ code: 'EADDRINUSE' });
  client.get('/0');
  expect(await client.until('done')).toContain('Connection: keep-alive\r\n');
  taken.close();
});
