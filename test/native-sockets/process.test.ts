// The receiver and the watches in processes of their own: with few descriptors, with JavaScript that stands still, at the end of
// the process and of its threads, where system calls fail.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { native } from '../../lib/addon/exports.ts';
import { encodeUnixAddress } from '../../lib/sd/sockaddr.ts';
import { Injection } from '../faults/strace.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Bundle } from './programs.ts';
import { SAID, scenario } from './scenario.ts';

const folder = temporaryFolder();
let sockets = 0;
/** A new path, as a literal in a program. */
const newPath = () => JSON.stringify(join(folder, String(++sockets)));
let bundle: Bundle;

beforeAll(async () => {
  bundle = await Bundle.make();
});
afterAll(async () => {
  await bundle[Symbol.asyncDispose]();
});

/** The beginning of a program that has a receiver, its texts, and a function that sends to it without waiting. */
const receiving = () => `
  const path = ${newPath()};
  const texts = [];
  const receiver = new manager.Receiver(path, ({ bytes }) => texts.push(bytes.toString()));
  const send = (text, fds = []) =>
    manager.native().send_datagram(manager.encodeUnixAddress(path), text, fds);`;

/** A program that sends messages one after the other, and waits for a place in the queue. Its status is 0, or 7 when it gave up. */
const SENDER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[2]))
try:
    for i in range(1000): s.sendto(b'X_COUNT=%d' % i, sys.argv[1])
except socket.timeout:
    sys.exit(7)`;

/** The blocking call of JavaScript, which waits for the sender. */
const SEND_MANY = `
  import { spawnSync } from 'node:child_process';
  const sendMany = (seconds) =>
    spawnSync('python3', ['-c', ${JSON.stringify(SENDER)}, path, seconds]).status;`;

describe('where a queue has 10 places', () => {
  const under = ['unshare', '--net', '--map-root-user'];
  const SETTING = `say(readFileSync('/proc/sys/net/unix/max_dgram_qlen', 'utf8').trim());`;

  test('a daemon sends 1,000 messages while JavaScript stands still', async () => {
    const program = `${receiving()} ${SEND_MANY} ${SETTING}
      const status = sendMany('30');
      await receiver.drain();
      say({ status, count: texts.length, last: texts.at(-1) });`;
    const expected = ['10', { status: 0, count: 1000, last: 'X_COUNT=999' }];
    expect(await bundle.said(program, { under })).toEqual(expected);
  });

  test('the daemon would wait for a manager that does not read', async () => {
    const program = `${receiving()} ${SEND_MANY} ${SETTING}
      receiver.pause();
      const status = sendMany('0.5');
      receiver.resume();
      await receiver.drain();
      say({ status, count: texts.length });`;
    const expected = ['10', { status: 7, count: 11 }];
    expect(await bundle.said(program, { under })).toEqual(expected);
  });
});

test('a process that may open one more descriptor gets none of three, and keeps none', async () => {
  const program = `
    import { closeSync, openSync } from 'node:fs';
    const messages = [];
    const path = ${newPath()};
    const receiver = new manager.Receiver(path, (message) => messages.push(message));
    const send = (text, fds = []) =>
      manager.native().send_datagram(manager.encodeUnixAddress(path), text, fds);
    send('READY=1'); // the add-on keeps the socket that it sends from
    const before = openFds();
    const taken = [];
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {
      closeSync(taken.pop());
    }
    send('FDSTORE=1', [0, 0, 0]);
    send('FDSTORE=1', [0]);
    await receiver.drain();
    taken.forEach((fd) => closeSync(fd));
    say(messages.map(({ bytes, lost, fds }) => [bytes.toString(), lost ?? 'nothing', fds.length]));
    say(openFds() - before);`;
  expect(
    await bundle.said(program, { under: ['sh', '-c', 'ulimit -n 50; exec "$@"', 'sh'] }),
  ).toEqual([
    [
      ['READY=1', 'nothing', 0],
      ['FDSTORE=1', 'descriptors', 0],
      ['FDSTORE=1', 'nothing', 1],
    ],
    1,
  ]);
});

test('a sender that the pid namespace does not know has the pid 0', async () => {
  const file = join(folder, 'elsewhere');
  const program = bundle.run(
    `
    new manager.Receiver(${JSON.stringify(file)}, ({ pid }) => {
      say({ pid });
      process.exit();
    });
    await sleep(30_000);`,
    { under: ['unshare', '--pid', '--fork', '--map-root-user'], withoutLeaks: true },
  );
  while (native().send_text(encodeUnixAddress(file), 'READY=1') < 0) await sleep(10);
  expect(await program).toMatchObject({ stdout: '{"pid":0}\n', code: 0 });
  expect(existsSync(file)).toBe(true); // process.exit() closes no receiver
});

test('a callback that throws ends the process as that of a timer does, after the others', async () => {
  const program = `
    const path = ${newPath()};
    const texts = [];
    const receiver = new manager.Receiver(path, ({ bytes }) => {
      texts.push(bytes.toString());
      throw new Error('of ' + bytes);
    });
    const errors = [];
    process.on('uncaughtException', ({ message }) => errors.push(message));
    for (const text of ['one', 'two']) {
      manager.native().send_datagram(manager.encodeUnixAddress(path), text, []);
    }
    await receiver.drain();
    await sleep(0);
    receiver.close();
    say({ texts, errors });`;
  expect(await bundle.said(program)).toEqual([
    { texts: ['one', 'two'], errors: ['of one', 'of two'] },
  ]);
});

test('terminated threads leave nothing open, and the thread ends with the process', async () => {
  // A file, because its worker threads shall be CommonJS.
  const file = join(folder, 'scenario.mjs');
  writeFileSync(file, bundle.program(scenario(folder, bundle.path)));
  expect(await bundle.said('', { runtime: [process.execPath, file] })).toEqual(SAID);
});

test('a receiver and watches keep no process alive, and a drain does', async () => {
  const program = `${receiving()}
    new manager.Watches().onDeath(process.ppid, () => {});
    process.on('exit', () => say({ texts }));`;
  expect(await bundle.said(program)).toEqual([{ texts: [] }]);
  const draining = `${receiving()}
    process.on('exit', () => say({ texts }));
    send('READY=1');
    receiver.drain().then(() => say('drained'));`;
  expect(await bundle.said(draining)).toEqual(['drained', { texts: ['READY=1'] }]);
});

describe('where a system call fails', () => {
  /** The command under which every call fails, or some: `when` is that of strace(1). */
  const failing = (call: string, error: string, when = '') => [
    ...['strace', '-f', '-qq', '-o', join(folder, 'strace')],
    ...['-e', `trace=${call}`, '-e', `inject=${call}:error=${error}${when}`],
  ];

  test.each([
    // The thread tries again: no message is lost.
    ['recvmsg', 'ENOMEM', ':when=1..5'],
    ['recvmsg', 'EINTR', ':when=1+2'],
    ['epoll_wait', 'EINTR', ':when=1+3'],
  ])('%s with %s, now and then, all messages come', async (call, error, when) => {
    const program = `${receiving()}
      for (let i = 0; i < 5; i++) send('X=' + i);
      while (texts.length < 5) await sleep(5);
      receiver.close();
      say(texts);`;
    const under = failing(call, error, when);
    expect(await bundle.said(program, { under })).toEqual([['X=0', 'X=1', 'X=2', 'X=3', 'X=4']]);
  });

  test.each([
    ['clone3,clone', 'EAGAIN', ['EAGAIN', undefined]],
    ['epoll_create1', 'ENFILE', ['ENFILE', undefined]],
    ['eventfd2', 'ENFILE', ['ENFILE', undefined]],
    ['pidfd_open', 'ENOSYS', [undefined, undefined]],
  ] as const)(
    '%s with %s, a receiver throws it if it needs the call, a watch for a death does not, and nothing is left open',
    async (calls, error, codes) => {
      const [ready, go] = [join(folder, `ready-${calls}`), join(folder, `go-${calls}`)];
      const program = bundle.said(
        `
      import { existsSync, writeFileSync } from 'node:fs';
      const path = ${newPath()};
      const codeOf = (begin) => {
        try {
          begin().close();
        } catch (error) {
          return error.code;
        }
      };
      const all = [
        () => new manager.Receiver(path, () => {}),
        () => new manager.Watches().onDeath(process.ppid, () => {}),
      ];
      const codes = [];
      all.map(codeOf); // loads all that is loaded once
      writeFileSync(${JSON.stringify(ready)}, String(process.pid));
      while (!existsSync(${JSON.stringify(go)})) await sleep(5);
      const before = openFds();
      for (const each of all) codes.push(codeOf(each));
      say({ codes: codes.map((code) => code ?? null), left: openFds() - before });`,
        { withoutLeaks: true },
      );
      while (!existsSync(ready) || readFileSync(ready, 'utf8') === '') await sleep(10);
      await Injection.begin(Number(readFileSync(ready, 'utf8')), calls, error);
      writeFileSync(go, '');
      // strace ends with the program.
      expect(await program).toEqual([{ codes: codes.map((code) => code ?? null), left: 0 }]);
    },
  );

  test.each(['ENOSYS', 'EPERM', 'EMFILE'])(
    'pidfd_open with %s, the end of a process is noticed all the same',
    async (error) => {
      const program = `
      import { spawn } from 'node:child_process';
      const child = spawn('sleep', ['0.3'], { stdio: 'ignore' });
      const begin = performance.now();
      const watches = new manager.Watches();
      const patience = setTimeout(() => {}, 20_000); // a watch keeps no process alive
      await new Promise((resolve) => watches.onDeath(child.pid, resolve));
      clearTimeout(patience);
      say(performance.now() - begin > 250);
      watches.onDeath(process.ppid, () => {});`;
      expect(await bundle.said(program, { under: failing('pidfd_open', error) })).toEqual([true]);
    },
  );

  test('epoll_wait with EBADF, it is an error of the process, because nothing comes any more', async () => {
    const program = `${receiving()}
      process.on('uncaughtException', ({ code, syscall }) => {
        say({ code, syscall });
        receiver.close();
      });
      await sleep(20_000).catch(() => {});`.replace('20_000', '500');
    const under = failing('epoll_wait', 'EBADF', ':when=1');
    expect(await bundle.said(program, { under })).toEqual([
      { code: 'EBADF', syscall: 'epoll_wait' },
    ]);
  });
});

test('with too few descriptors it throws EMFILE and leaves nothing open', async () => {
  const program = `
    import { closeSync, openSync } from 'node:fs';
    const path = ${newPath()};
    new manager.Receiver(path, () => {}).close(); // loads all that is loaded once
    const taken = [];
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {}
    const begin = () => {
      try {
        new manager.Receiver(path, () => {}).close();
        return 'begun';
      } catch (error) {
        return error.code;
      }
    };
    const codes = [];
    for (let free = 0; codes.at(-1) !== 'begun'; free++) {
      codes.push(begin());
      closeSync(taken.pop());
    }
    taken.forEach((fd) => closeSync(fd));
    say(codes);`;
  const under = ['sh', '-c', 'ulimit -n 60; exec "$@"', 'sh'];
  // The socket, the thread's copy, its epoll and its eventfd.
  const codes = [...Array(4).fill('EMFILE'), 'begun'];
  expect(await bundle.said(program, { under })).toEqual([codes]);
});

describe('a unit without a descriptor left', () => {
  const under = ['sh', '-c', 'ulimit -n 60; exec "$@"', 'sh'];
  const prepared = `
    import { closeSync, openSync } from 'node:fs';
    const newUnit = () =>
      new manager.ManagedUnit(
        () => manager.describe({ start: { argv: ['/bin/sleep', '60'] }, fdStoreMax: 2 }),
        { message() {}, wrote() {}, mainEnded() {}, changed() {} },
      );
    const taken = [];
    const takeAll = () => {
      try {
        for (;;) taken.push(openSync('/dev/null'));
      } catch {}
    };
    const freeAll = () => taken.splice(0).forEach((fd) => closeSync(fd));`;

  test('is refused where there is no guard for it, and the next one has a guard', async () => {
    const program = `${prepared}
      const children = () =>
        readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').split(' ').length - 1;
      manager.nativeSockets(); // loads all that is loaded once
      takeAll();
      try {
        newUnit();
      } catch ({ code }) {
        say(code);
      }
      freeAll();
      newUnit();
      say(children());`;
    expect(await bundle.said(program, { under })).toEqual(['EAGAIN', 1]);
  });

  test('stores nothing that it cannot watch', async () => {
    const program = `${prepared}
      const unit = newUnit();
      unit.open();
      const { rules } = unit.service;
      rules.start();
      const store = (name) =>
        rules.message({
          bytes: Buffer.from('FDSTORE=1\\nFDNAME=' + name),
          ...{ pid: rules.mainPid, uid: 0, gid: 0, at: 0n, fds: [openSync('/dev/zero')] },
        });
      store('one');
      takeAll();
      closeSync(taken.pop());
      const [{ outcome, why }] = store('two').assignments;
      freeAll();
      say([outcome, why, rules.stored.map(({ name }) => name)]);
      unit.close();
      say(readdirSync('/proc/self/fd').filter((fd) => link(fd) === '/dev/zero').length);`;
    expect(await bundle.said(program, { under })).toEqual([
      ['ignored', expect.stringContaining("can't be watched: EMFILE"), ['one']],
      0,
    ]);
  });
});

test('a package without the second add-on says so, and how to build it', async () => {
  const other = join(folder, 'package');
  mkdirSync(join(other, 'dist'), { recursive: true });
  writeFileSync(join(other, 'package.json'), '{ "name": "libsystemd" }');
  copyFileSync(bundle.path, join(other, 'dist/manager.mjs'));
  const program = `
    const { Receiver } = await import(${JSON.stringify(join(other, 'dist/manager.mjs'))});
    try {
      new Receiver(${newPath()}, () => {});
    } catch ({ code, message, cause }) {
      say({ code, message, cause: cause.message });
    }`;
  expect(await bundle.said(program)).toEqual([
    {
      code: 'ERR_SYSTEMD_ADDON',
      message: expect.stringContaining(`node-gyp rebuild --directory '${other}/native'`),
      cause: expect.stringContaining('libsystemd-sockets.node'),
    },
  ]);
});
