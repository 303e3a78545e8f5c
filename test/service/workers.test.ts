// A service in cluster workers, whose primary notifies the manager.
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual as isSame } from 'node:util';
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { type Line, type RunningService, type StartOptions, startProgram } from './support.ts';

const program = 'test/service/programs/workers.mjs';

/** The settings of programs/workers.mjs. */
interface Settings {
  readonly options?: object;
  readonly [key: string]: unknown;
}

/** Starts programs/workers.mjs with these settings; by default with two workers. */
function start(settings: Settings = {}, options?: StartOptions): Promise<RunningService> {
  const all = { ...settings, options: { workers: 2, ...settings.options } };
  return startProgram([program, JSON.stringify(all)], options);
}

type At = Awaited<ReturnType<RunningService['serving']>>;

/** Sends a request on a new connection. Returns the pid of the worker that answers. */
async function ask(at: At, path = '/0'): Promise<number> {
  using client = await Client.connect(at);
  client.get(path);
  return Number(/pid (\d+);/.exec(await client.until(';'))?.[1]);
}

const serves = (line: Line) => line['serves'] !== undefined;

/** Waits until this many workers serve. Returns their pids. */
async function workers(service: RunningService, count: number): Promise<number[]> {
  const found = () => service.lines.filter(serves).map((line) => line['pid'] as number);
  while (found().length < count) await service.readUntil(serves);
  return found();
}

const valuesOf = (service: RunningService, key: string) =>
  service.lines.filter((line) => line[key] !== undefined).map((line) => [line['who'], line[key]]);

test('a service is ready when all workers listen, and only its primary notifies the manager', async () => {
  await using service = await start({}, { env: { WATCHDOG_USEC: '300000' } });
  const at = (await service.serving()) as { port: number };
  expect(await workers(service, 2)).toContain(await ask(at as At));
  for (let i = 0; i < 4; i++) await service.manager.until('WATCHDOG=1');
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(new Set(service.manager.messages.map(({ pid }) => pid))).toEqual(new Set([service.pid]));
  expect(service.notifications).toEqual([
    `READY=1\nSTATUS=Serving on 127.0.0.1:${at.port}`,
    'STOPPING=1\nSTATUS=Stopping: SIGTERM',
  ]);
});

test('serve() rejects when one of the first workers ends before it listens, and the others end', async () => {
  await using service = await start({ failingStart: 300 });
  const { refused, message } = await service.readUntil((line) => line['refused'] !== undefined);
  expect(refused).toBe('ERR_SYSTEMD_WORKER');
  expect(message).toMatch(/^Worker \d+ ended with code 7 before it listened$/);
  await service.ended();
  expect(service.notifications).toEqual([`STATUS=Start failed: ${message}`]);
  for (const pid of await workers(service, 1)) {
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  }
});

test('a worker that dies is replaced, with a warning that says how the worker ended', async () => {
  await using service = await start();
  const at = await service.serving();
  await ask(at, '/die').catch(() => undefined);
  const { message } = await service.readUntil((line) => line.warning === 'ERR_SYSTEMD_WORKER');
  expect(message).toMatch(/^Worker \d+ ended with code 3 and is replaced in 100 ms$/);
  await service.readUntil(serves);
  await ask(at, '/die').catch(() => undefined);
  const next = await service.readUntil((line) => line.warning === 'ERR_SYSTEMD_WORKER');
  expect(next.message).toMatch(/is replaced in 200 ms$/);
  await service.readUntil(serves);
  service.signal('SIGTERM');
  expect((await service.ended()).code).toBe(0);
});

test('a stop answers all requests, then calls the stop hook in each worker, then in the primary', async () => {
  await using service = await start();
  const at = await service.serving();
  using client = await Client.connect(at);
  client.get('/400');
  await service.readUntil((line) => line.request === '/400');
  service.signal('SIGTERM');
  expect(await client.until(';')).toContain('Connection: close\r\n');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(valuesOf(service, 'stop')).toEqual([
    ['worker', 'SIGTERM'],
    ['worker', 'SIGTERM'],
    ['primary', 'SIGTERM'],
  ]);
});

test('a signal to all processes at once, as the manager sends it, loses no request', async () => {
  await using service = await start();
  const at = await service.serving();
  using client = await Client.connect(at);
  client.get('/400');
  await service.readUntil((line) => line.request === '/400');
  for (const pid of [...(await workers(service, 2)), service.pid]) process.kill(pid, 'SIGTERM');
  expect(await client.until(';')).toContain('Connection: close\r\n');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line.warning)).toEqual([]);
});

test('a second Ctrl-C in the primary cuts the connections of the workers', async () => {
  await using service = await start();
  using client = await Client.connect(await service.serving());
  client.get('/60000');
  await service.readUntil((line) => line.request === '/60000');
  service.signal('SIGINT');
  await service.manager.until(({ message }) => message.startsWith('STOPPING=1'));
  await sleep(1_100); // within a second it would count as the same press
  service.signal('SIGINT');
  await client.closed;
  await service.readUntil((line) => line['stop'] !== undefined && line['who'] === 'primary');
});

test.each(['worker', 'primary'])(
  'a stop that fails in the %s ends the process with 1, and the status says why',
  async (failingStop) => {
    await using service = await start({ failingStop });
    await service.serving();
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual({ code: 1, signal: null });
    expect(service.notifications.at(-1)).toMatch(
      failingStop === 'primary'
        ? /^STATUS=Stop failed: no stop in the primary$/
        : /^STATUS=Stop failed: Worker \d+ ended with code 1 when it was stopped$/,
    );
  },
);

test('the reload hook is called in each worker, then in the primary', async () => {
  await using service = await start();
  await service.serving();
  service.signal('SIGHUP');
  await service.manager.until('RELOADING=1');
  await service.manager.until('READY=1');
  service.signal('SIGTERM');
  await service.ended();
  expect(valuesOf(service, 'reload')).toEqual([
    ['worker', true],
    ['worker', true],
    ['primary', true],
  ]);
});

test('a reload that fails in one worker leaves the others as they were, and the status says why', async () => {
  await using service = await start({ failingReload: 'worker' });
  const at = await service.serving();
  service.signal('SIGHUP');
  const { message } = await service.manager.until(({ message }) => /reload failed/.test(message));
  expect(message).toMatch(/^READY=1\nSTATUS=.*\(reload failed: no reload in the worker\)$/);
  expect(await ask(at)).toBeGreaterThan(0);
  service.signal('SIGTERM');
  await service.ended();
  expect(valuesOf(service, 'reload')).toEqual([['worker', true]]);
});

test("reload: 'roll' starts new workers, which listen before the old ones stop", async () => {
  await using service = await start({ options: { reload: 'roll' } });
  const at = await service.serving();
  const old = await workers(service, 2);
  using slow = await Client.connect(at);
  slow.get('/drain');
  await service.readUntil((line) => line.request === '/drain');
  service.signal('SIGHUP');
  for (let i = 0; i < 20; i++) {
    expect(await ask(at)).toBeGreaterThan(0);
    await sleep(10);
  }
  await service.manager.until('RELOADING=1');
  await service.manager.until('READY=1');
  expect(await slow.until(';')).toContain('Connection: close\r\n');
  const fresh = (await workers(service, 4)).slice(2);
  expect(fresh.filter((pid) => old.includes(pid))).toEqual([]);
  // The last old one was told to stop, and may accept until it has read that.
  while (valuesOf(service, 'stop').length < 2)
    await service.readUntil((line) => line['stop'] === 'reload');
  expect(fresh).toContain(await ask(at));
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line['stop'] === 'reload')).toHaveLength(2);
  expect(service.lines.filter((line) => line.warning)).toEqual([]);
});

test('a worker that dies during a roll is replaced only once', async () => {
  await using service = await start({ options: { reload: 'roll' }, slowStart: 700 });
  await service.serving();
  const old = await workers(service, 2);
  service.signal('SIGHUP');
  await service.readUntil((line) => line['starts'] === true); // the successor of the first worker
  for (const pid of old) process.kill(pid, 'SIGKILL');
  await service.manager.until('RELOADING=1');
  await service.manager.until('READY=1');
  await sleep(2_000); // long enough for further workers to start
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter(serves)).toHaveLength(4);
});

test('a roll fails when the new worker hangs in its start, and the old workers go on', async () => {
  const settings = { options: { reload: 'roll' }, hangingStart: 3, shorter: { 90000: 500 } };
  await using service = await start(settings);
  const at = await service.serving();
  const old = await workers(service, 2);
  service.signal('SIGHUP');
  await service.readUntil((line) =>
    /^Worker \d+ does not listen \d+ ms after/.test(line.message ?? ''),
  );
  const { message } = await service.manager.until(({ message }) => /reload failed/.test(message));
  expect(message).toMatch(/^READY=1\n.*ended with signal SIGKILL before it listened\)$/);
  expect(old).toContain(await ask(at));
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
});

test('a replacement that hangs in its start is replaced', async () => {
  await using service = await start({ hangingStart: 3, shorter: { 90000: 300 } });
  const at = await service.serving();
  await ask(at, '/die').catch(() => undefined);
  for (let i = 0; i < 2; i++) {
    await service.readUntil((line) => /does not listen \d+ ms after/.test(line.message ?? ''));
    await service.readUntil((line) => /SIGKILL and is replaced/.test(line.message ?? ''));
  }
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
});

test('a worker that a roll has replaced is killed when its stop hook hangs', async () => {
  const settings = { options: { reload: 'roll' }, slowStop: 20_000, shorter: { 10000: 500 } };
  await using service = await start(settings);
  await service.serving();
  service.signal('SIGHUP');
  for (let i = 0; i < 2; i++) {
    await service.readUntil((line) =>
      /has not ended \d+ ms after its last connection/.test(line.message ?? ''),
    );
  }
});

test('a stop spares the stop hook of one that a roll has replaced', async () => {
  const options = { workers: 1, reload: 'roll' };
  await using service = await start({ options, slowStop: 2_000, shorter: { 10000: 1_000 } });
  await service.serving();
  service.signal('SIGHUP');
  await service.readUntil((line) => line['stop'] === 'reload');
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(valuesOf(service, 'workerExit')).toHaveLength(2);
});

test('the stop hook of a worker may take longer than stopTimeout', async () => {
  const settings = { options: { stopTimeout: 100 }, slowStop: 1_500, shorter: { 10000: 300 } };
  await using service = await start(settings);
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(valuesOf(service, 'workerExit')).toEqual([
    ['worker', 0],
    ['worker', 0],
  ]);
});

test('workers are not blamed for a primary that stood still, and that goes on before they do', async () => {
  await using service = await start({ options: { workers: { count: 2, heartbeat: 1_600 } } });
  const at = await service.serving();
  const pids = await workers(service, 2);
  for (const pid of [service.pid, ...pids]) process.kill(pid, 'SIGSTOP'); // as systemctl freeze does
  await sleep(2_000); // longer than the heartbeat
  service.signal('SIGUSR2');
  service.signal('SIGCONT');
  await service.readUntil((line) => line['turned'] === true); // it has looked at them
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  await sleep(600); // it looks at them again
  expect(pids).toContain(await ask(at));
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line.warning)).toEqual([]);
});

test('a worker says at once that it is well, and not only when a part of the heartbeat has passed', async () => {
  await using service = await start({ options: { workers: { count: 1, heartbeat: 60_000 } } });
  await service.serving();
  const isAlive = ({ toPrimary }: Line) =>
    isSame(toPrimary, { 'libsystemd.serve': JSON.stringify({ alive: true }) });
  if (!service.lines.some(isAlive)) await service.readUntil(isAlive);
});

test('a worker whose event loop stands still is killed and replaced', async () => {
  await using service = await start({ options: { workers: { count: 2, heartbeat: 400 } } });
  const at = await service.serving();
  using client = await Client.connect(at);
  client.get('/hang');
  await service.readUntil((line) => /has sent no heartbeat for 400 ms/.test(line.message ?? ''));
  await client.closed;
  await service.readUntil((line) => /ended with signal SIGKILL/.test(line.message ?? ''));
  await service.readUntil(serves);
  expect(await ask(at)).toBeGreaterThan(0);
});

test('a worker whose check fails is replaced after the watchdog timeout of the unit', async () => {
  await using service = await start({ unhealthy: true }, { env: { WATCHDOG_USEC: '500000' } });
  await service.serving();
  await service.readUntil((line) => /has sent no heartbeat for 500 ms/.test(line.message ?? ''));
  await service.readUntil((line) =>
    /ended with signal SIGKILL and is replaced/.test(line.message ?? ''),
  );
});

test('the primary does not ping while no worker serves', async () => {
  await using service = await start(
    { options: { workers: 1 }, slowStart: 800 },
    { env: { WATCHDOG_USEC: '400000' } },
  );
  await service.serving();
  const [pid] = await workers(service, 1);
  process.kill(pid as number, 'SIGSTOP');
  await service.readUntil((line) => /has sent no heartbeat/.test(line.message ?? ''));
  const pings = () => service.manager.messages.filter(({ message }) => message === 'WATCHDOG=1');
  const unhealthy = (line: Line) =>
    line.warning !== undefined && /watchdog's check/.test(line.message ?? '');
  await service.readUntil(unhealthy);
  const before = pings().length; // includes a ping that was on its way
  await service.readUntil(unhealthy);
  expect(pings()).toHaveLength(before);
});

test('a worker that hangs when connections are cut is killed after 10 seconds', async () => {
  await using service = await start({ options: { stopTimeout: 300 } });
  using client = await Client.connect(await service.serving());
  client.get('/hang');
  await service.readUntil((line) => line.request === '/hang');
  service.signal('SIGTERM');
  await sleep(6_000);
  const { length } = service.notifications;
  expect(await service.ended()).toEqual({ code: 1, signal: null });
  expect(service.notifications.at(-1)).toMatch(
    /^STATUS=Stop failed: Worker \d+ ended with signal SIGKILL/,
  );
  // After the cut the manager was not asked for more time, so TimeoutStopSec= counts.
  expect(service.notifications.slice(length)).toHaveLength(1);
});

test('a stop ends workers that hang in their start', async () => {
  await using service = await start({ hangingStart: 1 });
  for (let i = 0; i < 2; i++) await service.readUntil((line) => line['hangs'] === true);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.notifications.map((message) => message.split('=')[0])).toEqual(['STOPPING']);
});

test('a stop during a roll leaves no worker behind', async () => {
  await using service = await start({ options: { reload: 'roll' } });
  await service.serving();
  await workers(service, 2);
  service.signal('SIGHUP');
  await workers(service, 3);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  const pids = service.lines.filter(serves).map((line) => line['pid'] as number);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(service.lines.filter((line) => line['stop'] !== undefined).length).toBe(pids.length + 1);
});

test('a worker that has stopped need not send heartbeats while its process ends', async () => {
  const options = { workers: { count: 2, heartbeat: 200 } };
  await using service = await start({ options, slowEnd: 1_000 });
  await service.serving();
  await workers(service, 2);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line.warning)).toEqual([]);
});

test('heartbeat: Infinity and idleTimeout: Infinity mean none', async () => {
  const options = {
    workers: { count: 1, heartbeat: Number.MAX_VALUE * 2 },
    idleTimeout: Number.MAX_VALUE * 2,
  };
  await using service = await startProgram([
    program,
    JSON.stringify({ options }).replaceAll('null', '1e999'),
  ]);
  await service.serving();
  await sleep(300);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line.warning)).toEqual([]);
});

test('a service stops when all workers are idle', async () => {
  await using service = await start({ options: { idleTimeout: 600 } });
  const at = await service.serving();
  const begun = performance.now();
  using client = await Client.connect(at);
  client.get('/900');
  await client.until(';');
  client.socket.destroy();
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(performance.now() - begun).toBeGreaterThan(1_400);
  expect(valuesOf(service, 'stop').at(-1)).toEqual(['primary', 'idle']);
});

test('a connection that begins when all workers were idle keeps the service running', async () => {
  await using service = await start({ options: { idleTimeout: 1_500 } });
  const at = await service.serving();
  const isIdle = ({ toPrimary }: Line) =>
    isSame(toPrimary, { 'libsystemd.serve': JSON.stringify({ idle: true }) });
  for (let i = 0; i < 2; i++) await service.readUntil(isIdle);
  using client = await Client.connect(at);
  await sleep(1_500); // nothing else keeps it from stopping
  client.get('/0');
  expect(await client.until(';')).not.toContain('Connection: close');
  client.socket.destroy();
  expect(await service.ended()).toEqual({ code: 0, signal: null });
});

test('the status hook of the primary counts the connections of all workers, and no worker calls it', async () => {
  await using service = await start({ countConnections: true });
  const at = await service.serving();
  const clients = await Promise.all(Array.from({ length: 5 }, () => Client.connect(at)));
  await service.manager.until('STATUS=5 open');
  for (const client of clients) client.socket.destroy();
  await service.manager.until('STATUS=0 open');
  expect(new Set(valuesOf(service, 'hook').map(([who]) => who))).toEqual(new Set(['primary']));
});

test.each<[what: string, env: Readonly<Record<string, string>>]>([
  ['', {}],
  [
    ', also when it has inherited the settings of another primary',
    { LIBSYSTEMD_SERVE_WORKER: '{ "heartbeat": 1000, "primary": 1 }' },
  ],
])("a worker of the program's own primary serves, and sends no reports%s", async (_what, env) => {
  await using service = await start({ ownPrimary: true }, { env });
  const { pid, serves: addresses } = await service.readUntil(serves);
  const [{ address, port }] = addresses as [{ address: string; port: number }];
  expect(await ask({ host: address, port })).toBe(pid);
  process.kill(pid as number, 'SIGTERM');
  const { workerExit } = await service.readUntil((line) => line['workerExit'] !== undefined);
  expect(workerExit).toBe(0);
  expect(service.notifications).toEqual([]);
  expect(service.lines.filter((line) => line['toPrimary'])).toEqual([]);
});

test('a worker that was stopped by order of the primary does not die of a later SIGTERM', async () => {
  await using service = await start({ slowEnd: 500 });
  await service.serving();
  const pids = await workers(service, 2);
  service.signal('SIGTERM');
  for (const _ of pids) await service.readUntil((line) => line['stop'] !== undefined);
  for (const pid of pids) process.kill(pid, 'SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line['workerExit'] === 0)).toHaveLength(2);
});

const lateSignals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

test.each(lateSignals)(
  'a worker that has stopped, and dies of %s at the end of its process, is no failure',
  async (lateSignal) => {
    await using service = await start({ lateSignal });
    await service.serving();
    service.signal(lateSignal);
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(valuesOf(service, 'warning')).toEqual([]);
  },
);

test.each([
  {
    name: 'whose stop failed, by SIGTERM',
    lateSignal: 'SIGTERM',
    failingStop: 'worker',
  },
  { name: 'that stopped well, by SIGKILL', lateSignal: 'SIGKILL' },
])('the end of a worker $name is a failure', async ({ name, ...settings }) => {
  await using service = await start(settings);
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 1, signal: null });
  const failure = `ended with signal ${settings.lateSignal} when it was stopped`;
  expect(service.notifications.at(-1)).toMatch(failure);
});

test('no check is called during a stop, because the stop hook may close what the check needs', async () => {
  const options = { workers: { count: 2, heartbeat: 300 } };
  await using service = await start(
    { options, closedByStop: true, slowStop: 1_200 },
    { env: { WATCHDOG_USEC: '400000' } },
  );
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line.warning)).toEqual([]);
});

test('no check is called in a worker that a roll replaces', async () => {
  const options = { workers: { count: 2, heartbeat: 300 }, reload: 'roll' };
  await using service = await start({ options, closedByStop: true, slowStop: 1_200 });
  await service.serving();
  service.signal('SIGHUP');
  await workers(service, 4);
  while (valuesOf(service, 'workerExit').length < 2) {
    await service.readUntil((line) => line['workerExit'] !== undefined);
  }
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line.warning)).toEqual([]);
});

test('a worker whose serve() succeeds at the third call serves, sends heartbeats and takes orders', async () => {
  const options = { workers: { count: 2, heartbeat: 300 } };
  await using service = await start({ options, failingTries: 2 });
  const at = await service.serving();
  await workers(service, 2);
  await sleep(1_000); // three times the heartbeat, in which nobody is killed
  expect(await ask(at)).toBeGreaterThan(0);
  service.signal('SIGHUP');
  await service.readUntil((line) => line['reload'] === true && line['who'] === 'primary');
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(valuesOf(service, 'failedTry')).toEqual(Array(4).fill(['worker', 'ERR_SYSTEMD_FD_NAME']));
  expect(valuesOf(service, 'reload')).toHaveLength(3);
  expect(valuesOf(service, 'stop')).toHaveLength(3);
  expect(service.lines.filter((line) => line.warning)).toEqual([]);
});

test('a stop while one worker is starting loses no request of another worker', async () => {
  await using service = await start({ failingStart: 20_000 });
  const { serves } = await service.readUntil((line) => line['serves'] !== undefined);
  const [at] = serves as readonly [{ address: string; port: number }];
  const answer = ask({ host: at.address, port: at.port }, '/500');
  await service.readUntil((line) => line['request'] === '/500');
  service.signal('SIGTERM');
  expect(await answer).toBeGreaterThan(0);
  expect(await service.ended()).toEqual({ code: 0, signal: null });
});

const without = { specs: [], pid: 'none', fds: 'none' };

test.each([
  ['before they listen', {}, { name: 'nothing' }, 'ERR_SYSTEMD_FD_NAME', {}],
  [
    'to listen',
    { fallback: { port: 0, host: '127.0.0.1' } },
    { fallback: '/nonexistent/socket' },
    'EACCES',
    without,
  ],
])('a stop ends workers whose serve() fails again and again, %s', async (...row) => {
  const [, options, wrong, code, from] = row;
  await using service = await start({ options, failingTries: 1e6, failingOptions: wrong }, from);
  for (let i = 0; i < 6; i++) await service.readUntil((line) => line['failedTry'] !== undefined);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(new Set(valuesOf(service, 'failedTry').map(([, found]) => found))).toEqual(
    new Set([code]),
  );
  expect(service.notifications.at(-1)).toMatch(/^STOPPING=1/);
  const pids = service.lines.filter((line) => line['failedTry']).map((line) => line['pid']);
  for (const pid of pids) expect(() => process.kill(pid as number, 0)).toThrow('ESRCH');
});

test('the error of the primary has the reason why a worker could not start', async () => {
  await using service = await start({ failingTries: 1, endAfterTries: true });
  const { message } = await service.readUntil((line) => line['refused'] !== undefined);
  expect(message).toMatch(/ended with code 5 before it listened: No socket named "nothing"/);
});

/** Messages under the names of this package, with contents that this package never sends. */
const foreign = [
  ...['0.1.0', 'null', '{}', '{"serving":7}'].map((libsystemd) => ({ libsystemd })),
  ...[
    ...['0.1.0', 'null', '[]', '7', '{"bytes":null}', '{"constructor":true}', '{"__proto__":1}'],
    ...['{"serving":7}', '{"serving":[null]}', '{"serving":[{"family":"inet"}]}'],
    ...['{"connections":"many"}', '{"connections":-1}', '{"connections":1.5}', '{"idle":1}'],
    ...['{"stopped":1}', '{"drained":"yes"}', '{"reloaded":false}', '{"failed":7}'],
    ...['{"connections":3,"more":1}', '{"stop":7}', '{"stop":null}', '{"cut":1}', '{"reload":{}}'],
  ].map((text) => ({ 'libsystemd.serve': text })),
  { 'libsystemd.serve': { stop: 'now' } },
];

test('messages of the program reach the program, and the service ignores them', async () => {
  const options = { workers: 1 };
  await using service = await start({ options, countConnections: true, messages: foreign });
  const at = await service.serving();
  const [pid] = await workers(service, 1);
  const arrived = (key: string) =>
    service.lines.filter((line) => foreign.some((one) => isSame(one, line[key])));
  while (
    arrived('toWorker').length < foreign.length ||
    arrived('toPrimary').length < foreign.length
  ) {
    await service.readUntil(
      (line) => line['toWorker'] !== undefined || line['toPrimary'] !== undefined,
    );
  }
  expect(await ask(at)).toBe(pid);
  expect(service.notifications).toEqual(['READY=1\nSTATUS=0 open']);
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => line.warning)).toEqual([]);
});

test('service.reload() in a worker reloads the whole service, and resolves afterwards', async () => {
  await using service = await start();
  const at = await service.serving();
  await ask(at, '/reload').catch(() => undefined);
  await service.manager.until('RELOADING=1');
  await service.manager.until('READY=1');
  await service.readUntil((line) => line['answered'] !== undefined);
  expect(valuesOf(service, 'answered')).toEqual([['worker', 'reloaded']]);
  expect(valuesOf(service, 'reload').map(([who]) => who)).toEqual(['worker', 'worker', 'primary']);
});

test('service.reload() in a worker rejects when the reload fails, and resolves when a roll replaces the worker', async () => {
  {
    await using service = await start({ failingReload: 'primary' });
    await ask(await service.serving(), '/reload').catch(() => undefined);
    const { answered } = await service.readUntil((line) => line['answered'] !== undefined);
    expect(answered).toBe('no reload in the primary');
  }
  await using service = await start({ options: { reload: 'roll' } });
  await ask(await service.serving(), '/reload').catch(() => undefined);
  await service.readUntil((line) => line['answered'] === 'reloaded');
  expect(await workers(service, 4)).toHaveLength(4);
});

test('reloads do not leak memory', async () => {
  const settings = JSON.stringify({ options: { workers: 2 }, reloads: 1_000, quiet: true });
  await using service = await startProgram(['--expose-gc', program, settings]);
  const { bytes } = await service.readUntil((line) => line['bytes'] !== undefined);
  expect(bytes).toBeLessThan(200); // 1200 when the primary kept a waiter for each report
});
