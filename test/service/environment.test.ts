// Child processes of a service do not inherit the variables that are meant for the service alone.
import { expect, test } from 'vitest';
import { startProgram, startService } from './support.ts';

const SOURCE = `
  import { execFileSync } from 'node:child_process';
  const own = () => Object.keys(process.env).filter((name) => /^(LISTEN|NOTIFY|WATCHDOG)_/.test(name));
  const script = "process.stdout.write(Object.keys(process.env).filter((name) => /^(LISTEN|NOTIFY|WATCHDOG)_/.test(name)).sort().join())";
  const child = () => execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  const begin = async (options) => {
    const service = await serve(http.createServer(answer), options);
    say({ own: own(), child: child() });
    return service;
  };
`;

const env = { WATCHDOG_USEC: '200000' };

test('child processes inherit none of the variables, and the service still notifies, pings, reloads and stops', async () => {
  await using service = await startService(
    `${SOURCE}
    let n = 0;
    await begin({ status: () => 'serving ' + n, reload: () => { n = child() === '' ? 1 : 2; } });`,
    { env },
  );
  expect(await service.readUntil((line) => 'child' in line)).toMatchObject({ own: [], child: '' });
  for (let i = 0; i < 3; i++) await service.manager.until('WATCHDOG=1');
  service.signal('SIGHUP');
  await service.manager.until('READY=1\nSTATUS=serving 1');
  await service.stop();
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.notifications).toStrictEqual([
    'READY=1\nSTATUS=serving 0',
    'RELOADING=1\nMONOTONIC_USEC=…\nSTATUS=Reloading',
    'READY=1\nSTATUS=serving 1',
    'STOPPING=1\nSTATUS=serving 1',
  ]);
});

test('workers and their child processes inherit none of the variables, and the workers still send heartbeats', async () => {
  // A worker must not be killed while it waits for the start of its child process.
  await using service = await startProgram(['test/service/programs/environment.mjs'], {
    env: { WATCHDOG_USEC: '2000000' },
  });
  const lines = [];
  while (lines.length < 3) lines.push(await service.readUntil((line) => 'child' in line));
  for (const line of lines) expect(line).toMatchObject({ own: [], child: '' });
  for (let i = 0; i < 3; i++) await service.manager.until('WATCHDOG=1');
  await service.stop();
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => 'warning' in line)).toStrictEqual([]);
});

test('keepEnvironment: true keeps NOTIFY_SOCKET and WATCHDOG_USEC', async () => {
  await using service = await startService(`${SOURCE} await begin({ keepEnvironment: true });`, {
    env,
  });
  expect(await service.readUntil((line) => 'child' in line)).toMatchObject({
    own: expect.arrayContaining(['NOTIFY_SOCKET', 'WATCHDOG_USEC']),
    child: 'NOTIFY_SOCKET,WATCHDOG_USEC',
  });
  await service.stop();
  expect(await service.ended()).toEqual({ code: 0, signal: null });
});

test.each([[1], ['yes'], [null]])(
  'serve() refuses keepEnvironment: %j',
  async (keepEnvironment) => {
    await using service = await startService(`${SOURCE}
    begin({ keepEnvironment: ${JSON.stringify(keepEnvironment)} }).catch(({ code }) => say({ code }));`);
    expect(await service.readUntil((line) => 'code' in line)).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  },
);

test('notify works after serve() has failed, and a second serve() starts', async () => {
  await using service = await startService(
    `${SOURCE}
    import { notify } from 'libsystemd';
    const taken = net.createServer().listen(0, async () => {
      await serve(http.createServer(answer), { fallback: taken.address().port }).catch(({ code }) => say({ code }));
      taken.close();
      say({ told: notify.status('another try'), own: own() });
      await begin({ fallback: 0 });
    });`,
    { specs: [], fds: 'none', pid: 'none', env },
  );
  expect(await service.readUntil((line) => 'told' in line)).toMatchObject({ told: true });
  expect(await service.readUntil((line) => 'child' in line)).toMatchObject({ child: '' });
  await service.stop();
  expect(service.notifications.map((message) => message.split('\n')[0])).toStrictEqual([
    expect.stringMatching(/^STATUS=Start failed: listen EADDRINUSE/),
    'STATUS=another try',
    'READY=1',
    'STOPPING=1',
  ]);
});
