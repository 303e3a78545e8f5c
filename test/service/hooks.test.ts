// The hooks of serve(): they may fail with any value, wait for the stop, set the exit code, and change the options.
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { startService } from './support.ts';

const HOOKS = ['reload', 'drain', 'stop'] as const;

/** The signal that makes the service call the hook. */
const signalFor = (hook: string) => (hook === 'reload' ? 'SIGHUP' : 'SIGTERM');

describe.concurrent('a failed hook', () => {
  test.each(HOOKS)('%s is named in a warning with its stack', async (hook) => {
    await using service = await startService(`
      function openFile() { throw new TypeError('no such file'); }
      await run(http.createServer(answer), { async ${hook}() { openFile(); } });
    `);
    await service.serving();
    service.signal(signalFor(hook));
    const warned = await service.readUntil((line) => line.warning !== undefined);
    const message = `The ${hook} hook failed: no such file`;
    expect(warned).toEqual({ warning: 'ERR_SYSTEMD_HOOK', message });
    if (hook === 'reload') service.signal('SIGTERM');
    expect((await service.ended()).code).toBe(hook === 'stop' ? 1 : 0);
    expect(service.stderr).toContain(
      `Warning: ${message}\nTypeError: no such file\n    at openFile `,
    );
  });

  test('status is named in a warning, and so is watchdog.check', async () => {
    await using service = await startService(
      `await run(http.createServer(answer), {
         status() { throw new Error('no text'); },
         watchdog: { check() { throw new Error('no database'); } },
       });`,
      { env: { WATCHDOG_USEC: '60000000' } },
    );
    await service.readUntil((line) => line.message === 'The status hook failed: no text');
    await service.readUntil((line) => line.message === 'watchdog.check failed: no database');
  });

  const values: readonly (readonly [what: string, value: string])[] = [
    ['an object without a prototype', 'Object.create(null)'],
    ['an object whose toString throws', `{ toString() { throw new Error('no text'); } }`],
    [
      'an error with a symbol for a message',
      `Object.assign(new Error(), { message: Symbol('x') })`,
    ],
    [
      'an error whose stack throws',
      `Object.defineProperty(new Error('x'), 'stack', { get() { throw 1; } })`,
    ],
    ['an error whose code is a symbol', `Object.assign(new Error('x'), { code: Symbol('x') })`],
    [
      'a revoked proxy',
      `(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })()`,
    ],
    [
      'a revoked proxy of a function',
      `(() => { const { proxy, revoke } = Proxy.revocable(() => {}, {}); revoke(); return proxy; })()`,
    ],
    ['undefined', 'undefined'],
    ['a symbol', `Symbol('x')`],
  ];

  test.each(values)('that throws %s is warned of, and the service goes on', async (_, value) => {
    await using service = await startService(
      `const value = ${value};
       let failing = 0;
       await run(http.createServer(answer), {
         reload() { throw value; },
         drain() { throw value; },
         status() { if (failing++ === 0) return 'fine'; throw value; },
         watchdog: { interval: 50, check() { if (failing > 0) throw value; } },
       });`,
      { env: { WATCHDOG_USEC: '60000000' } },
    );
    const at = await service.serving();
    service.signal('SIGHUP');
    for (const name of ['The reload hook', 'The status hook', 'watchdog.check']) {
      await service.readUntil((line) => line.message?.startsWith(`${name} failed: `) === true);
    }
    using client = await Client.connect(at);
    client.get('/0');
    await client.until('done');
    service.signal('SIGTERM');
    await service.readUntil((line) => line.message?.startsWith('The drain hook failed: ') === true);
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });

  test.each(values)('that throws %s in the stop ends the process with 1', async (_, value) => {
    await using service = await startService(
      `await run(http.createServer(answer), { stop() { throw ${value}; } });`,
    );
    await service.serving();
    service.signal('SIGTERM');
    await service.readUntil((line) => line.message?.startsWith('The stop hook failed: ') === true);
    expect(await service.ended()).toEqual({ code: 1, signal: null });
    expect(service.notifications.at(-1)).toMatch(/^STATUS=Stop failed: ./);
  });

  test('stop is warned of when it never settles and the process has nothing left to do', async () => {
    await using service = await startService(
      'await run(http.createServer(answer), { stop: () => new Promise(() => {}) });',
    );
    await service.serving();
    service.signal('SIGTERM');
    const message = 'The stop hook has not ended, and the process has nothing left to do';
    expect(await service.readUntil((line) => line.warning !== undefined)).toMatchObject({
      message,
    });
    expect(await service.ended()).toEqual({ code: 1, signal: null });
    expect(service.notifications.at(-1)).toBe(`STATUS=Stop failed: ${message}`);
  });
});

describe.concurrent('service.stop()', () => {
  test.each(HOOKS)('resolves at once in the %s hook, with a warning', async (hook) => {
    await using service = await startService(`
      const held = setInterval(() => {}, 1000); // keeps the process alive
      const service = await run(http.createServer(answer), {
        ${hook}: async () => say({ answer: await service.stop('not good') }),
        stopTimeout: 60_000,
        exitTimeout: 60_000,
      });
      service.stopped.then(() => clearInterval(held));
    `);
    await service.serving();
    service.signal(signalFor(hook));
    const reason = hook === 'reload' ? 'not good' : 'SIGTERM';
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines).toContainEqual({ answer: reason });
    expect(service.lines).toContainEqual({ stopped: reason });
    const { message } = service.lines.find((line) => line.warning !== undefined) ?? {};
    expect(message).toMatch(`service.stop() was called in the ${hook} hook`);
    expect(service.stderr).toMatch(/ERR_SYSTEMD_HOOK_WAITS.*\n(.*\n)*? +at .*eval1/);
  });

  test('resolves at once too when code that the hook has called disposes of the service', async () => {
    await using service = await startService(`
      const dispose = async () => { await sleep(10); await service[Symbol.asyncDispose](); };
      const service = await run(http.createServer(answer), {
        stop: async () => { await Promise.all([dispose()]); say({ disposed: true }); },
      });
    `);
    await service.serving();
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines).toContainEqual({ disposed: true });
  });

  test('resolves at the end of the stop for all other code, also for timers that a hook has set', async () => {
    await using service = await startService(`
      let ended = false;
      const service = await run(http.createServer(answer), {
        reload() { setTimeout(async () => { await service.stop(); say({ late: ended }); }, 50); },
        async stop() { await sleep(300); ended = true; },
      });
      service.reload();
      service.stopped.then(() => say({ other: ended }));
    `);
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines).toContainEqual({ late: true });
    expect(service.lines).toContainEqual({ other: true });
    expect(service.lines.filter((line) => line.warning)).toEqual([]);
  });
});

describe.concurrent('the exit code that the stop hook sets', () => {
  test.each([
    ['before it waits for a timer', `process.exitCode = 3; await sleep(50);`],
    [
      'before the event loop is empty for a moment',
      `process.exitCode = 3; await new Promise((done) => process.once('beforeExit', () => setTimeout(done, 50)));`,
    ],
    ['before it never settles', `process.exitCode = 3; await new Promise(() => {});`],
    ['before it fails', `process.exitCode = 3; throw new Error('no');`],
    [
      'after the event loop was empty for a moment',
      `await new Promise((done) => process.once('beforeExit', () => setTimeout(done, 50))); process.exitCode = 3;`,
    ],
  ])('%s is the exit code of the process', async (_, body) => {
    await using service = await startService(
      `await run(http.createServer(answer), { async stop() { ${body} } });`,
    );
    await service.serving();
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual({ code: 3, signal: null });
  });
});

test('options are read once, at the start, and hooks are called with their object as `this`', async () => {
  await using service = await startService(
    `class Options {
       name = 'of the start';
       fallback = undefined;
       watchdog = { check: () => say({ checked: 'at the start' }), interval: 50 };
       stopTimeout = 60_000;
       status() { return this.name; }
       stop() { say({ stop: this.name }); }
     }
     const options = new Options();
     delete options.fallback;
     const { name, ...others } = options;
     await run(http.createServer(answer), Object.assign(Object.create({
       status() { return 'status by ' + this.stopTimeout; },
       stop() { say({ stop: this.stopTimeout }); },
     }), others)).then((service) => { globalThis.service = service; });
     options.watchdog.check = () => say({ checked: 'later' });
     options.watchdog = false;`,
    { env: { WATCHDOG_USEC: '60000000' } },
  );
  await service.serving();
  for (let i = 0; i < 3; i++) {
    expect(await service.readUntil((line) => line['checked'] !== undefined)).toEqual({
      checked: 'at the start',
    });
  }
  service.signal('SIGTERM');
  await service.ended();
  expect(service.notifications[0]).toBe('READY=1\nSTATUS=status by 60000');
  expect(service.lines).toContainEqual({ stop: 60000 });
});
