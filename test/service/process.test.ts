// A process has one service, one state and one series of pings, even with several copies of the package and
// several threads.
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { type Line, startService } from './support.ts';

const nowhere = { specs: [], pid: 'none', fds: 'none' };

/** Imports another copy of the package into the same process. */
const another = `const another = await import(import.meta.resolve('libsystemd') + '?another');`;

describe.concurrent('after STOPPING=1', () => {
  test.each([
    [
      'of a service that has stopped',
      'await (await serve(http.createServer(), { fallback: 0 })).stop();',
    ],
    ['of notify.stopping()', `(await import('libsystemd')).notify.stopping();`],
    ['of notify.send() as text', `(await import('libsystemd')).notify.send('X_A=1\\nSTOPPING=1');`],
  ])('%s, each copy of the package refuses serve()', async (_, end) => {
    await using service = await startService(
      `${another}
       ${end}
       for (const one of [serve, another.serve]) {
         const server = http.createServer();
         const error = await one(server, { fallback: 0 }).catch((error) => error);
         say({ code: error.code, message: error.message, listening: server.listening });
       }`,
      nowhere,
    );
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    const refused = service.lines.filter((line) => line['code'] !== undefined);
    const message = expect.stringMatching(/was told STOPPING=1, which cannot be taken back/);
    const refusal = { code: 'ERR_SYSTEMD_STOPPED', message, listening: false };
    expect(refused).toEqual([refusal, refusal]);
    expect(service.notifications.filter((text) => text.startsWith('STATUS='))).toEqual([]);
  });

  test('for another process, serve() works', async () => {
    await using service = await startService(
      `const { notify } = await import('libsystemd');
       notify.send('STOPPING=1', { pid: process.ppid });
       await run(http.createServer(), { fallback: 0 });`,
      nowhere,
    );
    await service.serving();
  });
});

test('serve() is refused while another copy of the package serves', async () => {
  await using service = await startService(
    `${another}
     const service = await serve(http.createServer(), { fallback: 0, exitTimeout: Infinity });
     say(await another.serve(http.createServer(), { fallback: 0 }).catch(({ code }) => ({ code })));
     await service.stop();
     const second = await another.serve(http.createServer(), { fallback: 0, exitTimeout: 100 });
     say(await serve(http.createServer(), { fallback: 0 }).catch(({ code }) => ({ code })));
     await second.stop();`,
    { ...nowhere, unset: ['NOTIFY_SOCKET'] },
  );
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  const refused = { code: 'ERR_SYSTEMD_SERVING' };
  expect(service.lines).toEqual([refused, refused, { exit: 0 }]);
});

test('serve() of another copy cancels the exit deadline of the first service', async () => {
  await using service = await startService(
    `${another}
     await (await serve(http.createServer(), { fallback: 0, exitTimeout: 200 })).stop();
     const second = await another.serve(http.createServer(), { fallback: 0 });
     await sleep(500);
     say({ signals: ['SIGTERM', 'SIGINT', 'SIGHUP'].map((name) => process.listenerCount(name)) });
     await second.stop();`,
    { ...nowhere, unset: ['NOTIFY_SOCKET'] },
  );
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines).toEqual([{ signals: [1, 1, 1] }, { exit: 0 }]);
});

test('two copies of the package share their pings, which end when the check of one copy fails', async () => {
  await using service = await startService(
    `${another}
     const { watchdog } = await import('libsystemd');
     let well = true;
     const interval = 40;
     watchdog.start({ interval, check: () => well, onError() {} });
     another.watchdog.start({ interval });
     // Ten times, because a busy machine delays the pings as much as these.
     for (let i = 0; i < 10; i++) await sleep(interval);
     well = false;
     say({ well });
     await sleep(400);
     say({ end: true });`,
    { ...nowhere, env: { WATCHDOG_USEC: '60000000' } },
  );
  const pings = () =>
    service.manager.messages.filter(({ message }) => message === 'WATCHDOG=1').length;
  await service.readUntil((line) => line['well'] === false);
  await service.readUntil((line) => line['end'] === true);
  await service.ended();
  await service.manager.until('WATCHDOG=1');
  expect(pings()).toBeGreaterThan(5);
  expect(pings()).toBeLessThan(18); // one copy alone sends 11, two that share nothing send 22
});

test('a check that was given to watchdog.start() before serve() still counts', async () => {
  await using service = await startService(
    `const { watchdog } = await import('libsystemd');
     let well = true;
     watchdog.start({ check: () => { say({ asked: 'own' }); return well; }, onError() {} });
     await run(http.createServer(answer), {
       watchdog: { interval: 50, check: () => say({ asked: 'service' }), onError() {} },
       reload() { well = false; say({ ill: true }); },
     });`,
    { env: { WATCHDOG_USEC: '60000000' } },
  );
  await service.serving();
  for (let i = 0; i < 3; i++) await service.manager.until('WATCHDOG=1');
  service.signal('SIGHUP');
  await service.readUntil((line) => line['ill'] === true);
  await service.manager.until('READY=1');
  const before = service.manager.messages.length;
  const asked = (name: string) => (line: Line) => line['asked'] === name;
  for (let i = 0; i < 5; i++) await service.readUntil(asked('service'));
  expect(service.manager.messages.length).toBeLessThanOrEqual(before + 1);
});

test('no check is called once the stop has begun, and pings go on', async () => {
  await using service = await startService(
    `const { watchdog } = await import('libsystemd');
     let closed = false;
     const check = () => { if (closed) say({ asked: 'late' }); return !closed; };
     watchdog.start({ check });
     await run(http.createServer(answer), {
       watchdog: { interval: 20, check },
       drain() { closed = true; },
       stop: () => sleep(300),
     });`,
    { env: { WATCHDOG_USEC: '60000000' } },
  );
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line.warning || line['asked'])).toEqual([]);
  const messages = service.manager.messages.map(({ message }) => message);
  const stopping = messages.findIndex((message) => message.startsWith('STOPPING=1'));
  expect(messages.slice(stopping + 1).length).toBeGreaterThan(5);
});

test('serve() is refused in a worker thread, and the main thread can serve', async () => {
  await using service = await startService(`
    const { Worker } = await import('node:worker_threads');
    const { listenFds } = await import('libsystemd');
    listenFds();
    new Worker(\`
      import('libsystemd').then(async ({ serve }) => {
        const server = process.getBuiltinModule('node:http').createServer();
        const { code, message } = await serve(server, { fallback: 0 }).catch((error) => error);
        const { parentPort } = process.getBuiltinModule('node:worker_threads');
        parentPort.postMessage({ code, message, listening: server.listening });
      });
    \`, { eval: true }).on('message', say);
    await new Promise((done) => process.once('beforeExit', done));
    await run(http.createServer(answer));
  `);
  const refused = await service.readUntil((line) => line['code'] !== undefined);
  const message = expect.stringMatching(/in a worker thread.*call serve\(\) in the main thread/);
  expect(refused).toEqual({ code: 'ERR_SYSTEMD_THREAD', message, listening: false });
  await service.serving();
  await service.manager.until('READY=1');
  expect(service.notifications).toHaveLength(1);
});

test('idleTimeout: 0 means no idle timeout', async () => {
  await using service = await startService(
    'await run(http.createServer(answer), { idleTimeout: 0 });',
  );
  const at = await service.serving();
  for (let i = 0; i < 3; i++) {
    using client = await Client.connect(at);
    client.get('/50');
    await client.until('done');
  }
  service.signal('SIGTERM');
  await service.ended();
  expect(service.lines).toContainEqual({ stopped: 'SIGTERM' });
});
