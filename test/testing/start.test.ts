// What a program gets from start(), and what start() tells of one that fails.
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { start, unavailable } from 'libsystemd/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { compile, root } from '../support/tools.ts';
import { does, failure, programs, startUnit } from './support.ts';

const folder = temporaryFolder();
const inC = join(folder, 'waits');

beforeAll(() => compile([join(programs, 'waits.c'), '-o', inC]));

/**
 * Prints the environment as a sorted list of names, and the descriptors that are open. No pipe for ls, because the shell
 * has the pipe open meanwhile; something after it, because the shell would become ls.
 */
const REPORT = 'env | cut -d= -f1 | grep -v "^_$" | sort | tr "\\n" " "; ls /proc/$$/fd; true';

describe('a program gets', () => {
  test('the environment of a service, and nothing of the test', async () => {
    process.env['OF_THE_TEST'] = '1';
    const unit = await startUnit(['/bin/sh', '-c', REPORT], {
      type: 'oneshot',
      env: { EXTRA: 'a b' },
      notifyAccess: 'all',
      watchdog: 5000,
      fdStore: 3,
      sockets: { http: 'tcp' },
    });
    const names = unit.output
      .split(/\s/)
      .filter((word) => /^[A-Z_]+$/.test(word) && word !== 'PWD');
    expect(names).toEqual(
      [
        ...[
          'EXTRA',
          'FDSTORE',
          'INVOCATION_ID',
          'LANG',
          'LISTEN_FDNAMES',
          'LISTEN_FDS',
          'LISTEN_PID',
        ],
        ...['NOTIFY_SOCKET', 'PATH', 'SYSTEMD_EXEC_PID', 'USER', 'WATCHDOG_PID', 'WATCHDOG_USEC'],
        ...(process.env['NODE_V8_COVERAGE'] === undefined ? [] : ['NODE_V8_COVERAGE']),
      ].sort(),
    );
    // What the process of the test itself was started with is open in every child.
    const plain = execFileSync('/bin/sh', ['-c', 'ls /proc/$$/fd'], { encoding: 'utf8' });
    const expected = new Set([...plain.trim().split('\n'), '3']);
    expect(new Set(unit.output.match(/\b\d+\b/g))).toEqual(expected);
  });

  test('its sockets in order, and LISTEN_PID is its own, also in C', async () => {
    const unit = await startUnit([inC], { sockets: { first: ['unix', 'tcp'], second: 'udp' } });
    const answer = await text(await unit.connect('first'));
    expect(answer).toBe('first:first:second of 3, pid right\n');
    await unit.stop().catch(() => {});
  });

  test('every kind of socket', async () => {
    const unit = await startUnit(does('READY=1'), {
      sockets: {
        tcp: 'tcp',
        tcp6: 'tcp6',
        udp: 'udp',
        unix: 'unix',
        datagrams: 'unix-dgram',
        packets: 'unix-seqpacket',
        fifo: 'fifo',
        abstract: 'abstract',
        zero: 'special:/dev/zero',
      },
    });
    expect(unit.sockets.map(({ kind }) => kind)).toEqual([
      ...['stream', 'stream', 'datagram', 'stream', 'datagram', 'seqpacket', 'fifo', 'stream'],
      'special',
    ]);
    expect(unit.url('tcp6', '/x')).toMatch(/^http:\/\/\[::1\]:\d+\/x$/);
    expect(unit.addresses['abstract']?.path).toMatch(/^\0/);
    for (const name of ['tcp', 'tcp6', 'unix', 'abstract'] as const) {
      const client = await unit.connect(name);
      client.destroy();
    }
    expect(() => unit.url('unix')).toThrow(/TCP/);
    expect(() => unit.url('other')).toThrow(/tcp, tcp6, udp, unix/);
    await unit.stop();
  });

  test('its socket as its standard input, with StandardInput=socket', async () => {
    const answer = join(folder, 'answer'); // its standard output is the socket too
    const script = 'echo "$(head -n 1), LISTEN_FDS=$LISTEN_FDS" >$ANSWER';
    const unit = await startUnit(['/bin/sh', '-c', script], {
      type: 'simple',
      input: 'socket',
      env: { ANSWER: answer },
      sockets: { stats: 'udp' },
    });
    const client = createSocket('udp4');
    client.send('a datagram\n', unit.addresses['stats']?.port as number, '127.0.0.1');
    await unit.until({ state: 'inactive' }, { timeout: 20_000 });
    client.close();
    expect(readFileSync(answer, 'utf8')).toBe('a datagram, LISTEN_FDS=\n');
    await unit.stop();
  });
});

describe('start()', () => {
  test('resolves at READY=1, and stop() at the end of the process', async () => {
    const unit = await startUnit(does('wait:200', 'STATUS=up', 'READY=1'));
    expect(unit).toMatchObject({ state: 'active', status: 'up', result: 'success', restarts: 0 });
    await expect(unit.stop()).resolves.toEqual({
      code: null,
      signal: 'SIGTERM',
      result: 'success',
    });
    expect(unit.state).toBe('inactive');
  });

  test('gets variables whatever their names are, although a shell knows only some', async () => {
    const env = { 'A-B': "it's", 'x.y': '2', C: '3' };
    const unit = await startUnit(['/usr/bin/env'], { type: 'oneshot', env });
    expect(unit.output.split('\n')).toEqual(expect.arrayContaining(["A-B=it's", 'x.y=2', 'C=3']));
    expect(unit.output).toMatch(/^SYSTEMD_EXEC_PID=\d+$/m);
    await unit.stop();
  });

  test('with lazy waits for the first client', async () => {
    const unit = await startUnit([inC], { lazy: true, sockets: { web: 'tcp' } });
    expect(unit).toMatchObject({ state: 'listening', mainPid: undefined });
    expect(await text(await unit.connect('web'))).toBe('web of 1, pid right\n');
    await unit.until({ state: 'active' });
    await unit.stop();
  });

  test('a lazy unit that was stopped listens again after restart(), on the same address', async () => {
    const unit = await startUnit([inC], { lazy: true, sockets: { web: 'tcp' } });
    const { addresses } = unit;
    await unit.stop();
    await unit.restart();
    expect(unit).toMatchObject({ state: 'listening', mainPid: undefined, addresses });
    expect(await text(await unit.connect('web'))).toBe('web of 1, pid right\n');
    await unit.until({ state: 'active' });
    // One that runs is restarted.
    const { mainPid } = unit;
    await unit.restart();
    expect(unit.state).toBe('active');
    expect(unit.mainPid).not.toBe(mainPid);
    await unit.stop();
  });

  test('the sockets of a lazy unit are closed once its clients start it too often, until start()', async () => {
    // The program never takes the connection, so each of its starts is followed by another one.
    const unit = await startUnit(['/bin/true'], {
      lazy: true,
      type: 'exec',
      strict: false,
      sockets: { web: 'tcp', admin: 'unix' },
    });
    const refused = failure(text(await unit.connect('web')));
    await unit.until(({ state }) => state === 'failed', { timeout: 20_000 });
    expect(unit.result).toBe('start-limit-hit');
    expect(await refused).toMatchObject({ code: 'ECONNRESET' });
    await expect(unit.connect('web')).rejects.toThrow('ECONNREFUSED');
    await expect(unit.connect('admin')).rejects.toThrow('ECONNREFUSED');
    const { message } = await failure(unit.until({ state: 'active' }));
    expect(message).toMatch(/sockets +web stream 127\.0\.0\.1:\d+, closed/);
    const before = unit.addresses;
    await unit.start();
    expect(unit.addresses).toEqual(before);
    // A client is there again, and one start more is too many.
    const failed = () => unit.log.filter((line) => line.includes("'service-start-limit-hit'"));
    expect(failed()).toHaveLength(1);
    // Whether it still connects, and how it ends, is a matter of timing.
    await unit.connect('admin').then(
      (client) => client.on('error', () => {}),
      () => {},
    );
    await expect.poll(failed, { timeout: 20_000 }).toHaveLength(2);
    await unit.stop();
  });

  test('of CommonJS is the same function', async () => {
    const required = createRequire(import.meta.url)('libsystemd/testing');
    expect(Object.keys(required).sort()).toEqual(['UnitError', 'start', 'unavailable']);
    const unit = await required.start(does('READY=1'), { startTimeout: 20_000 });
    expect(unit.state).toBe('active');
    await unit.stop();
  });

  test('works where unavailable() returns undefined', () => {
    expect(unavailable()).toBeUndefined();
  });
});

describe('the message of a failure', () => {
  test('tells all that is known', async () => {
    const actions = ['STATUS=Connecting', 'complain:Error: ECONNREFUSED', 'READY=1 '];
    const started = startUnit(does(...actions), { sockets: { http: 'tcp' }, startTimeout: 8000 });
    const { message, code, stack } = await failure(started);
    expect(code).toBe('ERR_SYSTEMD_UNIT');
    for (const line of [
      /^does\.mjs did not become ready within 8 s$/m,
      /^ {2}state {5}deactivating .*result timeout/m,
      /status: Connecting$/m,
      /^ {2}process {3}\d+ node, running for [\d.]+ s, sleeps/m,
      /^ {2}sockets {3}http stream 127\.0\.0\.1:\d+$/m,
      /^ {2}messages {2}\+[\d.]+ m?s +pid \d+ {2}STATUS=Connecting$/m,
      /READY=1␠ {3}ignored: /m,
      /^ {2}stderr {4}Error: ECONNREFUSED$/m,
      /^ {2}problems {2}near-miss: /m,
      /^ {2}try {7}Send READY=1 as a whole line/m,
    ])
      expect(message).toMatch(line);
    expect(stack).toContain('support.ts');
  });

  test('begins its stack where the test has called', async () => {
    const error = await failure(start(['/bin/false']));
    expect(error.stack?.split('\n').find((line) => line.startsWith('    at '))).toContain(
      'start.test.ts',
    );
  });

  test.each<[string, readonly string[], RegExp]>([
    [
      'exits, and is named by its script',
      [
        process.execPath,
        '--import',
        'node:fs',
        '-r',
        'node:fs',
        '--no-warnings',
        does()[1] as string,
        'exit:3',
      ],
      /^does\.mjs exited with 3 before READY=1\n/,
    ],
    ['exits', does('exit:3'), /^does\.mjs exited with 3 before READY=1\n/],
    ['exits with 0', does('exit:0'), /result protocol/],
    ['is killed', does('kill:SIGKILL'), /^does\.mjs was ended by SIGKILL before READY=1\n/],
    [
      'is missing',
      ['/nonexistent/daemon'],
      /^daemon was not started: \/nonexistent\/daemon does not exist\n/,
    ],
    ['is no program', [join(root, 'package.json')], /lacks the permission \(chmod \+x\)/],
    [
      'is a command line in one word',
      ['node server.js'],
      /a command is a list of words: 'node', 'server\.js'/,
    ],
    ['is not in PATH', ['no-such-program'], /was found in no folder of PATH/],
    [
      'starts what is not in PATH',
      ['/bin/sh', '-c', 'no-such-program'],
      /a service has the PATH of the system/,
    ],
  ])('of a program that %s', async (_what, command, message) => {
    expect((await failure(startUnit(command))).message).toMatch(message);
  });

  test('tells that the event loop does not turn', async () => {
    const error = await failure(
      startUnit(does('STATUS=begun', 'block:30000'), { startTimeout: 8000 }),
    );
    expect(error.message).toMatch(/is busy: its event loop does not turn/);
  });

  test('tells how many connections wait', async () => {
    const place = join(folder, 'waiting.sock');
    const starting = startUnit(['sleep', '60'], {
      startTimeout: 3000,
      sockets: { web: `unix:${place}`, idle: 'tcp' },
    });
    const failing = failure(starting); // its sockets are open already
    const clients = [createConnection(place), createConnection(place)];
    await Promise.all(clients.map((client) => once(client, 'connect')));
    for (const client of clients) client.on('error', () => {}); // The failed start closes its sockets.
    const { message } = await failing;
    for (const client of clients) client.destroy();
    expect(message).toContain(`web stream ${place}, 2 connections wait to be accepted\n`);
    expect(message).toMatch(/idle stream 127\.0\.0\.1:\d+$/m);
  });
});
