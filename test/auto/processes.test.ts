// Cluster workers, worker threads and other processes: nothing is done twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RunningService } from '../service/support.ts';
import {
  ask,
  freePort,
  type Place,
  startAuto,
  startOnPort,
  untilReady,
  writeProgram,
} from './support.ts';

const DIED = { code: null, signal: 'SIGTERM' };

/** A program that forks two workers. In the workers and in the primary `further` runs first. */
function clusterProgram(port: number, further = '', primary = ''): string {
  const file = writeProgram(`
      import fs from 'node:fs';
      import http from 'node:http';
      const say = (line) => fs.writeSync(1, JSON.stringify(line) + '\\n');
      ${further}
      http.createServer((request, response) => {
        say({ request: request.url, worker: process.pid });
        setTimeout(() => response.end('done'), Number(request.url.slice(1)));
      }).listen(${port}, '127.0.0.1', () => say({ listens: process.pid }));
  `);
  return `
    // Without execArgv the workers would run the source of the primary, which follows -e.
    cluster.setupPrimary({ exec: '${file}', execArgv: ['--import', 'libsystemd/auto'] });
    ${primary}
    for (let i = 0; i < 2; i++) cluster.fork();
  `;
}

async function startCluster(further = '', primary = '', env = {}) {
  const port = await freePort();
  const service = await startAuto(clusterProgram(port, further, primary), {
    specs: [`tcp:127.0.0.1:${port},backlog=1000`],
    env,
  });
  const pids: number[] = [];
  while (pids.length < 2) {
    const { listens } = await service.readUntil((line) => 'listens' in line);
    pids.push(listens as number);
  }
  await untilReady(service);
  return { service, pids, at: { host: '127.0.0.1', port } };
}

/** Like ask(), with the pid of the worker that has the request. */
async function askWorker(service: RunningService, at: Place, time: number) {
  const client = await ask(service, at, time);
  const { worker } = service.lines.at(-1) as { readonly worker: number };
  return { client, worker };
}

describe.concurrent('cluster workers', () => {
  test.each([
    ['the primary alone gets the signal', () => []],
    ['all processes get the signal', (pids: readonly number[]) => pids],
  ])('answer what is under way when %s', async (_name, signalled) => {
    const { service, pids, at } = await startCluster();
    await using _ = service;
    using client = await ask(service, at, 1500);
    service.signal('SIGTERM');
    for (const pid of signalled(pids)) process.kill(pid, 'SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual(DIED);
    expect(service.notifications.map((message) => message.split('\n')[0])).toEqual([
      'READY=1',
      'STOPPING=1',
      ...service.notifications.slice(2).map((message) => message.split('\n')[0]),
    ]);
    expect(service.manager.messages.every(({ pid }) => pid === service.pid)).toBe(true);
  });

  test('run the listeners of the program after the drain, and so does the primary', async () => {
    const listener = (name: string) =>
      `process.on('SIGTERM', () => { say({ ${name}: process.pid }); setTimeout(() => process.exit(), 500); });`;
    const { service, pids, at } = await startCluster(listener('worker'), listener('primary'));
    await using _ = service;
    using client = await ask(service, at, 1200);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    const called = service.lines.filter((line) => 'worker' in line && !('request' in line));
    expect(called.map(({ worker }) => worker).sort()).toEqual([...pids].sort());
    expect(service.lines.filter((line) => 'primary' in line)).toHaveLength(1);
  });

  test('are not replaced during a stop by a program that replaces those that end', async () => {
    const { service, at } = await startCluster(
      '',
      "cluster.on('exit', () => { say({ replaced: true }); cluster.fork(); });",
    );
    await using _ = service;
    using client = await ask(service, at, 1500);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual(DIED);
    expect(service.lines).not.toContainEqual({ replaced: true });
  });

  test('that the program forks after the drain end at SIGTERM too', async () => {
    const { service } = await startCluster(
      '',
      `
        process.on('SIGTERM', () => {
          const late = cluster.fork();
          late.on('listening', () => setTimeout(() => late.process.kill('SIGTERM'), 500));
          late.on('exit', (code, signal) => say({ late: { code, signal } }));
        });
      `,
    );
    await using _ = service;
    service.signal('SIGTERM');
    const { late } = await service.readUntil((line) => 'late' in line);
    expect(late).toEqual(DIED);
    await service.ended();
  });

  test('that replace others during the clean-up of the primary are not ended and replaced again and again', async () => {
    const { service } = await startCluster(
      '',
      `
        let forks = 0;
        cluster.on('exit', () => { forks++; cluster.fork(); });
        process.on('SIGTERM', () => setTimeout(() => { say({ forks }); process.exit(); }, 3000));
      `,
    );
    await using _ = service;
    service.signal('SIGTERM');
    const { forks } = await service.readUntil((line) => 'forks' in line);
    expect(forks).toBeLessThanOrEqual(2);
    await service.ended();
  });

  test('that call serve() after they have listened do not keep the stop waiting', async () => {
    const { service } = await startCluster(`
      const { serve } = await import('${import.meta.resolve('libsystemd')}');
      const fallback = { port: 0, host: '127.0.0.1' };
      const serveToo = async () => {
        await serve(http.createServer(), { name: 'none', fallback });
        say({ serves: process.pid });
      };
      setTimeout(serveToo, 500);
    `);
    await using _ = service;
    for (let i = 0; i < 2; i++) await service.readUntil((line) => 'serves' in line);
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual(DIED);
  });

  test('end alone when one of them alone gets the signal, after its answer', async () => {
    const { service, at } = await startCluster(
      '',
      "cluster.on('exit', ({ process }, code, signal) => say({ ended: process.pid, code, signal }));",
    );
    await using _ = service;
    const { client, worker } = await askWorker(service, at, 1200);
    using __ = client;
    process.kill(worker, 'SIGTERM');
    await client.until('done');
    const line = await service.readUntil(({ ended }) => ended !== undefined);
    expect(line).toEqual({ ended: worker, code: null, signal: 'SIGTERM' });
    const next = await askWorker(service, at, 1);
    expect(next.worker).not.toBe(worker);
    next.client.socket.destroy();
    expect(service.notifications).toHaveLength(1);
  });

  test('keep the backlog of the unit, and leave no socket without a server', async () => {
    const { service } = await startCluster(
      '',
      "const { acceptQueue } = await import('libsystemd'); setInterval(() => say(acceptQueue(3)), 300);",
    );
    await using _ = service;
    expect(await service.readUntil((line) => 'limit' in line)).toMatchObject({ limit: 1000 });
    expect(service.stderr).toBe('');
    expect(service.lines.filter(({ warning }) => warning)).toEqual([]);
  });
});

describe.concurrent.each(['none', 'rr'])('cluster workers, scheduled by %s', (policy) => {
  test('get all sockets of a name, which have other ports than the program asks for', async () => {
    const ports = [await freePort(), await freePort(), await freePort()] as const;
    const [asked, ...held] = ports;
    await using service = await startAuto(clusterProgram(asked), {
      specs: held.map((port) => `tcp:127.0.0.1:${port}`),
      names: 'web:web',
      env: { LIBSYSTEMD_AUTO: `${asked}=web`, NODE_CLUSTER_SCHED_POLICY: policy },
    });
    await untilReady(service);
    const clients = [];
    for (const port of [...held, ...held]) {
      clients.push(await ask(service, { host: '127.0.0.1', port }, 1000));
    }
    service.signal('SIGTERM');
    for (const client of clients) await client.until('done');
    expect(await service.ended()).toEqual(DIED);
    expect(service.stderr).toBe('');
    for (const client of clients) client.socket.destroy();
  });
});

describe.concurrent('a server in a worker thread', () => {
  const program = (before = '') => {
    const file = writeProgram(`
        import http from 'node:http';
        import { parentPort, workerData } from 'node:worker_threads';
        http.createServer((request, response) => {
          parentPort.postMessage(request.url);
          setTimeout(() => response.end('done'), Number(request.url.slice(1)));
        }).listen(workerData);
    `);
    return `
      ${before}
      const worker = new Worker('${file}', { workerData: PORT });
      worker.on('message', (request) => say({ request }));
    `;
  };

  test('gets the socket, makes the service ready, and is drained', async () => {
    const { service, at } = await startOnPort(program(), { isFile: true });
    await using _ = service;
    expect(await untilReady(service)).toBe(`READY=1\nSTATUS=Serving on 127.0.0.1:${at.port}`);
    expect(service.stderr).toBe('');
    using client = await ask(service, at, 1500);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual(DIED);
  });

  test('is drained before the listeners of the program run', async () => {
    const { service, at } = await startOnPort(
      program("process.on('SIGTERM', () => { say({ called: true }); process.exit(); });"),
      { isFile: true },
    );
    await using _ = service;
    await untilReady(service);
    using client = await ask(service, at, 1500);
    service.signal('SIGTERM');
    await client.until('done');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
    expect(service.lines).toContainEqual({ called: true });
  });

  test('that has ended is not waited for', async () => {
    const { service } = await startOnPort(
      `
        ${program()}
        http.createServer(answer).listen(PORT);
        setTimeout(async () => say({ ended: await worker.terminate() }), 800);
      `,
      { isFile: true },
    );
    await using _ = service;
    await untilReady(service);
    await service.readUntil((line) => 'ended' in line);
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual(DIED);
  });
});

describe.concurrent('a program behind another program', () => {
  test('is told what to change when it cannot listen', async () => {
    const port = await freePort();
    const child = `require('http').createServer().listen(${port}, '127.0.0.1')`;
    await using service = await startAuto(
      `
        import { spawnSync } from 'node:child_process';
        const { status, stderr } = spawnSync(process.execPath, ['-r', 'libsystemd/auto', '-e', ${JSON.stringify(child)}]);
        say({ status, stderr: String(stderr) });
      `,
      { by: undefined, specs: [`tcp:127.0.0.1:${port}`] },
    );
    const { status, stderr } = await service.readUntil((line) => 'status' in line);
    expect(status).toBe(1);
    expect(stderr).toMatch(/EADDRINUSE/);
    expect(stderr).toMatch(
      /\[ERR_SYSTEMD_NOT_ACTIVATED\] Warning: systemd has started process \d+ \(.*node.*\), and its sockets are for that process\. This one \(\d+\) only descends from it: write ExecStart=node --import libsystemd\/auto app\.js into the unit, with no other program in between/,
    );
  });

  test('is told the same when the other program has the preload too', async () => {
    const port = await freePort();
    await using service = await startAuto(
      `
        import { spawn } from 'node:child_process';
        import { text } from 'node:stream/consumers';
        const source = "require('http').createServer().listen(${port}, '127.0.0.1')";
        const child = spawn(process.execPath, ['-r', 'libsystemd/auto', '-e', source]);
        say({ stderr: await text(child.stderr) });
      `,
      { specs: [`tcp:127.0.0.1:${port}`] },
    );
    const { stderr } = await service.readUntil((line) => 'stderr' in line);
    expect(stderr).toContain(`systemd has started process ${service.pid} (`);
    await sleep(50);
    expect(service.notifications).toEqual([]);
  });
});

test.concurrent("cluster workers by Node's default, in which the primary accepts, are served and drained", async () => {
  const { service, at } = await startCluster('', '', { NODE_CLUSTER_SCHED_POLICY: 'rr' });
  await using _ = service;
  using client = await ask(service, at, 1200);
  service.signal('SIGTERM');
  await client.until('done');
  expect(await service.ended()).toEqual(DIED);
  expect(service.stderr).toBe('');
});

test.concurrent('the program of cluster workers sees no messages but its own', async () => {
  const { service, at } = await startCluster(
    "process.on('message', (message) => say({ toWorker: message })); process.send('mine');",
    "cluster.on('message', (_worker, message) => say({ toPrimary: message }));",
  );
  await using _ = service;
  using client = await ask(service, at, 1000);
  service.signal('SIGTERM');
  await client.until('done');
  expect(await service.ended()).toEqual(DIED);
  expect(service.lines.filter((line) => 'toWorker' in line)).toEqual([]);
  const toPrimary = service.lines.filter((line) => 'toPrimary' in line);
  expect(toPrimary).toEqual([{ toPrimary: 'mine' }, { toPrimary: 'mine' }]);
});
