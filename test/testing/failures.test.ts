// A unit that fails while a test runs: who is told, and what.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Unit, UnitOptions } from 'libsystemd/testing';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { does, failure, isAlive, startUnit } from './support.ts';

const folder = temporaryFolder();

const PATIENTLY = { timeout: 20_000 };

let units = 0;

/** Starts a unit file with these lines, and a program that does this. */
function startFile(lines: string, actions: readonly string[], options: UnitOptions = {}) {
  const place = join(folder, String(units++));
  mkdirSync(place);
  const file = join(place, 'app.service');
  writeFileSync(file, `[Service]\nType=notify\nExecStart=/usr/bin/app\n${lines}\n`);
  return startUnit(file, { command: does(...actions), ...options });
}

/** Waits for a failure in a way of which the unit does not know. */
const untilFailed = (unit: Unit) =>
  expect.poll(() => unit.state, { timeout: 20_000 }).toBe('failed');

describe('stop() of a unit that has failed before', () => {
  test('rejects with the story of a crash', async () => {
    const unit = await startUnit(does('READY=1', 'complain:Error: no space left'));
    await unit.until(({ output }) => output.includes('left'), PATIENTLY);
    const { mainPid } = unit;
    unit.kill('SIGSEGV');
    await untilFailed(unit);
    const { message, code, stack } = await failure(unit.stop());
    expect(code).toBe('ERR_SYSTEMD_UNIT');
    expect(message).toMatch(/^does\.mjs failed before it was stopped: core-dump\n/);
    expect(message).toMatch(/was ended by SIGSEGV after/);
    expect(message).toMatch(/stderr {4}Error: no space left$/m);
    expect(message).toContain("await unit.until({ state: 'failed' }) before stop()");
    expect(stack).toContain('failures.test.ts');
    expect(isAlive(mainPid as number)).toBe(false);
    await expect(unit.stop()).resolves.toMatchObject({ result: 'core-dump' }); // it was told
  });

  test('rejects when its watchdog has killed it', async () => {
    const unit = await startUnit(does('READY=1'), { watchdog: 300, stopTimeout: 1000 });
    await untilFailed(unit);
    expect((await failure(unit.stop())).message).toContain(
      'failed before it was stopped: watchdog',
    );
  });

  test('rejects so when the crash is so new that nobody has noticed it', async () => {
    const unit = await startUnit(does('READY=1'));
    const pid = unit.mainPid as number;
    process.kill(pid, 'SIGKILL');
    const isDead = () => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    while (!isDead()); // Node does not hear of it meanwhile
    const { message } = await failure(unit.stop());
    expect(message).toMatch(/^does\.mjs failed before it was stopped: signal\n/);
  });

  test('resolves when the test has waited for the failure', async () => {
    const unit = await startUnit(does('READY=1'));
    unit.kill('SIGKILL');
    await unit.until({ state: 'failed' }, PATIENTLY);
    await expect(unit.stop()).resolves.toMatchObject({ result: 'signal' });
  });

  test('rejects when the test has waited for the failure of an earlier start', async () => {
    const unit = await startUnit(does('READY=1'));
    unit.kill('SIGKILL');
    await unit.until({ state: 'failed' }, PATIENTLY);
    await unit.start();
    unit.kill('SIGKILL');
    await untilFailed(unit);
    expect((await failure(unit.stop())).message).toContain('failed before it was stopped: signal');
  });

  test('resolves with strict: false', async () => {
    const unit = await startUnit(does('READY=1'), { strict: false });
    unit.kill('SIGKILL');
    await untilFailed(unit);
    await expect(unit.stop()).resolves.toMatchObject({ result: 'signal' });
  });
});

describe('until()', () => {
  test('does not wait for a unit that has failed', async () => {
    const unit = await startUnit(does('READY=1'));
    unit.kill('SIGKILL');
    const begun = performance.now();
    const { message } = await failure(unit.until({ status: 'up' }, { timeout: 60_000 }));
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(message).toMatch(
      /^does\.mjs did not come to status "up" and can't: it has failed \(signal\), and nobody starts it again\n/,
    );
    await unit.stop(); // the failure was told
  });

  test('goes on when the test starts the unit again at once', async () => {
    const unit = await startUnit(does('READY=1', 'STATUS=up'));
    unit.kill('SIGKILL');
    await unit.until({ state: 'failed' }, PATIENTLY);
    const waiting = unit.until({ status: 'up' }, PATIENTLY);
    await unit.start();
    await waiting;
    await unit.stop();
  });

  test('waits longer than a timer can', async () => {
    const unit = await startUnit(does('READY=1', 'wait:300', 'STATUS=up'));
    await unit.until({ status: 'up' }, { timeout: 2 ** 40 });
    await unit.stop();
  });
});

describe('start()', () => {
  test('has ended all processes when it rejects', async () => {
    const actions = ['on:SIGTERM=print:no', 'detached', 'print:ready'];
    const error = await failure(startUnit(does(...actions), { startTimeout: 3000 }));
    const [, pid] = /process {3}(\d+) node/.exec(error.message) ?? [];
    expect(isAlive(Number(pid))).toBe(false);
  });

  test('of a unit that its watchdog is about to kill waits for the next process', async () => {
    const unit = await startUnit(does('on:SIGABRT=wait:400', 'READY=1'), {
      watchdog: 300,
      abortTimeout: 1500,
    });
    await unit.until({ state: 'deactivating' }, PATIENTLY);
    const { mainPid } = unit;
    await unit.start();
    expect(unit.mainPid).not.toBe(mainPid);
    expect(unit.state).toBe('active');
    await unit.stop().catch(() => {}); // the watchdog may have been faster
  });
});

describe('a reload', () => {
  test.each([
    ['ExecReload=/bin/kill -HUP $MAINPID'],
    ['ExecReload=/bin/sh -c "sleep 0.1; kill -s HUP $MAINPID"'],
  ])('by %s of a process without a handler fails', async (line) => {
    const unit = await startFile(line, ['READY=1']);
    const { message } = await failure(unit.reload());
    expect(message).toMatch(/^app\.service did not reload: it was ended by SIGHUP\n/);
    expect(unit.problems.map(({ code }) => code)).toEqual(['sighup-not-handled']);
    expect((await failure(unit.stop())).code).toBe('ERR_SYSTEMD_PROBLEMS');
  });

  test('by a script that sends SIGHUP to a process without a handler is a problem', async () => {
    const script = join(folder, 'reload.sh');
    writeFileSync(script, 'kill -HUP $MAINPID\n');
    const unit = await startFile(`ExecReload=/bin/sh ${script}`, ['READY=1']);
    await unit.reload().catch(() => {}); // its process may be seen to end before, or after
    await unit.until({ state: 'inactive' }, PATIENTLY);
    expect(unit.problems.map(({ code }) => code)).toEqual(['sighup-not-handled']);
  });

  test('by ExecReload= of a process with a handler works', async () => {
    const unit = await startFile('ExecReload=/bin/kill -HUP $MAINPID', [
      ...['on:SIGHUP=STATUS=reloaded', 'READY=1'],
    ]);
    await unit.reload();
    await unit.until({ status: 'reloaded' }, PATIENTLY);
    await unit.stop();
  });

  test.each<[string, string, RegExp]>([
    ['print:no', 'nothing', /RELOADING=1 with MONOTONIC_USEC= did not come within 1\.5 s\n/],
    ['READY=1', 'READY=1 alone', /did not come within 1\.5 s; READY=1 alone does not count\n/],
    ['RELOADING=1', 'no time', /1\.5 s, because MONOTONIC_USEC= is not in the same message\n/],
    ['reload-old', 'an old time', /because MONOTONIC_USEC=1 is older than the request to reload/],
    ['reloading', 'no READY=1', /READY=1 did not come after RELOADING=1 within 1\.5 s\n/],
  ])('answered by %s tells what was missing: %s', async (action, _what, message) => {
    const unit = await startUnit(does(`on:SIGHUP=${action}`, 'READY=1'), {
      type: 'notify-reload',
      startTimeout: 1500,
      strict: false,
    });
    expect((await failure(unit.reload())).message).toMatch(message);
    await unit.stop();
  });

  test('of a unit that has ended says so', async () => {
    const unit = await startUnit(does('on:SIGHUP=reload', 'READY=1'), { type: 'notify-reload' });
    unit.kill('SIGTERM');
    await unit.until({ state: 'inactive' }, PATIENTLY);
    expect((await failure(unit.reload())).message).toContain('did not reload: it is inactive');
  });
});

describe('the processes of commands are no children that were left', () => {
  test.each(['ExecReload', 'ExecStop'])('%s=', async (key) => {
    const unit = await startFile(`${key}=/bin/sh -c "sleep 1; true"`, [
      ...['on:SIGHUP=print:', 'on:SIGUSR1=exit:0', 'READY=1'],
    ]);
    const job = key === 'ExecStop' ? unit.stop() : unit.reload().catch(() => {});
    await delay(300);
    if (unit.mainPid !== undefined) unit.kill('SIGUSR1');
    await job;
    expect(unit.problems).toEqual([]);
  });
});

describe('the story', () => {
  test('has the message of an error whose stack is long', async () => {
    const { message } = await failure(startUnit(does('print:begin', 'throw:the disk is full')));
    expect(message).toMatch(/^ {2}stderr {4}TypeError: the disk is full$/m);
    expect(message).toMatch(/^ {12}\(\d+ lines\)$/m);
  });

  test('wraps long lines and cuts none', async () => {
    const words = Array.from({ length: 60 }, (_, i) => `word${i}`);
    const actions = [`STATUS=${words.join(' ')}`, `complain:${words.join(' ')}`, 'exit:1'];
    const { message } = await failure(startUnit(does(...actions)));
    const lines = message.split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(120);
    const [, , ...parts] = message.split('word59');
    expect(parts).toHaveLength(2); // the status, its message, standard error
  });

  test('has the standard output beside the standard error', async () => {
    const actions = [
      'complain:(node:1) Warning: old',
      'print:',
      'print:no database at db:5432',
      'exit:1',
    ];
    const { message } = await failure(startUnit(does(...actions)));
    expect(message).toMatch(/^ {2}stderr {4}\(node:1\) Warning: old$/m);
    expect(message).toMatch(/^ {2}stdout {4}no database at db:5432$/m);
  });

  test('of a test that waits in vain tells that the event loop does not turn', async () => {
    const unit = await startUnit(does('READY=1', 'block:20000'), { stopTimeout: 500 });
    const { message } = await failure(unit.until({ status: 'up' }, { timeout: 500 }));
    expect(message).toMatch(/is busy: its event loop does not turn$/m);
    unit.kill('SIGKILL');
  });

  test('does not call a process busy that a signal has ended in the middle of its work', async () => {
    const unit = await startUnit(does('READY=1', 'block:20000'));
    await delay(200);
    unit.kill('SIGTERM');
    await unit.until({ state: 'inactive' }, PATIENTLY);
    const { message } = await failure(unit.reload());
    expect(message).toContain('was ended by SIGTERM');
    expect(message).not.toContain('busy');
  });

  test('calls a process busy that its watchdog has killed in an endless loop', async () => {
    const unit = await startUnit(does('READY=1', 'block:20000'), { watchdog: 500 });
    await untilFailed(unit);
    const { message } = await failure(unit.stop());
    expect(message).toMatch(/was ended by SIGABRT after .*, and was busy until then$/m);
  });

  test.each<[string, string]>([
    ['/usr/bin/node /opt/app/server.mjs', 'script'],
    ['/opt/app/server', 'program'],
  ])(
    'of unit files with ExecStart=%s, which is not here, says how to name another %s',
    async (line) => {
      const place = join(folder, String(units++));
      mkdirSync(place);
      const file = join(place, 'app.service');
      writeFileSync(file, `[Service]\nType=notify\nExecStart=${line}\n`);
      const { message } = await failure(startUnit(file));
      expect(message).toContain("{ command: [process.execPath, 'server.js'] } replaces ExecStart=");
    },
  );

  test.each([
    ['without its first line', 'echo started\n', 'it is text, and its first line names no program'],
    ['without a line', '', 'it is text, and its first line names no program'],
    ['with an empty first line', '#! \necho started\n', 'its first line names no program'],
    ['with line ends of Windows', '#!/bin/sh\r\necho started\r\n', 'names /bin/sh\\x0d, and'],
    ['of an interpreter that is missing', '#!/opt/sh\necho started\n', 'names /opt/sh, and'],
  ])(
    'of a script %s is a failure, as under systemd, and no shell runs it',
    async (_what, text, why) => {
      const file = join(folder, `script-${units++}`);
      writeFileSync(file, text, { mode: 0o755 });
      const { message } = await failure(startUnit([file], { type: 'oneshot' }));
      expect(message).toContain('status 203');
      expect(message.replace(/\n +/g, ' ')).toContain(why);
      expect(message).not.toContain('started\n');
    },
  );

  test.each<[string, readonly string[]]>([
    ['npm', ['npm', 'run', '--silent', 'x']],
    ['a shell', ['/bin/sh', '-c', '"$@"; false', 'sh', ...does('listen-passed')]],
  ])('tells that %s stands between the unit and its program', async (_what, command) => {
    const place = join(folder, String(units++));
    mkdirSync(place);
    const scripts = { x: does('listen-passed').join(' ') };
    writeFileSync(join(place, 'package.json'), JSON.stringify({ scripts }));
    const starting = startUnit(command, { sockets: { web: 'tcp' }, cwd: place });
    const { message, problems } = await failure(starting);
    expect(problems.map(({ code }) => code)).toContain('listen-pid');
    expect(message).toMatch(/^ {2}try {7}Start the program itself: node server\.js/m);
    expect(message).not.toContain('give the unit a socket');
  });

  test('of a program without a socket says to give it one', async () => {
    const { message } = await failure(startUnit(does('listen-passed')));
    expect(message).toContain("give the unit a socket: { sockets: { http: 'tcp' } }");
  });
});

test('a file of EnvironmentFile= that is missing has no effect, and env replaces it', async () => {
  const lines = `EnvironmentFile=/nonexistent/app.env\nEnvironmentFile=-/nonexistent/other`;
  const unit = await startFile(lines, ['READY=1'], { env: { PORT: '80' } });
  expect(unit.ignored).toMatchObject([
    {
      key: 'EnvironmentFile',
      value: '/nonexistent/app.env',
      line: 4,
      why: expect.stringMatching(/ENOENT.*by env$/),
    },
  ]);
  await unit.stop();
});
