// The reload of a service, by SIGHUP and by service.reload().
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { type Line, type RunningService, startService } from './support.ts';

const isReload = (line: Line) => line['reload'] !== undefined;

/** The name of the first assignment of each notification. */
function states(service: RunningService): string[] {
  return service.notifications.map((message) => message.split('=')[0] as string);
}

type Address = Awaited<ReturnType<RunningService['serving']>>;

async function start(reload: string): Promise<RunningService & { readonly address: Address }> {
  const service = await startService(`
    let count = 0;
    const status = () => 'version ' + count;
    await run(http.createServer(answer), { status, async reload() { ${reload} } });
  `);
  const address = await service.serving();
  await service.manager.until('READY=1');
  return Object.assign(service, { address });
}

test('SIGHUP leads to RELOADING=1 with MONOTONIC_USEC in one message, and to READY=1 after the hook', async () => {
  await using service = await start('say({ reload: ++count }); await sleep(50);');
  const before = process.hrtime.bigint() / 1000n;
  service.signal('SIGHUP');
  const { message } = await service.manager.next();
  const [, usec] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)\nSTATUS=Reloading$/.exec(message) ?? [];
  expect(BigInt(usec ?? 0)).toBeGreaterThanOrEqual(before);
  expect((await service.manager.next()).message).toBe('READY=1\nSTATUS=version 1');
});

test('several SIGHUPs during a reload lead to one more reload after it', async () => {
  // The service acts on a SIGHUP a moment after it has come, so the first reload lasts long enough for all of them, and
  // not so long that the status is sent meanwhile, once a second.
  await using service = await start(
    'say({ reload: ++count }); if (count === 1) await sleep(400); say({ done: count });',
  );
  service.signal('SIGHUP');
  await service.readUntil(isReload);
  for (let i = 0; i < 10; i++) {
    service.signal('SIGHUP');
    await sleep(5);
  }
  await service.readUntil((line) => line['done'] === 2);
  await service.manager.until('STATUS=version 2');
  service.signal('SIGTERM');
  await service.ended();
  expect(service.lines.filter((line) => isReload(line) || line['done'])).toEqual([
    { reload: 1 },
    { done: 1 },
    { reload: 2 },
    { done: 2 },
  ]);
  expect(states(service)).toEqual([
    'READY',
    'RELOADING',
    'READY',
    'RELOADING',
    'READY',
    'STOPPING',
  ]);
});

test('after a failed reload the service serves, and the status says why until a reload succeeds', async () => {
  await using service = await start(
    `if (count++ === 0) throw new Error('line 3: no such option');`,
  );
  service.signal('SIGHUP');
  await service.manager.until('READY=1\nSTATUS=version 1 (reload failed: line 3: no such option)');
  await service.readUntil(
    (line) => line.message === 'The reload hook failed: line 3: no such option',
  );
  using client = await Client.connect(service.address);
  client.get('/0');
  await client.until('done');
  service.signal('SIGHUP');
  await service.manager.until('READY=1\nSTATUS=version 2');
});

test('a stop waits for the running reload, begins no other, and no READY=1 follows STOPPING=1', async () => {
  await using service = await start(
    'say({ reload: ++count }); await sleep(300); say({ done: count });',
  );
  service.signal('SIGHUP');
  await service.readUntil(isReload);
  service.signal('SIGHUP');
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.slice(1)).toEqual([
    { reload: 1 },
    { done: 1 },
    { stopped: 'SIGTERM' },
    { exit: 0 },
  ]);
  expect(states(service)).toEqual(['READY', 'RELOADING', 'STOPPING']);
});

test('a reload that never ends does not keep the service from stopping after stopTimeout', async () => {
  await using service = await startService(`
    const reload = () => new Promise(() => say({ reload: 1 }));
    await run(http.createServer(answer), { reload, stopTimeout: 200 });
  `);
  await service.serving();
  service.signal('SIGHUP');
  await service.readUntil(isReload);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
});

test('service.reload() notifies the manager, and resolves after a reload that began after the call', async () => {
  await using service = await startService(`
    let count = 0;
    const reload = async () => { await sleep(100); say({ reload: ++count }); };
    const service = await run(http.createServer(answer), { reload });
    await service.reload();
    say({ after: count });
    await Promise.all([service.reload(), sleep(20).then(() => service.reload()), service.reload()]);
    say({ after: count });
    service.stop();
  `);
  await service.ended();
  expect(service.lines.filter((line) => line['after'] !== undefined)).toEqual([
    { after: 1 },
    { after: 3 },
  ]);
  expect(states(service)).toEqual([
    ...['READY', 'RELOADING', 'READY', 'RELOADING', 'READY', 'RELOADING', 'READY', 'STOPPING'],
  ]);
});

test.each([
  [
    'without a reload hook',
    'await run(http.createServer(answer), {})',
    'ERR_INVALID_ARG_VALUE',
    /options\.reload/,
  ],
  [
    'whose hook fails',
    `await run(http.createServer(answer), { reload() { throw Object.assign(new Error('no'), { code: 'MINE' }); } })`,
    'MINE',
    /^no$/,
  ],
])(
  'service.reload() %s rejects, and an ignored rejection does not end the process',
  async (_, start, code, message) => {
    await using service = await startService(`
    const service = ${start};
    const { code, message } = await service.reload().catch((error) => error);
    say({ code, message });
    service.reload();
    await sleep(50);
    service.stop();
  `);
    expect((await service.ended()).code).toBe(0);
    const refused = service.lines.find((line) => line['code'] !== undefined);
    expect(refused).toEqual({ code, message: expect.stringMatching(message) });
  },
);

test('service.reload() rejects during a stop, also when it waited for its turn', async () => {
  await using service = await startService(`
    const reload = () => sleep(300);
    const service = await run(http.createServer(answer), { reload });
    const outcome = (name, promise) => promise.then(() => say({ [name]: true }), ({ code }) => say({ [name]: code }));
    outcome('running', service.reload());
    outcome('waiting', service.reload());
    await sleep(50);
    service.stop();
    outcome('late', service.reload());
    await service.stopped;
    outcome('stopped', service.reload());
  `);
  expect((await service.ended()).code).toBe(0);
  expect(Object.assign({}, ...service.lines)).toMatchObject({
    running: true,
    waiting: 'ERR_SYSTEMD_STOPPED',
    late: 'ERR_SYSTEMD_STOPPED',
  });
  expect(states(service)).toEqual(['READY', 'RELOADING', 'STOPPING']);
});

test('service.reload() in a hook resolves at once, with a warning', async () => {
  await using service = await startService(`
    let count = 0;
    const reload = async () => {
      say({ reload: ++count });
      if (count === 1) { await service.reload(); say({ within: count }); }
    };
    const service = await run(http.createServer(answer), { reload });
    await service.reload();
    await service.reload();
    service.stop();
  `);
  expect((await service.ended()).code).toBe(0);
  expect(service.lines).toContainEqual({ within: 1 });
  const { message } = service.lines.find((line) => line.warning) ?? {};
  expect(message).toMatch(/^service\.reload\(\) was called in the reload hook/);
});

test('reload hooks that request the next reload do not keep a signal from the service', async () => {
  await using service = await startService(`
    let count = 0;
    const service = await run(http.createServer(answer), {
      reload() { service.reload(); if (++count === 3) say({ reload: count }); },
    });
  `);
  await service.serving();
  service.signal('SIGHUP');
  await service.readUntil(isReload);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
});

test('service.reload() in the drain hook resolves at once, and the warning says that the service stops', async () => {
  await using service = await startService(`
    const service = await run(http.createServer(answer), {
      reload: hook('reload'),
      drain: async () => { await service.reload(); say({ drained: true }); },
    });
  `);
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines).toContainEqual({ drained: true });
  expect(service.lines.filter(({ hook }) => hook === 'reload')).toEqual([]);
  const { message } = service.lines.find((line) => line.warning !== undefined) ?? {};
  expect(message).toMatch('the service is stopping, so it does not reload');
});
