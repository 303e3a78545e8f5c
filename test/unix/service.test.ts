// Unix sockets of messages with listen(), serve() and fdStore: inherited, drained, cut, stored, in cluster workers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, fstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { closeFd, UnixDatagram, UnixSeqpacket } from '../../lib/unix.ts';
import { nobody, straceLacks } from '../activation/machine.ts';
import { spawnLaunched } from '../support/launch.ts';
import { Service } from '../support/service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Collected, python, until } from './peer.ts';

const folder = temporaryFolder();
const program = join(import.meta.dirname, 'programs/served.mjs');
let names = 0;
const newPath = () => join(folder, String(++names));

type Line = Record<string, unknown>;

function start(specs: readonly string[], args: readonly string[], env = {}): Service {
  const command = [process.execPath, program, ...args];
  return new Service(spawnLaunched(specs, command, { env }));
}

function startWithoutSockets(args: readonly string[]): Service {
  return new Service(
    spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
}

const SPECS = { datagram: 'unix-dgram', seqpacket: 'unix-seqpacket' } as const;
const KINDS = ['datagram', 'seqpacket'] as const;

/** Sends a question to a server, and returns its answer. */
async function ask(kind: 'datagram' | 'seqpacket', path: string): Promise<string | undefined> {
  if (kind === 'datagram') {
    await using client = new UnixDatagram().bind(newPath());
    const received = new Collected(client);
    await client.send('question', path);
    return (await received.first(1))[0];
  }
  await using client = await new UnixSeqpacket().connect(path);
  const received = new Collected(client);
  await client.send('question');
  return (await received.first(1))[0];
}

describe.each(KINDS)('listen() of a %s server', (kind) => {
  test('takes the socket of its unit, and leaves the inherited descriptor open', async () => {
    const path = newPath();
    const specs = [`unix:${newPath()}`, `${SPECS[kind]}:${path}`];
    await using service = start(specs, ['listen', kind]);
    const line = await service.next<Line>();
    expect(line).toMatchObject({ addresses: [{ family: 'unix', path }], fds: [3, 4] });
    expect(line['fd']).toBeGreaterThan(4);
    expect(await ask(kind, path)).toBe('question');
  });

  test('uses its fallback, in place of what a dead process has left', async () => {
    const path = newPath();
    await python('socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(sys.argv[1])', path);
    const fallback = { path, mode: 0o622 };
    await using service = startWithoutSockets(['listen', kind, JSON.stringify({ fallback })]);
    expect(await service.next<Line>()).toMatchObject({ addresses: [{ family: 'unix', path }] });
    expect(statSync(path).mode & 0o777).toBe(0o622);
    expect(await ask(kind, path)).toBe('question');
  });

  test.each([
    ['a socket of another kind', ['tcp:127.0.0.1:0'], {}, 'ERR_SYSTEMD_FD_KIND'],
    ['no socket', [], {}, 'ERR_SYSTEMD_NOT_ACTIVATED'],
    ['a port as its fallback', [], { fallback: 80 }, 'ERR_INVALID_ARG_VALUE'],
    ['digits as its fallback', [], { fallback: '80' }, 'ERR_INVALID_ARG_VALUE'],
    ['options without a path', [], { fallback: { port: 80 } }, 'ERR_INVALID_ARG_VALUE'],
    ['a misspelled option', [], { fallback: { path: '/x', mod: 1 } }, 'ERR_INVALID_ARG_VALUE'],
  ])('refuses %s', async (_what, specs, options, code) => {
    const args = ['listen', kind, JSON.stringify(options)];
    await using service = specs.length > 0 ? start(specs, args) : startWithoutSockets(args);
    expect(await service.next<Line>()).toMatchObject({ code });
  });

  test('works in a program of CommonJS', async () => {
    const code = `
      const { listen } = require('libsystemd');
      const { UnixDatagram, UnixSeqpacketServer } = require('libsystemd/unix');
      const server = process.argv[1] === 'datagram' ? new UnixDatagram() : new UnixSeqpacketServer();
      const end = (line) => (console.log(JSON.stringify(line)), server.close());
      const options = { fallback: process.argv[2] };
      Promise.resolve().then(() => listen(server, options)).then(end, ({ message }) => end({ message }));`;
    const path = newPath();
    const cwd = import.meta.dirname; // libsystemd is found from there
    const args = ['--input-type=commonjs', '-e', code, kind, path];
    await using service = new Service(
      spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    expect(await service.next()).toEqual([{ family: 'unix', path }]);
  });

  test('refuses two sockets', async () => {
    const specs = [`${SPECS[kind]}:${newPath()}`, `${SPECS[kind]}:${newPath()}`];
    await using service = start(specs, ['listen', kind]);
    const { code, message } = await service.next<Line>();
    expect([code, message]).toEqual(['ERR_SYSTEMD_FD_COUNT', expect.stringContaining('takes one')]);
  });

  test.each([true, false])(
    'works in a cluster worker (the primary announces: %s)',
    async (announces) => {
      const path = newPath();
      const args = ['worker', kind, JSON.stringify({ announces })];
      await using service = start([`${SPECS[kind]}:${path}`], args);
      expect(await service.next<Line>()).toMatchObject({ addresses: [{ path }] });
      expect(await ask(kind, path)).toBe('question');
    },
  );
});

test('a primary with such a socket lets its workers copy it where Yama keeps others from that', async (ctx) => {
  ctx.skip(straceLacks !== undefined, straceLacks);
  const calls = join(folder, 'calls');
  const strace = ['strace', '-D', '-e', 'trace=prctl', '-o', calls];
  const worker = [process.execPath, program, 'worker', 'datagram', '{"announces":true}'];
  await using service = new Service(
    spawnLaunched([`unix-dgram:${newPath()}`], [...strace, ...worker], { env: {} }),
  );
  await service.next();
  await expect
    .poll(() => readFileSync(calls, 'latin1'))
    .toContain(`prctl(PR_SET_PTRACER, ${service.pid})`);
});

test('a cluster worker that may not copy the socket of its primary says what forbids it', async () => {
  const options = JSON.stringify({ announces: true, uid: nobody });
  await using service = start([`unix-dgram:${newPath()}`], ['worker', 'datagram', options]);
  expect(await service.next<Line>()).toEqual({
    code: 'ERR_SYSTEMD_CLUSTER',
    message:
      "This worker can't copy a socket of libsystemd/unix from its primary (EPERM: operation not permitted, pidfd_getfd, fd 3): let the worker have its primary's user, and kernel.yama.ptrace_scope be 0 or 1, or serve without workers",
  });
});

test('a stop leaves unread messages to the next process, and sends the answers to those that were read', async () => {
  const path = newPath();
  const specs = [`unix-dgram:${path}`];
  await using client = new UnixDatagram().bind(newPath());
  const answers = new Collected(client);
  await using service = start(specs, ['serve', 'datagram', JSON.stringify({ delay: 100 })]);
  expect(await service.next<Line>()).toMatchObject({ addresses: [{ path }] });
  await client.send('before the stop', path);
  expect(await service.next<Line>()).toEqual({ received: 'before the stop' });
  process.kill(service.pid as number, 'SIGTERM');
  expect(await service.next<Line>()).toEqual({ reason: 'SIGTERM', open: 0 });
  await client.send('after the stop has begun', path);
  expect(await answers.first(1)).toEqual(['before the stop']);
  expect(await service.next<Line>()).toEqual({ stopped: true });
  expect(await service.ended()).toMatchObject({ code: 0 });
  expect(answers.texts).toEqual(['before the stop']);
});

test('a stop accepts nobody, and waits for the connections of a seqpacket server', async () => {
  const path = newPath();
  await using service = start([`unix-seqpacket:${path}`], ['serve', 'seqpacket']);
  expect(await service.next<Line>()).toMatchObject({ addresses: [{ path }] });
  await using client = await new UnixSeqpacket().connect(path);
  const received = new Collected(client);
  await client.send('one');
  await received.first(1);
  process.kill(service.pid as number, 'SIGTERM');
  expect(await service.next<Line>()).toEqual({ reason: 'SIGTERM', open: 1 });
  await client.send('two');
  expect(await received.first(2)).toEqual(['one', 'two']);
  await client.end();
  expect(await service.next<Line>()).toEqual({ stopped: true });
  expect(await service.ended()).toMatchObject({ code: 0 });
});

test('a connection that does not end is cut after stopTimeout, with a warning', async () => {
  const path = newPath();
  const options = JSON.stringify({ stopTimeout: 50 });
  await using service = start([`unix-seqpacket:${path}`], ['serve', 'seqpacket', options]);
  await service.next();
  await using client = await new UnixSeqpacket().connect(path);
  const closed = once(client, 'close');
  const received = new Collected(client);
  await client.send('x');
  await received.first(1);
  process.kill(service.pid as number, 'SIGTERM');
  expect(await service.next<Line>()).toEqual({ reason: 'SIGTERM', open: 1 });
  expect([await service.next<Line>(), await service.next<Line>()]).toEqual(
    expect.arrayContaining([{ warning: 'ERR_SYSTEMD_CUT' }, { stopped: true }]),
  );
  await closed;
});

test('a service without clients stops when it is idle, and each message keeps it', async () => {
  const path = newPath();
  const options = JSON.stringify({ idleTimeout: 300 });
  await using service = start([`unix-dgram:${path}`], ['serve', 'datagram', options]);
  await service.next();
  expect(await ask('datagram', path)).toBe('question');
  expect(await service.next<Line>()).toEqual({ received: 'question' });
  expect(await service.next<Line>()).toMatchObject({ open: 0 });
  expect(await service.next<Line>()).toEqual({ stopped: true });
});

test.each(KINDS)('fdStore keeps the descriptor of a %s server', async (kind) => {
  const path = newPath();
  const manager = new UnixDatagram({ fds: true }).bind(newPath());
  const taken: number[] = [];
  const received = new Collected(manager);
  manager.on('message', (_data, message) => taken.push(...message.takeFds()));
  const env = { NOTIFY_SOCKET: (manager.address() as { path: string }).path };
  await using service = start([`${SPECS[kind]}:${path}`], ['store', kind], env);
  expect(await service.next<Line>()).toEqual({ stored: true });
  await until(() => received.texts.some((text) => text.includes('FDNAME=kept')));
  expect(taken).toHaveLength(1);
  const [fd] = taken as [number];
  expect(fstatSync(fd).isSocket()).toBe(true);
  closeFd(fd);
  await manager.close();
  expect(existsSync(path)).toBe(true);
});
