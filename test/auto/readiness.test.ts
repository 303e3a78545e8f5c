// When READY=1 is sent, and what follows: the watchdog, the status, the idle exit.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { RunningService } from '../service/support.ts';
import { Client } from '../support/client.ts';
import { spawnLaunched } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';
import { Service } from '../support/service.ts';
import { root } from '../support/tools.ts';
import { ask, freePort, startAuto, startOnPort, untilReady } from './support.ts';

const NO_SOCKET = { specs: [], fds: 'none', pid: 'none' } as const;

describe.concurrent('READY=1', () => {
  test('is sent without inherited sockets once the first server listens', async () => {
    const port = await freePort();
    await using service = await startAuto(
      `setTimeout(() => http.createServer(answer).listen(${port}, '127.0.0.1'), 200);`,
      NO_SOCKET,
    );
    expect(await untilReady(service)).toBe(`READY=1\nSTATUS=Serving on 127.0.0.1:${port}`);
  });

  test('is not sent for a server that is closed as soon as it listens', async () => {
    const { service } = await startOnPort(`
      const probe = net.createServer();
      probe.listen(PORT, () => probe.close(() => setTimeout(() => say({ probed: true }), 200)));
      setTimeout(() => http.createServer(answer).listen(PORT), 2500);
    `);
    await using _ = service;
    await service.readUntil((line) => line.probed === true);
    await service.manager.drain();
    expect(service.notifications).toEqual([]);
    await untilReady(service);
  });

  test('is sent once, although the program listens anew', async () => {
    const { service, at } = await startOnPort(`
      const server = http.createServer(answer);
      server.listen(PORT);
      setTimeout(() => server.close(() => server.listen(PORT, () => say({ anew: true }))), 200);
    `);
    await using _ = service;
    await service.readUntil((line) => line.anew === true);
    using client = await Client.connect(at);
    client.get('/0');
    await client.until('done');
    await service.manager.drain();
    expect(service.notifications).toHaveLength(1);
  });

  test('is left to the program with LIBSYSTEMD_AUTO_READY=manual', async () => {
    const { service } = await startOnPort(
      `
        const { notify } = await import('libsystemd');
        http.createServer(answer).listen(PORT);
        setTimeout(() => notify.ready('by the program'), 500);
      `,
      { env: { LIBSYSTEMD_AUTO_READY: 'manual' } },
    );
    await using _ = service;
    expect(await untilReady(service)).toBe('READY=1\nSTATUS=by the program');
    await service.stop();
    await service.ended();
    expect(service.notifications.filter((message) => /READY=1/.test(message))).toHaveLength(1);
  });

  test('waits for the milliseconds in LIBSYSTEMD_AUTO_READY', async () => {
    const { service } = await startOnPort(
      'http.createServer(answer).listen(PORT, () => setTimeout(() => say({ later: true }), 400));',
      { env: { LIBSYSTEMD_AUTO_READY: '2000' } },
    );
    await using _ = service;
    await service.readUntil((line) => line.later === true);
    await service.manager.drain();
    expect(service.notifications).toEqual([]);
    await untilReady(service);
  });

  test('waits until the URL in LIBSYSTEMD_AUTO_READY is answered with success', async () => {
    const port = await freePort();
    const program = `
      let flows = false;
      const server = http.createServer((request, response) => {
        response.writeHead(flows ? 200 : 404).end();
        say({ flows });
      });
      server.listen(${port});
      setTimeout(() => { flows = true; }, 500);
    `;
    await using service = await startAuto(program, {
      specs: [`tcp:127.0.0.1:${port}`],
      env: { LIBSYSTEMD_AUTO_READY: `http://127.0.0.1:${port}/` },
    });
    await service.readUntil((line) => line.flows === false);
    await service.manager.drain();
    expect(service.notifications).toEqual([]);
    await untilReady(service);
    expect(service.lines).not.toContainEqual({ flows: true });
    await service.readUntil((line) => line.flows === true);
  });

  test('is no longer waited for after a stop, and the URL is not requested any more', async () => {
    const port = await freePort();
    const program = `
      http.createServer((_, response) => {
        response.writeHead(404).end();
        say({ asked: Date.now() });
      }).listen(${port}, '127.0.0.1');
      // The program goes on for a while after the drain.
      process.on('SIGTERM', () => setTimeout(async () => {
        const { acceptQueue } = await import('libsystemd');
        say({ queued: acceptQueue(3).waiting });
      }, 600));
    `;
    await using service = await startAuto(program, {
      specs: [`tcp:127.0.0.1:${port}`],
      env: { LIBSYSTEMD_AUTO_READY: `http://127.0.0.1:${port}/` },
    });
    await service.readUntil((line) => 'asked' in line);
    service.signal('SIGTERM');
    const start = performance.now();
    expect(await service.readUntil((line) => 'queued' in line)).toEqual({ queued: 0 });
    await service.ended();
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test('is not sent by a child that inherits NOTIFY_SOCKET and the preload', async () => {
    const port = await freePort();
    await using service = await startAuto(
      `
        import { spawn } from 'node:child_process';
        const source = 'require("http").createServer().listen(0, "127.0.0.1", () => console.log(JSON.stringify(Object.keys(process.env))))';
        const child = spawn(process.execPath, ['-e', source], {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: { ...process.env, NODE_OPTIONS: '-r libsystemd/auto' },
        });
        child.stdout.once('data', (names) => {
          say({ child: JSON.parse(names) });
          child.kill('SIGKILL');
          setTimeout(() => http.createServer(answer).listen(${port}), 1500);
        });
      `,
      { specs: [`tcp:127.0.0.1:${port}`] },
    );
    const { child } = await service.readUntil((line) => 'child' in line);
    expect(child).toContain('NOTIFY_SOCKET');
    expect(child).not.toContain('LISTEN_FDS');
    expect(child).not.toContain('LISTEN_PID');
    await service.manager.drain();
    expect(service.notifications).toEqual([]);
    await untilReady(service);
  });
});

test.concurrent('a process that has replaced itself by exec() is still the main one', async () => {
  const manager = await startReceiver();
  const source = "require('http').createServer().listen(0, '127.0.0.1')";
  const node = [process.execPath, '-r', 'libsystemd/auto', '-e', source];
  // The pid is that of the shell, as after exec() of a program that this package has marked as the main one.
  const command = ['sh', '-c', 'LIBSYSTEMD_AUTO_PID=$$ exec "$0" "$@"', ...node];
  const env = { NOTIFY_SOCKET: manager.address };
  const child = spawnLaunched([], command, { ...NO_SOCKET, cwd: root, env });
  await using service = new RunningService(new Service(child), manager);
  expect(await untilReady(service)).toMatch(/^READY=1\nSTATUS=Serving on 127\.0\.0\.1:/);
});

test.concurrent('a child gets the LISTEN_* that the program sets for it, and inherits none', async () => {
  const { service } = await startOnPort(`
    import { spawn } from 'node:child_process';
    import { json } from 'node:stream/consumers';
    const source = 'console.log(JSON.stringify(Object.keys(process.env).filter((name) => /^LISTEN_/.test(name)).sort()))';
    const variablesWith = (env) => json(spawn(process.execPath, ['-e', source], { env }).stdout);
    const { PATH } = process.env;
    say({ set: await variablesWith({ PATH, LISTEN_FDS: '1', LISTEN_FDNAMES: 'own' }) });
    say({ changed: await variablesWith({ ...process.env, LISTEN_FDS: '2' }) });
    say({ inherited: await variablesWith({ ...process.env }) });
  `);
  await using _ = service;
  const { set } = await service.readUntil((line) => 'set' in line);
  expect(set).toEqual(['LISTEN_FDNAMES', 'LISTEN_FDS']);
  const { changed } = await service.readUntil((line) => 'changed' in line);
  expect(changed).toEqual(['LISTEN_FDS']);
  const { inherited } = await service.readUntil((line) => 'inherited' in line);
  expect(inherited).toEqual([]);
});

test.concurrent('the program still finds LISTEN_PID and LISTEN_FDS in its environment', async () => {
  const { service, at } = await startOnPort(`
    const { LISTEN_PID, LISTEN_FDS } = process.env;
    say({ LISTEN_FDS, isOwn: LISTEN_PID === String(process.pid) });
    http.createServer(answer).listen({ fd: 3 });
  `);
  await using _ = service;
  expect(await service.readUntil(() => true)).toEqual({ LISTEN_FDS: '1', isOwn: true });
  await untilReady(service);
  using client = await Client.connect(at);
  client.get('/0');
  await client.until('done');
});

test.concurrent('the watchdog is pinged once the program is ready', async () => {
  const { service } = await startOnPort('http.createServer(answer).listen(PORT);', {
    env: { WATCHDOG_USEC: '400000' },
  });
  await using _ = service;
  await untilReady(service);
  for (let i = 0; i < 3; i++) await service.manager.until('WATCHDOG=1');
});

describe.concurrent('with LIBSYSTEMD_AUTO_IDLE_TIMEOUT', () => {
  const env = { LIBSYSTEMD_AUTO_IDLE_TIMEOUT: '600' };

  test('a service without clients stops, and ends by SIGTERM', async () => {
    const { service, at } = await startOnPort('http.createServer(answer).listen(PORT);', { env });
    await using _ = service;
    await untilReady(service);
    using client = await ask(service, at, 1500);
    await client.until('done');
    client.socket.destroy();
    expect(await service.ended()).toEqual({ code: null, signal: 'SIGTERM' });
    expect(service.notifications.slice(1)).toEqual(['STOPPING=1\nSTATUS=Stopping: idle']);
  });

  test('the program gets SIGTERM, and its exit(143) becomes a success', async () => {
    const { service } = await startOnPort(
      `
        process.on('SIGTERM', (...args) => { say({ args }); process.exit(143); });
        http.createServer(answer).listen(PORT);
      `,
      { env },
    );
    await using _ = service;
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines).toContainEqual({ args: ['SIGTERM', 15] });
  });

  test('a service without inherited sockets does not stop', async () => {
    const port = await freePort();
    await using service = await startAuto(
      `http.createServer(answer).listen(${port}, '127.0.0.1');`,
      { ...NO_SOCKET, env },
    );
    await untilReady(service);
    await sleep(1_500);
    using client = await Client.connect({ host: '127.0.0.1', port });
    client.get('/0');
    await client.until('done');
  });
});

describe.concurrent('clients that come before READY=1', () => {
  test.each(['net', 'http'])(
    'wait for the milliseconds in LIBSYSTEMD_AUTO_READY: %s',
    async (kind) => {
      const server =
        kind === 'http'
          ? "http.createServer((_, response) => response.end(ready ? 'done' : 'too early'))"
          : "net.createServer((socket) => { const when = ready ? 'done' : 'too early'; socket.on('readable', () => { if (socket.read() !== null) socket.end(when); }); })";
      const { service, at } = await startOnPort(
        `
        let ready = false;
        ${server}.listen(PORT, () => {
          say({ listens: true });
          setTimeout(() => { ready = true; }, 900);
        });
      `,
        { env: { LIBSYSTEMD_AUTO_READY: '1000' } },
      );
      await using _ = service;
      await service.readUntil((line) => line.listens === true);
      using client = await Client.connect(at);
      client.get('/');
      expect(await client.until('done')).not.toContain('too early');
      using later = await Client.connect(at);
      later.get('/');
      expect(await later.until('done')).not.toContain('too early');
    },
  );

  test('wait until the URL is answered, which is asked meanwhile', async () => {
    const port = await freePort();
    const at = { host: '127.0.0.1', port };
    const url = `http://127.0.0.1:${port}/`;
    await using service = await startAuto(
      `
        let ready = false;
        const server = http.createServer((_, response) => {
          say({ ready });
          response.writeHead(ready ? 200 : 404).end('done');
        });
        server.listen(${port}, () => say({ listens: true }));
        setTimeout(() => { ready = true; }, 800);
      `,
      { specs: [`tcp:127.0.0.1:${port}`], env: { LIBSYSTEMD_AUTO_READY: url } },
    );
    await service.readUntil((line) => line.listens === true);
    using client = await Client.connect(at);
    client.get('/');
    expect(await client.until('done')).toMatch(/^HTTP\/1\.1 200 /);
    await service.readUntil((line) => line.ready === false);
    await untilReady(service);
  });
});
