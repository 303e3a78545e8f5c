// serve() when something fails during its start, while it runs, and during its stop.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { nobodyLacks } from '../activation/machine.ts';
import { eventually } from '../notification/support.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { asNobody, noLeaks, Program, type ProgramOptions, run } from './support.ts';

const few = ['prlimit', '--nofile=64:64'];

/** The first lines of notifications, except lines that have a value. */
function states(manager: Receiver): string[] {
  const firstLines = manager.messages.map(({ message }) => message.split('\n')[0] ?? '');
  return firstLines.filter((line) => line.endsWith('=1'));
}

/** Lines of a program with three servers, and functions that ask them and that try to start them. */
const three = `
  const answer = (_request, response) => response.end('hi');
  const servers = [
    { server: http.createServer(answer), name: 'a' },
    { server: http2.createServer(answer), name: 'b' },
    { server: net.createServer(), name: 'c' },
  ];
  const ask = async ({ port }) => {
    const agent = new http.Agent({ keepAlive: true });
    const [response] = await once(http.get({ host: '127.0.0.1', port, agent }), 'response');
    await response.resume().toArray();
    agent.destroy();
    return response.headers.connection;
  };
  const sendsGoaway = async ({ port }) => {
    const session = http2.connect('http://127.0.0.1:' + port);
    let hasGoaway = false;
    session.on('goaway', () => { hasGoaway = true; });
    await once(session.request({ ':path': '/' }).resume(), 'close');
    session.close();
    await once(session, 'close');
    return hasGoaway;
  };
  const failing = async (options) => {
    const { error } = await outcome(() => serve(servers, options));
    const handled = ['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => process.listenerCount(signal));
    return { error, listening: servers.map(({ server }) => server.listening), handled };
  };`;

const tcp3: ProgramOptions = { specs: Array(3).fill('tcp:127.0.0.1:0'), names: 'a:b:c' };

const starts: readonly {
  readonly what: string;
  readonly options: ProgramOptions;
  /** An expression that makes the start fail. Its value is a function that undoes that. */
  readonly fail: string;
  readonly error: object;
}[] = [
  {
    what: 'one of three servers has no descriptor left',
    options: { ...tcp3, through: few },
    fail: 'exhaust(1)',
    error: { code: 'EMFILE', syscall: 'dup' },
  },
  {
    what: 'the port of one of three servers is taken',
    options: {},
    fail: `await (async () => {
      const other = net.createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      for (const served of servers) served.fallback = { port: 0, host: '127.0.0.1' };
      servers[1].fallback.port = other.address().port;
      return () => other.close();
    })()`,
    error: { code: 'EADDRINUSE', syscall: 'listen' },
  },
  {
    what: 'the manager cannot be notified',
    options: tcp3,
    fail: `(() => {
      const { NOTIFY_SOCKET } = process.env;
      process.env.NOTIFY_SOCKET += '.gone';
      return () => { process.env.NOTIFY_SOCKET = NOTIFY_SOCKET; };
    })()`,
    error: { code: 'ENOENT' },
  },
];

describe.concurrent('a start', () => {
  test.each(starts)(
    'fails when $what: no server listens, and the same servers can serve later',
    async ({ options, fail, error }) => {
      await using manager = await startReceiver();
      const source = `
        import http2 from 'node:http2';
        ${three}
        sd.sd_is_fifo(0);
        listenFds();
        const before = openFiles();
        const repair = ${fail};
        const failed = await failing({});
        repair();
        const leaks = await leaked(before);
        const service = await serve(servers);
        const [a, b] = service.addresses;
        say({ failed, leaks, connection: await ask(a), goaway: await sendsGoaway(b) });
        await service.stop();
        say({ leaks: await leaked(before), warnings });`;
      const env = { NOTIFY_SOCKET: manager.address };
      expect(await run(source, { ...options, env })).toEqual([
        {
          failed: {
            error: expect.objectContaining(error),
            listening: [false, false, false],
            handled: [0, 0, 0],
          },
          leaks: noLeaks,
          connection: 'keep-alive',
          goaway: false,
        },
        { leaks: noLeaks, warnings: [] },
      ]);
      expect(states(manager)).toEqual(['READY=1', 'STOPPING=1']);
    },
  );

  test('with no free descriptor succeeds, and READY=1 is sent once there is one', async () => {
    await using manager = await startReceiver();
    const source = `
      sd.sd_is_fifo(0);
      listenFds();
      const giveBack = exhaust(1);
      const service = await serve(http.createServer());
      say('serves');
      waitForTest();
      giveBack();
      await notify.barrier();
      say('notified');
      await service.stop();`;
    const options = { specs: ['tcp:127.0.0.1:0'], through: few };
    const env = { NOTIFY_SOCKET: manager.address };
    await using program = new Program(source, { ...options, env });
    expect(await program.next()).toBe('serves');
    expect(manager.messages).toEqual([]);
    program.resume();
    expect(await program.next()).toBe('notified');
    await manager.until('READY=1');
    expect(await program.ended()).toEqual({ code: 0, signal: null });
  });
});

describe.concurrent('a running service', () => {
  test('does not count as idle while it has no free descriptor to read the accept queue with', async () => {
    const source = `
      listenFds();
      const service = await serve(http.createServer(), { idleTimeout: 50 });
      const giveBack = exhaust();
      let stopped = false;
      service.stopped.then(() => { stopped = true; });
      await sleep(300);
      say({ stopped });
      giveBack();
      say({ reason: await service.stopped, warnings });`;
    const found = await run(source, { specs: [`unix:@${randomUUID()}`], through: few });
    expect(found).toEqual([{ stopped: false }, { reason: 'idle', warnings: [] }]);
  });

  test('reloads and stops with no free descriptor, and notifies the manager later', async () => {
    await using manager = await startReceiver();
    const source = `
      listenFds();
      let giveBack;
      const service = await serve(http.createServer(), {
        reload() {
          giveBack = exhaust();
          setTimeout(() => service.stop('enough'), 50);
        },
        stop: () => giveBack(),
      });
      process.kill(process.pid, 'SIGHUP');
      say({ reason: await service.stopped, warnings });`;
    const env = { NOTIFY_SOCKET: manager.address };
    const found = await run(source, { specs: ['tcp:127.0.0.1:0'], through: few, env });
    expect(found).toEqual([{ reason: 'enough', warnings: [] }]);
    await manager.until('STOPPING=1');
    expect(states(manager)).toEqual(['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1']);
  });

  test('reloads and stops without its manager, and warns once', async () => {
    const manager = await startReceiver();
    const source = `
      listenFds();
      let reloads = 0;
      const service = await serve(http.createServer(), {
        status: () => 'reloads: ' + reloads,
        reload() { reloads++; },
      });
      say('serves');
      waitForTest();
      for (let i = 1; i <= 3; i++) {
        process.kill(process.pid, 'SIGHUP');
        while (reloads < i) await sleep(1);
      }
      say({ reason: await service.stop('enough'), warnings: warnings.map(({ code }) => code) });`;
    const env = { NOTIFY_SOCKET: manager.address };
    await using program = new Program(source, { specs: ['tcp:127.0.0.1:0'], env });
    expect(await program.next()).toBe('serves');
    await manager.close();
    program.resume();
    expect(await program.next()).toEqual({ reason: 'enough', warnings: ['ENOENT'] });
    expect(await program.ended()).toEqual({ code: 0, signal: null });
  });
});

const serviceOfWorkers = 'test/service/programs/workers.mjs';

/** False when there is no such process, or only a zombie is left of it. */
function isAlive(pid: number): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0];
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

async function refuses(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const code = await new Promise((resolve) => {
    socket.once('connect', () => resolve(undefined));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
  });
  socket.destroy();
  return code === 'ECONNREFUSED';
}

/** Sets the limit on processes of another process. Such a limit does not bind root. */
function limitProcesses(pid: number | undefined, most: string): void {
  const [program = '', ...args] = [...asNobody, 'prlimit', `--pid=${pid}`, `--nproc=${most}`];
  execFileSync(program, args);
}

describe.concurrent('a primary that cannot start workers', () => {
  const start = (lack: string, manager: string, through: readonly string[] = []) =>
    new Program(['test/faults/programs/workers.mjs', lack], {
      specs: ['tcp:127.0.0.1:0'],
      env: { NOTIFY_SOCKET: manager },
      through,
    });

  /**
   * Expects every line of the program, from its refusal to its stop.
   *
   * @param reason - why a worker could not be started, as its error says
   * @param changeLimit - called each time that the program waits for another limit
   */
  async function expectAllLines(program: Program, reason: string, changeLimit = async () => {}) {
    const notStarted = expect.objectContaining({
      code: 'ERR_SYSTEMD_WORKER',
      message: expect.stringMatching(
        new RegExp(
          `^A worker (without a process ended with|could not be started:) spawn .*${reason}`,
        ),
      ),
    });
    const killed = expect.objectContaining({
      message: expect.stringMatching(/^Worker \d+ ended with signal SIGKILL and is replaced in/),
    });
    await changeLimit();
    expect(await program.next()).toEqual({ refused: notStarted, listed: 0 });
    await changeLimit();
    expect(await program.next()).toEqual({ serves: 1, workers: 2 });
    await changeLimit();
    const { warnings, listed } = await program.next<{ warnings: unknown[]; listed: number }>();
    expect(warnings.slice(0, 2)).toEqual([killed, killed]);
    expect(warnings.slice(2)).toEqual(Array(warnings.length - 2).fill(notStarted));
    expect(listed).toBe(0);
    await changeLimit();
    expect(await program.next()).toBe('replaced');
    expect(await program.next()).toBe('stopped');
    expect(await program.ended()).toEqual({ code: 0, signal: null });
  }

  test.each([
    ['descriptors', 'EMFILE', few],
    ['descriptors', 'EMFILE', ['prlimit', '--nofile=1024:1024']],
    ['room for its environment', 'E2BIG', []],
  ])(
    'because it lacks %s does not serve at first, and later tries again until it can',
    async (lack, code, through) => {
      await using manager = await startReceiver();
      await using program = start(lack, manager.address, through);
      await expectAllLines(program, code);
      expect(states(manager)).toEqual(['READY=1', 'STOPPING=1']);
    },
  );

  test('because it lacks processes does not serve at first, and later tries again until it can', async (ctx) => {
    ctx.skip(nobodyLacks !== undefined, nobodyLacks);
    await using manager = await startReceiver({ abstract: true });
    await using program = start('processes', manager.address, asNobody);
    await expectAllLines(program, 'EAGAIN', async () => {
      const request = await program.next();
      limitProcesses(program.pid, request === 'limit' ? '1:' : '4096:');
      program.resume();
    });
  });
});

test('workers end when their primary is killed, and the port is free again', async () => {
  await using manager = await startReceiver();
  const orders = JSON.stringify({
    options: { workers: 2, fallback: { port: 0, host: '127.0.0.1' } },
  });
  const env = { NOTIFY_SOCKET: manager.address };
  await using service = new Program([serviceOfWorkers, orders], { env });
  const pids: number[] = [];
  let port = 0;
  while (pids.length < 2 || port === 0) {
    const line = await service.next<{
      pid: number;
      serves?: unknown;
      addresses?: [{ port: number }];
    }>();
    if (line.serves) pids.push(line.pid);
    if (line.addresses) port = line.addresses[0].port;
  }
  expect(pids.map(isAlive)).toEqual([true, true]);
  process.kill(service.pid as number, 'SIGKILL');
  await eventually(() => expect(pids.map(isAlive)).toEqual([false, false]));
  await eventually(async () => expect(await refuses(port)).toBe(true));
});
