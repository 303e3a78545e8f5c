// serve({ memoryPressure }), in processes that are started as systemd would start them.
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startProgram, startService } from '../service/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let fifos = 0;

function makeFifo(): string {
  const path = join(folder, `fifo-${fifos++}`);
  execFileSync('mkfifo', [path]);
  return path;
}

const environment = (MEMORY_PRESSURE_WATCH: string) => ({ env: { MEMORY_PRESSURE_WATCH } });

const report = async (path: string) => {
  const fifo = await open(path, 'w');
  await fifo.write('x');
  await fifo.close();
};

const opens = (pid: number, path: string) =>
  readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });

test('a function is called when memory is short, with the options as `this`, until the service has stopped', async () => {
  const path = makeFifo();
  await using service = await startService(
    `await run(http.createServer(), {
       exitTimeout: Infinity,
       memoryPressure({ stalled }) { say({ pressure: stalled ?? null, same: this.exitTimeout }); },
     });
     setInterval(() => {}, 1000);`,
    environment(path),
  );
  await service.serving();
  await report(path);
  const line = await service.readUntil((one) => 'pressure' in one);
  expect(line).toEqual({ pressure: null, same: null }); // JSON has no Infinity
  expect(opens(service.pid, path)).toBe(true);
  await service.stop();
  await service.readUntil((one) => 'stopped' in one);
  expect(opens(service.pid, path)).toBe(false);
});

test('a hook that fails is a warning, and is called again', async () => {
  const path = makeFifo();
  await using service = await startService(
    `await run(http.createServer(), { memoryPressure: () => Promise.reject(new Error('full')) });`,
    environment(path),
  );
  await service.serving();
  for (let i = 0; i < 2; i++) {
    await report(path);
    const { warning, message } = await service.readUntil((one) => 'warning' in one);
    expect([warning, message]).toEqual([
      'ERR_SYSTEMD_HOOK',
      'The memoryPressure hook failed: full',
    ]);
  }
});

test('the hook may stop the service, and wait for that', async () => {
  const path = makeFifo();
  await using service = await startService(
    `const service = await run(http.createServer(), { memoryPressure: () => service.stop('pressure') });`,
    environment(path),
  );
  await service.serving();
  await report(path);
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => 'warning' in line)).toEqual([]);
  expect(service.lines).toContainEqual({ stopped: 'pressure' });
});

test('true gives memory back', async () => {
  const path = makeFifo();
  await using service = await startService(
    `let cache = Array.from({ length: 80_000 }, () => Buffer.allocUnsafeSlow(1_000).fill(1));
     const before = process.memoryUsage().rss;
     await run(http.createServer(), { memoryPressure: true });
     cache = undefined;
     const timer = setInterval(() => {
       const freed = before - process.memoryUsage().rss;
       if (freed < 50_000_000) return;
       clearInterval(timer);
       say({ freed });
     }, 10);`,
    environment(path),
  );
  await service.serving();
  await report(path);
  await service.readUntil((line) => 'freed' in line);
});

test('each worker and the primary have a watch of their own', async () => {
  const path = makeFifo();
  const program = ['test/pressure/programs/workers.mjs'];
  await using service = await startProgram(program, environment(path));
  const pids: number[] = [];
  while (pids.length < 3) {
    const line = await service.readUntil((one) => 'serves' in one);
    pids.push(line['serves'] as number);
  }
  expect(pids.filter((pid) => opens(pid, path)).length).toBe(3);
});

test.each([
  ['/dev/null', undefined],
  ['relative', 'ERR_SYSTEMD_MEMORY_PRESSURE'],
  ['/absent', 'ENOENT'],
])('the service serves all the same where MEMORY_PRESSURE_WATCH is %s', async (path, code) => {
  await using service = await startService(
    `await run(http.createServer(), { memoryPressure: true }); setImmediate(() => say({ turn: true }));`,
    environment(path),
  );
  await service.serving();
  await service.readUntil((line) => 'turn' in line);
  const warnings = service.lines.flatMap(({ warning }) => warning ?? []);
  expect(warnings).toEqual(code === undefined ? [] : [code]);
  await service.manager.until(({ message }) => message.startsWith('READY=1'));
});
