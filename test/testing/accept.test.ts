// Accept=yes: a program for each connection. What PID 1 does with it was measured with systemd 252 and 262.
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Unit, UnitOptions } from 'libsystemd/testing';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { does, failure, isAlive, startUnit } from './support.ts';

const folder = temporaryFolder();

const PATIENTLY = { timeout: 20_000 };

const sh = (script: string) => ['/bin/sh', '-c', script];

/** Tells its client what it got, and ends with its client. */
const TELLS = sh(
  'echo "$LISTEN_FDS $LISTEN_FDNAMES $REMOTE_ADDR $REMOTE_PORT" >&3; [ $LISTEN_PID = $$ ] && echo mine >&3; exec 0<&3; cat >/dev/null',
);

/** Echoes its client's lines as inetd's programs do. */
const ECHOES = sh('cat');

function startAccepting(command: readonly string[], options: UnitOptions = {}): Promise<Unit> {
  return startUnit(command, { sockets: { chat: 'tcp' }, accept: true, ...options });
}

async function line(socket: Socket): Promise<string> {
  const [data] = await once(socket.setEncoding('utf8'), 'data');
  return String(data);
}

/** Sends a line, and returns what comes back. */
async function exchange(socket: Socket, sent: string): Promise<string> {
  const answer = line(socket);
  socket.write(sent);
  return await answer;
}

describe('with accept', () => {
  test('a program gets its connection as fd 3, and knows its client', async () => {
    const unit = await startAccepting(TELLS);
    expect(unit).toMatchObject({ state: 'listening', mainPid: undefined, instances: [] });
    const socket = await unit.connect('chat');
    const answer = text(socket);
    const { localPort } = socket;
    socket.end();
    expect(await answer).toBe(`1 chat 127.0.0.1 ${localPort}\nmine\n`);
    await expect.poll(() => unit.instances[0]?.state, PATIENTLY).toBe('inactive');
    const { port } = unit.addresses['chat'] as { port: number };
    expect(unit.instances).toMatchObject([
      {
        name: expect.stringMatching(
          new RegExp(`^sh -c@0-\\d+-127.0.0.1:${port}-127.0.0.1:${localPort}$`),
        ),
        result: 'success',
        exit: { code: 0, signal: null },
      },
    ]);
    expect(unit.state).toBe('listening');
    await unit.stop();
  });

  test('a template is read again for each connection, and the options hold for each', async () => {
    const path = join(folder, 'template');
    mkdirSync(path);
    const script = `echo "%i $MARK $SO_COOKIE" >&3`;
    writeFileSync(
      join(path, 'app@.service'),
      `[Service]\nExecStart=/bin/sh -c '${script.replaceAll('$', '$$')}'\nEnvironment=MARK=%p\n`,
    );
    writeFileSync(join(path, 'app.socket'), '[Socket]\nListenStream=80\nAccept=yes\n');
    const each = async (options: UnitOptions) => {
      const unit = await startUnit(join(path, 'app@.service'), options);
      const answers = [0, 1].map(async () => text(await unit.connect('app.socket')));
      const printed = (await Promise.all(answers)).sort();
      const names = unit.instances.map(({ name }) => name).sort();
      await unit.stop();
      return { printed, names };
    };
    const { printed, names } = await each({});
    expect(names).toHaveLength(2);
    const instances = names.map((name) => name.slice('app@'.length, -'.service'.length));
    const cookies = instances.map((instance) => instance.split('-')[1]);
    expect(printed).toEqual(instances.map((instance, i) => `${instance} app ${cookies[i]}\n`));
    const older = await each({ systemd: 257, env: { MARK: 'mine' } });
    expect(older.printed[0]).toMatch(/^0-127\.0\.0\.1:\d+-127\.0\.0\.1:\d+ mine \n$/);
  });

  test('the name of the connection was `connection` until 256', async () => {
    const unit = await startAccepting(TELLS, { systemd: 256 });
    const socket = await unit.connect('chat');
    expect(await line(socket)).toContain('1 connection 127.0.0.1');
    socket.destroy();
    await unit.stop();
  });

  test('with input socket, it is standard input and output, and no fd is counted', async () => {
    const unit = await startAccepting(sh('env | grep -c LISTEN_; cat'), { input: 'socket' });
    const socket = await unit.connect('chat');
    expect(await line(socket)).toBe('0\n');
    expect(await exchange(socket, 'hello\n')).toBe('hello\n');
    socket.destroy();
    await unit.stop();
  });

  test('a Unix client without a name has no REMOTE_ADDR', async () => {
    const unit = await startAccepting(sh('env >&3'), { sockets: { chat: 'unix' } });
    const environment = await text(await unit.connect('chat'));
    expect(environment).toContain('LISTEN_FDNAMES=chat');
    expect(environment).not.toContain('REMOTE_');
    const cookie = /^SO_COOKIE=([1-9]\d*)$/m.exec(environment)?.[1];
    expect(unit.instances[0]?.name).toMatch(
      new RegExp(`^sh -c@0-${cookie}-${process.pid}(_\\d+)?-${process.getuid?.()}$`),
    );
    await unit.stop();
  });

  test('each of three connections at once has its own program, and stop() ends them all', async () => {
    const unit = await startAccepting(ECHOES, { input: 'socket' });
    const sockets = await Promise.all([0, 1, 2].map(() => unit.connect('chat')));
    const answers = await Promise.all(sockets.map((socket, i) => exchange(socket, `${i}\n`)));
    expect(answers).toEqual(['0\n', '1\n', '2\n']);
    const pids = unit.instances.map(({ mainPid }) => mainPid as number);
    expect(new Set(pids).size).toBe(3);
    const closed = sockets.map((socket) => text(socket));
    await unit.stop();
    expect(await Promise.all(closed)).toEqual(['', '', '']);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(unit.instances.map(({ state, result }) => [state, result])).toEqual(
      Array(3).fill(['inactive', 'success']),
    );
  });

  test('a connection beyond maxConnections is closed, and one more is served once another has ended', async () => {
    const unit = await startAccepting(ECHOES, { input: 'socket', maxConnections: 1 });
    const first = await unit.connect('chat');
    expect(await exchange(first, 'a\n')).toBe('a\n');
    expect(await text(await unit.connect('chat'))).toBe('');
    expect(unit.log).toContain(
      'sh -c.socket: Too many incoming connections (1), dropping connection.',
    );
    first.destroy();
    await expect.poll(() => unit.instances[0]?.state, PATIENTLY).toBe('inactive');
    const second = await unit.connect('chat');
    expect(await exchange(second, 'b\n')).toBe('b\n');
    expect(unit.instances).toHaveLength(2);
    second.destroy();
    await unit.stop();
  });

  test('an instance that fails has its own result, and the others go on', async () => {
    const unit = await startAccepting(sh('read word <&3 && exit "$word"; true'));
    const [bad, good] = [await unit.connect('chat'), await unit.connect('chat')];
    bad.end('3\n');
    await unit.until(({ instances }) => instances[0]?.state === 'failed', PATIENTLY);
    expect(unit.instances[0]).toMatchObject({ result: 'exit-code', exit: { code: 3 } });
    expect(unit).toMatchObject({ state: 'listening', result: 'success' });
    expect(unit.instances[1]?.state).toBe('active');
    await unit.stop();
    good.destroy();
  });

  test('messages and problems of the programs are those of the unit', async () => {
    const unit = await startAccepting(does('STATUS=serves', 'READY=1 '), {
      type: 'notify',
      strict: false,
    });
    const socket = await unit.connect('chat');
    await unit.until(({ messages }) => messages.length === 2, PATIENTLY);
    expect(unit.instances[0]).toMatchObject({ state: 'activating', status: 'serves' });
    expect(unit.problems).toMatchObject([{ code: 'near-miss' }]);
    socket.destroy();
    await unit.stop();
  });

  test('stop() fails when a program does not stop in order', async () => {
    const unit = await startAccepting(
      sh("trap '' TERM; echo up >&3; while :; do sleep 0.1; done"),
      {
        stopTimeout: 200,
      },
    );
    const socket = await unit.connect('chat');
    await line(socket);
    expect((await failure(unit.stop())).message).toMatch(
      /did not stop in order: .* did not end within 0\.2 s of SIGTERM, and was killed\n.*stopTimeout: 500/s,
    );
    socket.destroy();
  });

  test('no more connections are taken when too many come in a short time', async () => {
    mkdirSync(join(folder, 'trigger'));
    writeFileSync(join(folder, 'trigger/app@.service'), '[Service]\nExecStart=/bin/true\n');
    writeFileSync(
      join(folder, 'trigger/app.socket'),
      '[Socket]\nListenStream=80\nAccept=yes\nTriggerLimitBurst=2\nTriggerLimitIntervalSec=1h\n',
    );
    const unit = await startUnit(join(folder, 'trigger/app@.service'));
    for (let i = 0; i < 3; i++) expect(await text(await unit.connect('app.socket'))).toBe('');
    await unit.until({ state: 'failed' });
    expect(unit.result).toBe('trigger-limit-hit');
    expect(unit.instances).toHaveLength(2);
    expect(unit.log).toContain("app.socket: Failed with result 'trigger-limit-hit'.");
    // As under PID 1, which closes the sockets.
    await expect(unit.connect('app.socket')).rejects.toThrow('ECONNREFUSED');
    await unit.stop();
  });

  test.each([
    [253, "the unit's socket", '1 connection then 1 app.socket'],
    [262, 'its connection again', '1 connection then 1 connection'],
  ])('under systemd %i an automatic restart gets %s', async (systemd, _what, expected) => {
    const path = join(folder, `restart-${systemd}`);
    mkdirSync(path);
    writeFileSync(
      join(path, 'app@.service'),
      `[Service]\nExecStart=/bin/sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES" >>${path}/out; exit 3'\nRestart=on-failure\n[Unit]\nStartLimitBurst=2\n`,
    );
    writeFileSync(join(path, 'app.socket'), '[Socket]\nListenStream=80\nAccept=yes\n');
    const unit = await startUnit(join(path, 'app@.service'), { systemd, strict: false });
    const socket = await unit.connect('app.socket');
    await expect.poll(() => unit.instances[0]?.state, PATIENTLY).toBe('failed');
    expect(readFileSync(join(path, 'out'), 'utf8').trimEnd().split('\n').join(' then ')).toBe(
      expected,
    );
    socket.destroy();
    await unit.stop();
  });

  test('restart() ends the programs, and goes on listening', async () => {
    const unit = await startAccepting(ECHOES, { input: 'socket' });
    const before = await unit.connect('chat');
    expect(await exchange(before, 'a\n')).toBe('a\n');
    const closed = text(before);
    await unit.restart();
    expect(await closed).toBe('');
    const after = await unit.connect('chat');
    expect(await exchange(after, 'b\n')).toBe('b\n');
    after.destroy();
    await unit.stop();
  });

  test('pause() also holds the messages of programs that are started later', async () => {
    const unit = await startAccepting(does('STATUS=held', 'greet:3'), { type: 'notify' });
    unit.pause();
    const first = await unit.connect('chat');
    expect(await line(first)).toBe('hello');
    // Its message comes after those of all units that were sent before.
    await startUnit(does('READY=1'));
    expect(unit.messages).toEqual([]);
    unit.resume();
    await unit.until(({ messages }) => messages.length === 1, PATIENTLY);
    const second = await unit.connect('chat');
    await unit.until(({ messages }) => messages.length === 2, PATIENTLY);
    for (const socket of [first, second]) socket.destroy();
    await unit.stop();
  });

  test('nothing of it is left behind, also when it is ended by its signal', async () => {
    const controller = new AbortController();
    const unit = await startAccepting(ECHOES, {
      input: 'socket',
      sockets: { chat: 'unix' },
      signal: controller.signal,
    });
    const socket = await unit.connect('chat');
    await exchange(socket, 'a\n');
    const [{ mainPid = 0 } = {}] = unit.instances;
    const path = unit.addresses['chat']?.path as string;
    expect([isAlive(mainPid), existsSync(path)]).toEqual([true, true]);
    const closed = text(socket);
    controller.abort();
    expect(await closed).toBe('');
    expect(existsSync(path)).toBe(false);
    await expect.poll(() => isAlive(mainPid), PATIENTLY).toBe(false);
  });

  test.each<[string, UnitOptions]>([
    ['none', { sockets: {} }],
    ['stats', { sockets: { chat: 'tcp', stats: 'udp' } }],
  ])('sockets that accept no connection are refused: %s', async (which, options) => {
    const error = await failure(startAccepting(ECHOES, options));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain('sockets that accept connections');
    expect(error.message).toContain(which);
  });
});
