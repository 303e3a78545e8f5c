// Signals of a service: repeated ones, Ctrl-C, listeners of other code, and process.exit() by other code.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { type Line, type RunningService, startProgram, startService } from './support.ts';

/** Milliseconds after which another SIGINT counts as another press of Ctrl-C. */
const ANOTHER_PRESS = 1_100;

const stops = (service: RunningService) =>
  service.manager.until(({ message }) => message.startsWith('STOPPING=1'));

/** Starts a service and sends a request, which is answered after this many milliseconds. */
async function answering(milliseconds: number, options = '', before = '') {
  const service = await startService(`
    ${before}
    await run(http.createServer(answer), { stop: hook('stop'), ${options} });
  `);
  const client = await Client.connect(await service.serving());
  client.get(`/${milliseconds}`);
  await service.readUntil((line) => line.request !== undefined);
  return { service, client };
}

describe.concurrent('a further signal changes nothing', () => {
  test.each([0, 2, 20, 200, 1_500])('when SIGTERM comes %d ms after SIGTERM', async (gap) => {
    const { service, client } = await answering(2_000);
    await using _ = service;
    using __ = client;
    service.signal('SIGTERM');
    await sleep(gap);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines.filter((line) => line.hook)).toHaveLength(1);
  });

  test('when the program sends itself SIGTERM in the drain and in the stop hook', async () => {
    await using service = await startService(`
      const again = () => process.kill(process.pid, 'SIGTERM');
      await run(http.createServer(answer), {
        drain: again,
        stop: async () => { for (let i = 0; i < 5; i++) { again(); await sleep(20); } },
      });
    `);
    using client = await Client.connect(await service.serving());
    client.get('/800');
    await service.readUntil((line) => line.request !== undefined);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test('when SIGTERM reaches a process that has stopped, and that a timer keeps alive', async () => {
    await using service = await startService(`
      await run(http.createServer(answer), { exitTimeout: 600 });
      setInterval(() => {}, 1000);
    `);
    await service.serving();
    service.signal('SIGTERM');
    await service.readUntil((line) => line.stopped !== undefined);
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('when SIGHUP comes after %s', async (signal) => {
    const stop = `stop: async () => { say({ hook: 'stop' }); await sleep(300); }`;
    const { service, client } = await answering(800, stop);
    await using _ = service;
    using __ = client;
    service.signal(signal);
    await stops(service);
    service.signal('SIGHUP');
    await client.until('done');
    await service.readUntil((line) => line.hook === 'stop');
    service.signal('SIGHUP');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  // The kernel delivers SIGHUP first when both signals wait.
  test.each([
    ['without reload', ''],
    ['with reload', 'reload: hook("reload")'],
  ])('when SIGHUP comes together with SIGTERM, %s', async (_, options) => {
    const { service, client } = await answering(500, options);
    await using __ = service;
    using ___ = client;
    service.signal('SIGSTOP');
    service.signal('SIGTERM');
    service.signal('SIGHUP');
    service.signal('SIGCONT');
    await client.until('done');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines.filter((line) => line.hook === 'reload')).toEqual([]);
  });

  test('when SIGTERM reaches workers from the manager, and the primary orders the stop too', async () => {
    const settings = JSON.stringify({ options: { workers: 2 } });
    await using service = await startProgram(['test/service/programs/workers.mjs', settings]);
    const at = await service.serving();
    using client = await Client.connect(at);
    client.get('/2200');
    const { pid } = await service.readUntil((line) => line.request !== undefined);
    const pids = [service.pid, pid as number];
    for (const gap of [0, 20, 200, 1_500]) {
      await sleep(gap);
      for (const one of pids) process.kill(one, 'SIGTERM');
    }
    await client.until(';');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines.filter((line) => line.warning)).toEqual([]);
  });
});

describe.concurrent('Ctrl-C', () => {
  test('stops the service, and a second press cuts; SIGINT within a second counts as the same press', async () => {
    const { service, client } = await answering(60_000);
    await using _ = service;
    using __ = client;
    service.signal('SIGINT');
    await stops(service);
    service.signal('SIGINT'); // npm forwards it
    await sleep(500);
    expect(client.socket.closed).toBe(false);
    await sleep(ANOTHER_PRESS - 500);
    service.signal('SIGINT');
    await client.closed;
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGINT' });
  });

  test('changes nothing after SIGTERM, and the next press cuts', async () => {
    const { service, client } = await answering(60_000);
    await using _ = service;
    using __ = client;
    service.signal('SIGTERM');
    await stops(service);
    await sleep(ANOTHER_PRESS);
    service.signal('SIGINT');
    await sleep(ANOTHER_PRESS);
    expect(client.socket.closed).toBe(false);
    service.signal('SIGINT');
    await client.closed;
    await service.ended();
    expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGTERM' });
  });

  test('ends the process by SIGINT at the third press, although other code listens', async () => {
    const { service, client } = await answering(
      ...[60_000, 'stop: () => sleep(60_000)', `process.on('SIGINT', function other() {});`],
    );
    await using _ = service;
    using __ = client;
    for (let i = 0; i < 3; i++) {
      service.signal('SIGINT');
      await sleep(ANOTHER_PRESS);
    }
    expect(await service.ended()).toEqual({ code: null, signal: 'SIGINT' });
  });
});

/** The warnings of other listeners. Their details are on standard error. */
const warnings = (service: RunningService) =>
  service.lines.filter((line) => line.warning === 'ERR_SYSTEMD_SIGNALS');

describe.concurrent('other listeners of the signals', () => {
  test('are named in one warning when the service begins to serve, with their name or source', async () => {
    await using service = await startService(`
      process.on('SIGTERM', function closeDatabase() {});
      process.once('SIGINT', async () => { await 'a farewell'; });
      process.on('SIGUSR2', () => 'not this one');
      process.on('SIGINT', Object.defineProperty(() => 7, 'name', { value: '\\u001b[2J' }));
      const shared = () => 'shared by both';
      for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, shared);
      await run(http.createServer(answer));
    `);
    await service.serving();
    service.signal('SIGTERM');
    expect((await service.ended()).code).toBe(0);
    expect(warnings(service)).toHaveLength(1);
    expect(service.stderr).toContain('  SIGTERM: function closeDatabase() {}\n');
    expect(service.stderr).toContain("  SIGINT: async () => { await 'a farewell'; }\n");
    expect(service.stderr).toContain("  SIGTERM, SIGINT: () => 'shared by both'\n");
    expect(service.stderr).toContain('  SIGINT: \\x1b[2J: () => 7\n');
    expect(service.stderr).not.toContain('not this one');
  });

  test('are not warned of when the only one is that of signal-exit', async () => {
    await using service = await startService(`
      // The same condition as in the source of signal-exit.
      const emitter = { count: 1 };
      process.on('SIGTERM', function listener() {
        const listeners = process.listeners('SIGTERM');
        if (listeners.length === emitter.count) process.kill(process.pid, 'SIGTERM');
      });
      await run(http.createServer(answer));
    `);
    await service.serving();
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines.filter((line) => line.warning)).toEqual([]);
  });

  test('let SIGHUP end the process without reload, when the only one is that of signal-exit', async () => {
    await using service = await startService(`
      // The same condition as in the source of signal-exit.
      const emitter = { count: 1 };
      process.on('SIGHUP', function listener() {
        const listeners = process.listeners('SIGHUP');
        if (listeners.length === emitter.count) {
          process.off('SIGHUP', listener);
          say({ cleaned: true });
          process.kill(process.pid, 'SIGHUP');
        }
      });
      await run(http.createServer(answer));
    `);
    await service.serving();
    service.signal('SIGHUP');
    await service.readUntil((line) => 'cleaned' in line);
    expect(await service.ended()).toEqual({ code: null, signal: 'SIGHUP' });
  });

  test('lose no request when one signals its own process, as NestJS does', async () => {
    const { service, client } = await answering(
      ...[
        800,
        '',
        `process.once('SIGTERM', async () => { await 0; process.kill(process.pid, 'SIGTERM'); });`,
      ],
    );
    await using _ = service;
    using __ = client;
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test('are warned of once, by the primary, when the service has workers', async () => {
    const settings = JSON.stringify({ options: { workers: 2 }, otherListener: true });
    await using service = await startProgram(['test/service/programs/workers.mjs', settings]);
    await service.serving();
    service.signal('SIGTERM');
    expect((await service.ended()).code).toBe(0);
    expect(warnings(service)).toHaveLength(1);
  });
});

/** Stops the service during a request, and expects that it exits with 143, and warns of that. */
async function expectExitDuringDrain(service: RunningService): Promise<void> {
  using client = await Client.connect(await service.serving());
  client.get('/60000');
  await service.readUntil((line) => line.request !== undefined);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 143, signal: null });
  const { message } = service.lines.find((line) => line.warning === 'ERR_SYSTEMD_EXIT') ?? {};
  expect(message).toMatch(
    /^process\.exit\(143\) was called before the service had stopped: 1 conn/,
  );
}

describe.concurrent('process.exit() in other code', () => {
  test.each<[how: string, end: string, when: string, env?: Record<string, string>]>([
    ['in a listener that was added before serve()', 'process.exit(143)', 'before'],
    ['in a listener that was added after serve()', 'process.exit(143)', 'after'],
    ['during the drain', 'setTimeout(() => process.exit(143), 20)', 'before'],
    ['by a reference to the function', 'setTimeout(() => exit(143), 20)', 'before'],
    [
      'under --frozen-intrinsics',
      'process.exit(143)',
      'after',
      { NODE_OPTIONS: '--frozen-intrinsics' },
    ],
  ])(
    '%s is warned of with the stack of its caller, and the stop hook is called',
    async (...row) => {
      const [, end, when, env = {}] = row;
      const listener = `process.on('SIGTERM', function impatient() { ${end}; });`;
      await using service = await startService(
        `
      const { exit } = process;
      ${when === 'before' ? listener : ''}
      await run(http.createServer(answer), { drain: hook('drain'), stop: hook('stop') });
      ${when === 'after' ? listener : ''}
    `,
        { env },
      );
      await expectExitDuringDrain(service);
      expect(service.stderr).toMatch(
        /ERR_SYSTEMD_EXIT.*\n(.*\n)* +at .*(impatient|_onTimeout|eval1)/,
      );
      expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGTERM' });
    },
  );

  test('during a start that was told to stop is warned of, when a server already serves', async () => {
    await using service = await startService(
      `const { default: dns } = await import('node:dns');
       dns.lookup = () => {}; // never calls back
       process.on('SIGTERM', function impatient() { process.exit(143); });
       const web = http.createServer(answer);
       web.on('listening', () => say({ activated: true, addresses: [web.address()] }));
       const other = { name: 'other', server: net.createServer(), fallback: { host: 'never', port: 0 } };
       await serve([{ name: 'web', server: web }, other], { stop: hook('stop') });`,
      { names: 'web' },
    );
    await expectExitDuringDrain(service);
    expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGTERM' });
  });

  test('during the stop hook is warned of, unless the hook itself has called it', async () => {
    const source = (own: boolean) => `
      await run(http.createServer(answer), {
        async stop() {
          await sleep(20);
          ${own ? 'process.exit(4);' : ''}
          await sleep(60_000);
        },
      });
      process.on('SIGTERM', () => setTimeout(() => process.exit(5), 300));
    `;
    for (const own of [true, false]) {
      await using service = await startService(source(own));
      await service.serving();
      service.signal('SIGTERM');
      expect((await service.ended()).code).toBe(own ? 4 : 5);
      const warnings = service.lines.filter((line) => line.warning === 'ERR_SYSTEMD_EXIT');
      expect(warnings).toHaveLength(own ? 0 : 1);
    }
  });

  test('is not warned of when an uncaught error ends the process, which Node reports', async () => {
    const { service, client } = await answering(
      60_000,
      'drain() { setTimeout(() => missing(), 20); }',
    );
    await using _ = service;
    using __ = client;
    service.signal('SIGTERM');
    expect((await service.ended()).code).toBe(1);
    expect(service.stderr).toContain('ReferenceError: missing is not defined');
    expect(service.lines.filter((line) => line.warning || line.hook)).toEqual([]);
  });

  test('in a worker is warned of by the worker', async () => {
    const settings = JSON.stringify({ options: { workers: 1 }, otherListener: 'exit' });
    await using service = await startProgram(['test/service/programs/workers.mjs', settings]);
    using client = await Client.connect(await service.serving());
    client.get('/60000');
    const { pid } = await service.readUntil((line) => line.request !== undefined);
    for (const one of [service.pid, pid as number]) process.kill(one, 'SIGTERM');
    const warning = await service.readUntil((line) => line.warning === 'ERR_SYSTEMD_EXIT');
    expect(warning).toMatchObject({ who: 'worker', message: expect.stringContaining('exit(9)') });
    expect((await service.ended()).code).toBe(1);
  });

  test('after the service has stopped is not warned of', async () => {
    await using service = await startService(`
      const service = await run(http.createServer(answer));
      service.stopped.then(() => process.exit(3));
    `);
    await service.serving();
    service.signal('SIGTERM');
    expect((await service.ended()).code).toBe(3);
    expect(service.lines.filter((line) => line.warning)).toEqual([]);
  });
});

const called = (service: RunningService) =>
  service.lines.filter((line: Line) => line['called'] !== undefined || line.hook || line.stopped);

describe.concurrent("signals: 'take'", () => {
  test('calls other listeners when the service has stopped, in their order, with the arguments of the signal', async () => {
    const { service, client } = await answering(
      600,
      `signals: 'take'`,
      `process.on('SIGTERM', (...args) => { say({ called: 'first', args }); server.close(); });
       process.once('SIGTERM', function once() { say({ called: 'once', on: this === process }); });
       const server = net.createServer();`,
    );
    await using _ = service;
    using __ = client;
    service.signal('SIGTERM');
    await stops(service);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(called(service)).toEqual([
      { hook: 'stop', reason: 'SIGTERM' },
      { stopped: 'SIGTERM' },
      { called: 'first', args: ['SIGTERM', 15] },
      { called: 'once', on: true },
    ]);
    expect(warnings(service)).toEqual([]);
  });

  test('applies in workers and in their primary', async () => {
    const options = { workers: 2, signals: 'take' };
    const settings = JSON.stringify({ options, otherListener: 'exit' });
    await using service = await startProgram(['test/service/programs/workers.mjs', settings]);
    using client = await Client.connect(await service.serving());
    client.get('/600');
    const { pid } = await service.readUntil((line) => line.request !== undefined);
    for (const one of [pid as number, service.pid]) process.kill(one, 'SIGTERM');
    await client.until(';');
    await service.ended();
    expect(service.lines.filter((line) => line['stop'] !== undefined)).toHaveLength(3);
    expect(service.lines.filter((line) => line.warning === 'ERR_SYSTEMD_EXIT')).toEqual([]);
  });

  test('takes listeners that are added while the service runs', async () => {
    await using service = await startService(`
      await run(http.createServer(answer), { signals: 'take', stop: hook('stop') });
      process.on('SIGTERM', () => process.exit(9));
      process.prependListener('SIGINT', () => say({ called: 'not by SIGTERM' }));
      setImmediate(() => say({ ready: process.listenerCount('SIGTERM') }));
    `);
    using client = await Client.connect(await service.serving());
    client.get('/600');
    expect(await service.readUntil((line) => line['ready'] !== undefined)).toEqual({ ready: 1 });
    service.signal('SIGTERM');
    await client.until('done');
    expect((await service.ended()).code).toBe(9);
    expect(called(service)).toEqual([{ hook: 'stop', reason: 'SIGTERM' }, { stopped: 'SIGTERM' }]);
  });

  test.each([
    [143, '', 0],
    [1, '', 1],
    [0, '', 0],
    [0, `throw new Error('no')`, 1],
    [143, `process.exitCode = 3`, 3],
  ])(
    'lets exit(%d) of a listener, after a stop hook of "%s", end the process with %d',
    async (theirs, stop, code) => {
      await using service = await startService(`
      process.on('SIGTERM', () => process.exit(${theirs}));
      await run(http.createServer(answer), { signals: 'take', stop() { ${stop} } });
    `);
      await service.serving();
      service.signal('SIGTERM');
      expect(await service.ended()).toEqual({ code, signal: null });
    },
  );

  test('calls the listeners and puts them back when the process lives on after a signal', async () => {
    await using service = await startService(`
      const held = setInterval(() => {}, 1000);
      process.on('SIGTERM', () => say({ called: process.listenerCount('SIGTERM') }));
      const service = await run(http.createServer(answer), { signals: 'take', exitTimeout: Infinity });
      await service.stopped;
      await sleep(50);
      clearInterval(held);
    `);
    await service.serving();
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(called(service)).toEqual([{ stopped: 'SIGTERM' }, { called: 1 }]);
  });

  test('puts the listeners back when the process lives on, and when the service cannot start', async () => {
    await using service = await startService(
      `
      const other = () => say({ called: 'other' });
      process.on('SIGINT', other);
      process.once('SIGTERM', other);
      const counts = () => ['SIGTERM', 'SIGINT'].map((signal) => process.listenerCount(signal));
      const options = { signals: 'take', fallback: 0, exitTimeout: Infinity };
      const service = await serve(http.createServer(answer), options);
      await service.stop();
      say({ counts: counts(), same: process.listeners('SIGINT')[0] === other });
      const held = net.createServer().listen(0);
      await new Promise((done) => held.once('listening', done));
      const fallback = held.address().port;
      await serve(http.createServer(), { ...options, fallback }).catch(({ code }) => say({ code }));
      say({ counts: counts() });
      process.kill(process.pid, 'SIGTERM');
      await sleep(100);
      say({ counts: counts() });
      process.kill(process.pid, 'SIGTERM'); // nothing handles it any more
    `,
      { specs: [], pid: 'none', fds: 'none', unset: ['NOTIFY_SOCKET'] },
    );
    expect(await service.ended()).toEqual({ code: null, signal: 'SIGTERM' });
    expect(service.lines).toEqual([
      { counts: [1, 1], same: true },
      { code: 'EADDRINUSE' },
      { counts: [1, 1] },
      { called: 'other' },
      { counts: [0, 1] },
    ]);
  });
});
