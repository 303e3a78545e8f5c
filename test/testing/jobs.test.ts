// What a test asks of a unit that runs, and what it sees of it.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Message, UnitOptions } from 'libsystemd/testing';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { does, failure, startUnit } from './support.ts';

const folder = temporaryFolder();

const PATIENTLY = { timeout: 20_000 };

describe('a unit', () => {
  test('reloads by the protocol of Type=notify-reload', async () => {
    const unit = await startUnit(does('on:SIGHUP=reload', 'READY=1'), { type: 'notify-reload' });
    await unit.reload();
    expect(unit.state).toBe('active');
    expect(unit.messages.some(({ text }) => text.includes('MONOTONIC_USEC='))).toBe(true);
    await unit.stop();
  });

  test('tells that it has no way to reload', async () => {
    const unit = await startUnit(does('READY=1'));
    const { message } = await failure(unit.reload());
    expect(message).toMatch(
      /Type=notify has no way to reload.*\{ type: 'notify-reload' \}.*ExecReload=/,
    );
    await unit.stop();
  });

  test('keeps its sockets and its fd store over a restart', async () => {
    const unit = await startUnit(does('store:state', 'listen:65535', 'READY=1'), {
      sockets: { web: 'tcp' },
      fdStore: 2,
    });
    const { mainPid, addresses } = unit;
    expect(unit.stored).toMatchObject([{ name: 'state', kind: 'file' }]);
    await unit.restart();
    expect(unit.mainPid).not.toBe(mainPid);
    expect(unit.addresses).toEqual(addresses);
    expect(await text(await unit.connect('web'))).toBe('hello');
    await unit.stop();
    expect(unit.stored).toEqual([]);
  });

  test('keeps its store over a stop with fdStorePreserve, and starts again at its addresses', async () => {
    const unit = await startUnit(does('store:state', 'READY=1'), {
      sockets: { web: 'tcp', admin: 'unix' },
      fdStore: 2,
      fdStorePreserve: true,
    });
    const { addresses } = unit;
    await unit.stop();
    expect(unit.stored).toHaveLength(1);
    await unit.start();
    expect(unit).toMatchObject({ state: 'active', addresses });
    await unit.stop();
  });

  test('loses a store that outlasts its stop when the signal aborts', async () => {
    const controller = new AbortController();
    const unit = await startUnit(does('store:state', 'READY=1'), {
      fdStore: 2,
      fdStorePreserve: true,
      signal: controller.signal,
    });
    await unit.stop();
    expect(unit.stored).toHaveLength(1);
    controller.abort();
    expect(unit.stored).toEqual([]);
  });

  test('is restarted by Restart=', async () => {
    const unit = await startUnit(does('READY=1'), { restart: 'on-failure', restartDelay: 10 });
    unit.kill('SIGKILL');
    await unit.until((one) => one.restarts === 1 && one.state === 'active', PATIENTLY);
    await unit.stop();
  });

  test('is started five times in ten seconds at most, and the failure says so', async () => {
    const restarts = async (options: UnitOptions) => {
      const unit = await startUnit(does('READY=1'), options);
      for (let i = 0; i < 5; i++) await unit.restart();
      await unit.stop();
    };
    const { message } = await failure(restarts({}));
    expect(message).toMatch(
      /^does\.mjs was started too often: 5 starts in 10 s are the most \(StartLimitBurst=\)\n/,
    );
    expect(message).toMatch(
      /^ {2}try {7}\{ startLimitBurst: 0 \} for a test that starts it more often/m,
    );
    await restarts({ startLimitBurst: 0 });
    await restarts({ startLimitBurst: 6 });
  });

  test('is failed when its process dies, and can be started again', async () => {
    const unit = await startUnit(does('READY=1'));
    unit.kill('SIGSEGV');
    await unit.until({ state: 'failed' }, PATIENTLY);
    expect(unit.result).toBe('core-dump');
    await unit.start();
    expect(unit.state).toBe('active');
    await unit.stop();
  });

  test('does not stop in order when it has to be killed', async () => {
    const unit = await startUnit(does('on:SIGTERM=print:no', 'READY=1'), { stopTimeout: 3000 });
    const { message } = await failure(unit.stop());
    expect(message).toMatch(
      /^does\.mjs did not stop in order: it or a process of it did not end within 3 s of SIGTERM, and was killed\n/,
    );
    expect(message).toMatch(/^ {2}try {7}end the process at SIGTERM, or \{ stopTimeout: 7500 \}/m);
    expect(message).not.toContain('startTimeout');
    expect(message).toMatch(/stdout {4}no$/m);
  });

  test('with strict: false stops in spite of problems', async () => {
    const unit = await startUnit(does('READY=1', 'Ready=1'), { strict: false });
    await unit.until(() => unit.problems.length > 0, PATIENTLY);
    await expect(unit.stop()).resolves.toMatchObject({ result: 'success' });
  });

  test('that was pinged too late is killed by its watchdog', async () => {
    const unit = await startUnit(does('READY=1'), { watchdog: 300, stopTimeout: 500 });
    await unit.until({ state: 'failed' }, PATIENTLY);
    expect(unit).toMatchObject({ result: 'watchdog' });
    expect(unit.log.join('\n')).toContain('Watchdog timeout (limit 300ms)!');
  });

  test('that pings its watchdog lives on while the test blocks its event loop', async () => {
    const unit = await startUnit(does('READY=1', 'ping:500'), { watchdog: 5000 });
    for (const end = performance.now() + 7000; performance.now() < end; );
    await unit.drain();
    await delay(100);
    expect(unit.state).toBe('active');
    expect(unit.messages.length).toBeGreaterThan(5);
    await unit.stop();
  });

  test('of a manager that does not read is seen once it reads again', async () => {
    const unit = await startUnit(does('on:SIGUSR1=STATUS=later', 'READY=1'));
    unit.pause();
    unit.kill('SIGUSR1');
    await delay(300);
    expect(unit.status).toBeUndefined();
    unit.resume();
    await unit.until({ status: /^later$/ }, PATIENTLY);
    await unit.stop();
  });

  test('gives its notifications one by one, from the first to the last', async () => {
    const unit = await startUnit(does('STATUS=a', 'READY=1', 'STATUS=b'));
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { text } of unit.notifications() as AsyncIterable<Message>) seen.push(text);
    })();
    await unit.until({ status: 'b' }, PATIENTLY);
    await unit.stop();
    await reading;
    expect(seen).toEqual(['STATUS=a', 'READY=1', 'STATUS=b']);
  });

  test('tells what until() has waited for', async () => {
    const unit = await startUnit(does('READY=1', 'STATUS=up'));
    const { message } = await failure(unit.until({ status: /down/, errno: 5 }, { timeout: 300 }));
    expect(message).toMatch(
      /^does\.mjs did not come to status \/down\/ and errno 5 within 0\.3 s\n/,
    );
    await unit.stop();
  });

  test('waits for an expression with the flag g as often as it is asked to', async () => {
    const unit = await startUnit(does('READY=1', 'STATUS=up'));
    const status = /up/g;
    await unit.until({ status }, PATIENTLY);
    const begin = performance.now();
    await unit.until({ status }, PATIENTLY);
    expect(performance.now() - begin).toBeLessThan(PATIENTLY.timeout / 2);
    await unit.stop();
  });

  test.each(['start', 'restart'] as const)(
    'that is stopped meanwhile rejects its %s()',
    async (job) => {
      const unit = await startUnit(does('READY=1'));
      if (job === 'start') await unit.stop();
      const starting = failure(unit[job]());
      await unit.stop();
      expect((await starting).message).toMatch(
        new RegExp(`^does\\.mjs was stopped before its ${job} was complete\n`),
      );
      expect(unit.state).toBe('inactive');
    },
  );

  test('is stopped by its disposal', async () => {
    const unit = await startUnit(does('READY=1'));
    await unit[Symbol.asyncDispose]();
    expect(unit.state).toBe('inactive');
  });

  test('named by MAINPID= is followed to its end', async () => {
    const unit = await startUnit(does('READY=1', 'child-main'), {
      notifyAccess: 'all',
      strict: false,
    });
    await unit.until(() => unit.messages.length > 1, PATIENTLY);
    const { mainPid } = unit;
    expect(unit.messages[0]?.pid).not.toBe(mainPid);
    process.kill(mainPid as number, 'SIGTERM');
    await unit.until({ state: 'inactive' }, PATIENTLY);
  });
});

describe('unit files', () => {
  function writeUnits(name: string, files: Readonly<Record<string, string>>): string {
    const place = join(folder, name);
    mkdirSync(place);
    for (const [file, content] of Object.entries(files)) writeFileSync(join(place, file), content);
    return place;
  }

  const SERVICE = `[Service]
Type=notify
ExecStart=/usr/bin/node /opt/app/server.js
Environment=GREETING=hello
User=app
ProtectSystem=strict
WatchdogSec=20
FileDescriptorStoreMax=3
`;

  test('are started with another command, on other addresses, and tell what has no effect', async () => {
    const place = writeUnits('whole', {
      'app.service': SERVICE,
      'app.socket':
        '[Socket]\nListenStream=80\nFileDescriptorName=web\nListenStream=/run/app.sock\n',
    });
    const unit = await startUnit(join(place, 'app.service'), {
      command: does('listen:65535', 'READY=1'),
    });
    expect(unit.sockets).toMatchObject([
      { name: 'web', kind: 'stream', host: '127.0.0.1' },
      { name: 'web', kind: 'stream', path: expect.stringContaining('libsystemd-unit-') },
    ]);
    expect(unit.ignored.map(({ key }) => key)).toEqual(['User', 'ProtectSystem']);
    await unit.stop();
  });

  test('have addresses where the options wish', async () => {
    const place = writeUnits('wishes', {
      'app.service': SERVICE,
      'app.socket': '[Socket]\nListenStream=80\n',
    });
    const options = { command: does('READY=1') };
    const unit = await startUnit(join(place, 'app.service'), {
      ...options,
      sockets: { 'app.socket': 'unix' },
    });
    expect(unit.sockets).toMatchObject([{ name: 'app.socket', path: expect.any(String) }]);
    await unit.stop();
    const other = startUnit(join(place, 'app.service'), { ...options, sockets: { web: 'tcp' } });
    expect((await failure(other)).message).toContain(
      'sockets that the unit files have: app.socket',
    );
  });
});

const isInPackage = (name: string) => existsSync(join(root, name));

test('all of it works without root', () => {
  // The folder of the repository may be readable by root alone. So the package is copied, and the program is a shell's.
  const copy = temporaryFolder();
  chmodSync(copy, 0o755);
  for (const part of ['package.json', 'dist', 'build/Release', 'prebuilds'].filter(isInPackage))
    cpSync(join(root, part), join(copy, part), { recursive: true });
  const source = `
    import { start } from ${JSON.stringify(join(copy, 'dist/testing.js'))};
    const unit = await start(['/bin/sh', '-c', 'echo uid $(id -u); sleep 60'], {
      type: 'simple', sockets: { web: 'tcp', admin: 'unix' }, cwd: '/',
    });
    await unit.until(({ output }) => output.includes('uid'), { timeout: 10_000 });
    console.log(unit.output.trim(), (await unit.stop()).result);
  `;
  const isRoot = process.getuid?.() === 0;
  const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const [program = '', ...args] = [
    ...(isRoot ? asNobody : []),
    ...[process.execPath, '--input-type=module', '-e', source],
  ];
  const env = { PATH: process.env['PATH'] };
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: '/', env });
  expect(`${stdout}${stderr}`).toBe(`uid ${isRoot ? 65534 : process.getuid?.()} success\n`);
});
