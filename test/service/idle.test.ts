// The stop of a service that has had no connection for options.idleTimeout.
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { endAtFirstHang } from './first-hang.ts';
import { startService } from './support.ts';

endAtFirstHang();

const TIMEOUT = 400;

test('a service stops after the idle timeout without a connection', async () => {
  await using service = await startService(
    `await run(http.createServer(answer), { idleTimeout: ${TIMEOUT}, stop: hook('stop') });`,
  );
  await service.serving();
  const begun = performance.now();
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(performance.now() - begun).toBeGreaterThan(TIMEOUT - 100);
  expect(service.lines.slice(1)).toEqual([
    { hook: 'stop', reason: 'idle' },
    { stopped: 'idle' },
    { exit: 0 },
  ]);
  expect(service.notifications.at(-1)).toBe('STOPPING=1\nSTATUS=Stopping: idle');
});

test('the idle timeout begins when the last connection has ended, however silent it was', async () => {
  await using service = await startService(
    `await run(net.createServer(), { idleTimeout: ${TIMEOUT} });`,
  );
  const at = await service.serving();
  using first = await Client.connect(at);
  using second = await Client.connect(at);
  first.socket.destroy();
  await sleep(2 * TIMEOUT);
  expect(service.notifications).toHaveLength(1);
  const closed = performance.now();
  second.socket.end();
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(performance.now() - closed).toBeGreaterThan(TIMEOUT - 100);
});

test('a connection that was handed to a child process does not count', async () => {
  await using service = await startService(`
    const { fork } = await import('node:child_process');
    const child = fork('test/service/programs/takes-sockets.mjs', { execArgv: [] });
    const server = net.createServer({ pauseOnConnect: true }, (socket) => child.send('take', socket));
    await run(server, { idleTimeout: ${TIMEOUT}, stop: () => child.disconnect() });
  `);
  using client = await Client.connect(await service.serving());
  await client.until('from the child');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines).toContainEqual({ stopped: 'idle' });
});

test('datagrams keep the service going', async () => {
  await using service = await startService(
    `await run(createSocket('udp4'), { idleTimeout: ${TIMEOUT} });`,
    { specs: ['udp:127.0.0.1:0'] },
  );
  const { host, port } = (await service.serving()) as { host: string; port: number };
  const client = createSocket('udp4');
  for (let i = 0; i < 8; i++) {
    await sleep(TIMEOUT / 4);
    client.send('.', port, host);
  }
  client.close();
  expect(service.notifications).toHaveLength(1);
  expect(await service.ended()).toEqual({ code: 0, signal: null });
});

test('a service that is not socket-activated never stops for want of connections', async () => {
  await using service = await startService(
    `await run(http.createServer(answer), { idleTimeout: 50, fallback: { port: 0, host: '127.0.0.1' } });`,
    { specs: [], pid: 'none', fds: 'none' },
  );
  await service.serving();
  await sleep(500);
  service.signal('SIGTERM');
  await service.ended();
  expect(service.lines).toContainEqual({ stopped: 'SIGTERM' });
});
