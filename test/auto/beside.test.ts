// The preload beside a program that uses this package itself, and in a process that systemd has not started.
import { describe, expect, test } from 'vitest';
import { CLEAN } from '../service/drain-support.ts';
import type { RunningService } from '../service/support.ts';
import { Client } from '../support/client.ts';
import { ask, freePort, startAuto, startOnPort, untilReady, writeProgram } from './support.ts';

describe.concurrent('a program that calls serve() itself', () => {
  test('is served by its own call, and the preload says nothing', async () => {
    const { service, at } = await startOnPort(`
      const { serve } = await import('libsystemd');
      await serve(http.createServer(answer), {
        status: () => 'by the program',
        stop: (reason) => say({ stopped: reason }),
      });
    `);
    await using _ = service;
    expect(await untilReady(service)).toBe('READY=1\nSTATUS=by the program');
    using client = await ask(service, at, 300);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual(CLEAN);
    expect(service.lines).toContainEqual({ stopped: 'SIGTERM' });
    expect(service.notifications.filter((message) => /READY=1/.test(message))).toHaveLength(1);
    expect(service.lines.filter(({ warning }) => warning)).toEqual([]);
  });

  // The program calls serve() after `delay` milliseconds, and says whether its check is called to the end.
  const takingOver = (place: string, delay: number, options = '') => `
    let checks = 0;
    http.createServer(answer).listen(${place}, async () => {
      await sleep(${delay});
      const { serve } = await import('libsystemd');
      await serve(http.createServer(answer), {
        watchdog: { check() { checks++; } },
        status: () => 'by the program',
        stop: (reason) => say({ stopped: reason }),
        exitTimeout: 500,
        ${options}
      });
      await sleep(2500);
      const before = checks;
      await sleep(600);
      say({ isChecked: checks > before });
    });
  `;
  const BY_PROGRAM = 'READY=1\nSTATUS=by the program';

  /** Waits for the end of what {@link takingOver} does, and for the stop by the program's own service. */
  async function untilTakenOver(service: RunningService) {
    const line = await service.readUntil((line) => 'isChecked' in line);
    expect(line).toEqual({ isChecked: true });
    await service.manager.drain();
    const states = [...service.notifications];
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual(CLEAN);
    expect(service.lines).toContainEqual({ stopped: 'SIGTERM' });
    return states;
  }

  test('takes over from the preload when another server has listened before', async () => {
    const place = `${await freePort()}, '127.0.0.1'`;
    const { service } = await startOnPort(takingOver(place, 300), {
      env: { WATCHDOG_USEC: '400000' },
    });
    await using _ = service;
    expect(await untilTakenOver(service)).toEqual([BY_PROGRAM]);
    expect(service.lines.filter(({ warning }) => warning === 'ERR_SYSTEMD_NO_MATCH')).toEqual([]);
  });

  test('takes over from the preload during the milliseconds in LIBSYSTEMD_AUTO_READY', async () => {
    const source = takingOver("0, '127.0.0.1'", 300, "fallback: { port: 0, host: '127.0.0.1' },");
    await using service = await startAuto(source, {
      specs: [],
      fds: 'none',
      pid: 'none',
      env: { LIBSYSTEMD_AUTO_READY: '1000', WATCHDOG_USEC: '400000' },
    });
    expect(await untilTakenOver(service)).toEqual([BY_PROGRAM]);
  });

  test('releases the clients that the preload lets wait', async () => {
    const held = await freePort();
    const { service } = await startOnPort(
      `http.createServer(answer).listen(${held}, '127.0.0.1');\n${takingOver("0, '127.0.0.1'", 1000)}`,
      {
        specs: [`tcp:127.0.0.1:${held}`, 'tcp:127.0.0.1:0'],
        env: { LIBSYSTEMD_AUTO_READY: '60000' },
      },
    );
    await using _ = service;
    using client = await Client.connect({ host: '127.0.0.1', port: held });
    client.get('/0');
    expect(await untilReady(service)).toBe(BY_PROGRAM);
    await client.until('done');
  });

  test('takes over from the preload after READY=1, and no idle timeout of the preload counts', async () => {
    const further = await freePort();
    const { service } = await startOnPort(
      `http.createServer(answer).listen(${further}, '127.0.0.1');\n${takingOver("0, '127.0.0.1'", 2500)}`,
      {
        specs: [`tcp:127.0.0.1:${further}`, 'tcp:127.0.0.1:0'],
        env: { LIBSYSTEMD_AUTO_IDLE_TIMEOUT: '1500', WATCHDOG_USEC: '400000' },
      },
    );
    await using _ = service;
    const [first, ...others] = await untilTakenOver(service);
    expect(first).toMatch(/^READY=1\nSTATUS=Serving on /);
    expect(others).toEqual([BY_PROGRAM]);
  });

  test.each([
    ['under a manager', []],
    ['without a manager', ['NOTIFY_SOCKET']],
  ])('during the drain of the preload %s is refused, and gets the signal', async (_name, unset) => {
    const { service, at } = await startOnPort(
      `
        process.on('SIGTERM', () => { say({ called: true }); process.exit(); });
        const server = http.createServer(answer).listen(PORT, () => say({ listens: true }));
        await once(server, 'listening');
        while (server.listening) await sleep(10);
        const { serve } = await import('libsystemd');
        await serve(http.createServer(answer)).catch(({ code }) => say({ refused: code }));
      `,
      { unset },
    );
    await using _ = service;
    await service.readUntil((line) => 'listens' in line);
    using client = await ask(service, at, 1500);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual(CLEAN);
    expect(service.lines.slice(-3)).toEqual([
      { refused: 'ERR_SYSTEMD_STOPPED' },
      { called: true },
      { exit: 0 },
    ]);
  });

  test('and has workers gets them served by its own calls', async () => {
    const port = await freePort();
    const file = writeProgram(`
      import http from 'node:http';
      import { serve } from '${import.meta.resolve('libsystemd')}';
      await serve(http.createServer((_, response) => response.end('done')), { workers: 2 });
    `);
    await using service = await startAuto(`await import('${file}');`, {
      specs: [`tcp:127.0.0.1:${port}`],
      isFile: true,
    });
    await untilReady(service);
    using client = await Client.connect({ host: '127.0.0.1', port });
    client.get('/0');
    await client.until('done');
    client.socket.destroy();
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual(CLEAN);
  });
});

test.concurrent('a program that calls listen() itself is left alone', async () => {
  const { service, at } = await startOnPort(`
    const { listen, notify } = await import('libsystemd');
    await listen(http.createServer(answer));
    http.createServer(answer).listen(0, '127.0.0.1');
    await sleep(500);
    process.on('SIGTERM', () => process.exit(0));
    notify.ready('by the program');
  `);
  await using _ = service;
  expect(await untilReady(service)).toBe('READY=1\nSTATUS=by the program');
  using client = await Client.connect(at);
  client.get('/0');
  await client.until('done');
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual(CLEAN);
  expect(service.notifications).toHaveLength(1);
});

test.concurrent('listenFds() of the program has the descriptors', async () => {
  const { service, at } = await startOnPort(`
    const { listenFds } = await import('libsystemd');
    const [descriptor] = listenFds();
    say({ port: descriptor.localAddress.port });
    http.createServer(answer).listen(descriptor);
  `);
  await using _ = service;
  expect(await service.readUntil((line) => 'port' in line)).toEqual({ port: at.port });
  await untilReady(service);
});

describe.concurrent.each(['--import', '-r'] as const)('loaded by %s', (by) => {
  test('and a program in CommonJS, it serves the socket', async () => {
    const port = await freePort();
    const source = `
      const http = require('node:http');
      const { say } = console;
      http.createServer((_, response) => response.end('done')).listen(${port});
    `;
    await using service = await startAuto('', {
      specs: [`tcp:127.0.0.1:${port}`],
      by,
      args: ['--input-type=commonjs', '-e', source, '--'],
    });
    await untilReady(service);
    using client = await Client.connect({ host: '127.0.0.1', port });
    client.get('/0');
    await client.until('done');
  });

  test('twice, it does nothing twice', async () => {
    const { service } = await startOnPort('http.createServer(answer).listen(PORT);', {
      by,
      args: ['--import', 'libsystemd/auto', '-r', 'libsystemd/auto'],
    });
    await using _ = service;
    await untilReady(service);
    await service.stop();
    await service.ended();
    const states = service.notifications.map((message) => message.split('\n')[0]);
    expect(states).toEqual(['READY=1', 'STOPPING=1']);
  });

  test('where systemd has not started the process, it changes nothing', async () => {
    const state = `
      const { builtinModules } = await import('node:module');
      say({
        emit: Object.hasOwn(process, 'emit'),
        listen: net.Server.prototype._listen2.name,
        bind: dgram.Socket.prototype.bind.name,
        signals: process.eventNames().filter((name) => String(name).startsWith('SIG')),
        events: process.eventNames().length,
        unlink: fs.unlinkSync.name,
        scheduling: cluster.schedulingPolicy,
        environment: Object.keys(process.env).sort(),
        addons: fs.readFileSync('/proc/self/maps', 'utf8').includes('libsystemd'),
      });
    `;
    const run = async (how: '--import' | '-r' | undefined) => {
      const options = { specs: [], fds: 'none', pid: 'none', by: how, unset: ['NOTIFY_SOCKET'] };
      await using service = await startAuto(state, options);
      const line = await service.readUntil(() => true);
      await service.ended();
      return line;
    };
    const [loaded, plain] = await Promise.all([run(by), run(undefined)]);
    expect(loaded).toEqual(plain);
    expect(loaded.addons).toBe(false);
  });
});
