// Nothing of a unit is left behind, however its test ends.
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { start } from 'libsystemd/testing';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../support/tools.ts';
import { isRunning, marked } from './marked.ts';
import { does, failure, programs, startUnit } from './support.ts';

test.each([
  ['is killed', 'wait', 'SIGKILL'],
  ['is interrupted', 'wait', 'SIGINT'],
  ['throws', 'throw', undefined],
  ['exits', 'exit', undefined],
  ['has nothing else to do', 'nothing', undefined],
] as const)('when the process of the test %s', async (_what, ending, signal) => {
  const runner = spawn(process.execPath, [join(programs, 'left-behind.mjs'), ending], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void runner.kill('SIGKILL'));
  const [line] = await once(createInterface(runner.stdout), 'line');
  const { mark, folder } = JSON.parse(line) as { mark: string; folder: string };
  if (signal !== undefined) {
    expect(marked(mark)).toHaveLength(4); // two daemons, and a child of each
    runner.kill(signal);
  }
  if (runner.exitCode === null && runner.signalCode === null) await once(runner, 'exit');
  await expect.poll(() => marked(mark), { timeout: 10_000 }).toEqual([]);
  await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false);
});

test('when the process of the test is killed as soon as it has made the folder', async () => {
  const program = join(programs, 'killed-early.mjs');
  const { stdout, signal } = spawnSync(process.execPath, [program], { cwd: root });
  expect(signal).toBe('SIGKILL');
  const made = String(stdout);
  expect(made).toMatch(/libsystemd-unit-[^/]+$/);
  await expect.poll(() => existsSync(made), { timeout: 10_000 }).toBe(false);
});

/** The descriptors of this process, but for those of the event loop's pipes, by what they are. */
const descriptors = () => readdirSync('/proc/self/fd').length;

test('stop() closes the sockets and removes the folder, and a process that has left the group is gone', async () => {
  await (await startUnit(does('READY=1'))).stop(); // the guard and the add-on's thread stay
  const before = descriptors();
  const env = { MARK: randomUUID() };
  const unit = await startUnit(does('detached', 'READY=1'), {
    sockets: { http: 'unix', web: 'tcp' },
    strict: false,
    env,
  });
  const folder = dirname(dirname(unit.addresses['http']?.path as string));
  expect(marked(env.MARK)).toHaveLength(2);
  await unit.stop();
  expect(marked(env.MARK)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  await expect.poll(descriptors).toBeLessThanOrEqual(before);
});

test('a start that fails leaves nothing', async () => {
  const env = { MARK: randomUUID() };
  const error = await failure(startUnit(does('child:clean', 'exit:1'), { env }));
  expect(error.message).toContain('node exited with 1');
  expect(marked(env.MARK)).toEqual([]);
});

test('an abort ends a start, and a unit that runs', async () => {
  const controller = new AbortController();
  const options = { signal: controller.signal, startTimeout: 20_000 };
  const unit = await start(does('READY=1'), options);
  const starting = failure(start(does('wait:60000'), options));
  const waiting = failure(unit.until({ status: 'never' }, { timeout: 20_000 }));
  const { mainPid } = unit;
  await expect.poll(() => isRunning(mainPid as number)).toBe(true);
  controller.abort();
  expect((await starting).message).toContain(
    'was ended by its signal before its start was complete',
  );
  expect((await waiting).message).toContain('before it was stopped');
  await expect.poll(() => isRunning(mainPid as number)).toBe(false);
});

test('a unit whose signal has aborted does not start again', async () => {
  const controller = new AbortController();
  const unit = await start(does('READY=1'), { signal: controller.signal });
  controller.abort(new Error('the test is over'));
  for (const job of ['start', 'restart'] as const) {
    expect((await failure(unit[job]())).message).toBe('the test is over');
    expect(unit.mainPid).toBeUndefined();
  }
});

test('a lazy unit whose socket nobody can wait for', async () => {
  const before = descriptors();
  const options = { lazy: true, sockets: { file: `special:${import.meta.filename}` } };
  const error = await failure(startUnit(does('READY=1'), options));
  expect(error).toMatchObject({ code: 'ERR_SYSTEMD_UNIT' });
  expect(error.message).toMatch(/^does\.mjs does not listen: resources\n/);
  expect(error.message).toMatch(/^ {2}log {7}.*Failed to watch listening fds: EPERM/m);
  await expect.poll(descriptors).toBeLessThanOrEqual(before);
});

test('20 units at once', async () => {
  const units = await Promise.all(
    Array.from({ length: 20 }, () => startUnit(does('READY=1'), { sockets: { web: 'tcp' } })),
  );
  expect(new Set(units.map(({ addresses }) => addresses['web']?.port)).size).toBe(20);
  const exits = await Promise.all(units.map((unit) => unit.stop()));
  expect(exits.every(({ result }) => result === 'success')).toBe(true);
});
