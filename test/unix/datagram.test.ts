// UnixDatagram: what arrives, from whom, and what every failure says.
import { once } from 'node:events';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nativeSockets } from '../../lib/addon/sockets.ts';
import { SOL_SOCKET } from '../../lib/descriptor/socket-flags.ts';
import { AF_UNIX, SOCK_DGRAM, SOCK_STREAM } from '../../lib/sd/constants.ts';
import type { UnitAddress } from '../../lib/testing.ts';
import { UnixDatagram } from '../../lib/unix.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Collected, flagsOf, node, openFds, python, until } from './peer.ts';

const folder = temporaryFolder();
let names = 0;
const newPath = () => join(folder, String(++names));

const failure = (facts: object) => expect.objectContaining(facts);

describe('a message', () => {
  test('has the bytes, the sender and its credentials', async () => {
    await using socket = new UnixDatagram({ credentials: true });
    const path = newPath();
    const from = newPath();
    socket.bind(path);
    const received = new Collected(socket);
    const sent = python(
      `
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      s.bind(sys.argv[2])
      s.sendto(b'a\\0\\xff', sys.argv[1])
      print(os.getpid())`,
      path,
      from,
    );
    await received.first(1);
    const [first] = received.all;
    expect([...(first?.data ?? [])]).toEqual([97, 0, 255]);
    expect(first?.message).toMatchObject({
      from: { family: 'unix', path: from },
      credentials: { pid: Number(await sent), uid: process.getuid?.(), gid: process.getgid?.() },
      truncated: undefined,
      fds: [],
      fdsLost: false,
    });
  });

  test('of a socket without a name has no sender, and without the option no credentials', async () => {
    await using socket = new UnixDatagram().bind(newPath());
    await using sender = new UnixDatagram();
    const received = new Collected(socket);
    expect(await sender.send('x', socket.address() as { family: 'unix'; path: string })).toBe(true);
    await received.first(1);
    expect(received.all[0]?.message).toMatchObject({ from: undefined, credentials: undefined });
  });

  test('is answered by its sender, a path or an abstract name', async () => {
    for (const name of [newPath(), `\0${newPath()}`]) {
      await using server = new UnixDatagram().bind(newPath());
      server.on('message', (data, { from }) => {
        if (from?.path !== undefined || from?.abstract !== undefined) void server.send(data, from);
      });
      await using client = new UnixDatagram().bind(name);
      const received = new Collected(client);
      client.connect(server.address() as { family: 'unix'; path: string });
      await client.send('question');
      expect(await received.first(1)).toEqual(['question']);
    }
  });

  test.each([0, 1, 65_537, 212_960])('of %d bytes comes as it was sent', async (length) => {
    await using socket = new UnixDatagram().bind(newPath());
    await using sender = new UnixDatagram().connect(socket.address() as never);
    const received = new Collected(socket);
    const data = Buffer.alloc(length, 'abc');
    await sender.send(data);
    await received.first(1);
    expect(received.all[0]?.data.equals(data)).toBe(true);
    expect(received.all[0]?.message.truncated).toBeUndefined();
  });

  test.each([
    [4, 4, undefined],
    [5, 4, 5],
    [100_000, 4, 100_000],
  ])('of %d bytes is cut to maxMessage, and says so', async (length, arrives, truncated) => {
    await using socket = new UnixDatagram({ maxMessage: 4 }).bind(newPath());
    await using sender = new UnixDatagram().connect(socket.address() as never);
    const received = new Collected(socket);
    await sender.send(Buffer.alloc(length));
    await received.first(1);
    expect(received.all[0]?.data.length).toBe(arrives);
    expect(received.all[0]?.message.truncated).toBe(truncated);
  });

  test('of a megabyte comes whole with maxMessage', async () => {
    await using socket = new UnixDatagram({ maxMessage: 8 << 20 }).bind(newPath());
    const received = new Collected(socket);
    await python(
      `
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      s.setsockopt(socket.SOL_SOCKET, 32, 4 << 20) # SO_SNDBUFFORCE
      s.sendto(b'm' * (1 << 20), sys.argv[1])`,
      (socket.address() as { path: string }).path,
    );
    await received.first(1);
    expect(received.all[0]?.data.equals(Buffer.alloc(1 << 20, 'm'))).toBe(true);
  });

  test('is a text in UTF-8, or a part of other bytes', async () => {
    await using socket = new UnixDatagram().bind(newPath());
    await using sender = new UnixDatagram().connect(socket.address() as never);
    const received = new Collected(socket);
    await sender.send('é');
    await sender.send(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
    await received.first(2);
    expect(received.all.map(({ data }) => [...data])).toEqual([
      [195, 169],
      [2, 3],
    ]);
  });

  test('keeps its bytes when others come', async () => {
    await using socket = new UnixDatagram().bind(newPath());
    await using sender = new UnixDatagram().connect(socket.address() as never);
    const received = new Collected(socket);
    const texts = Array.from({ length: 1000 }, (_, i) => `message ${i}`);
    for (const text of texts) await sender.send(text);
    expect(await received.first(texts.length)).toEqual(texts);
  });
});

describe('a name', () => {
  const long = `/${'x'.repeat(106)}`;

  test.each([
    ['an empty text', '', 'ERR_INVALID_ARG_VALUE'],
    ['a path with a null character', 'a\0b', 'ERR_INVALID_ARG_VALUE'],
    ['a path of 108 bytes', `${long}x`, 'ERR_INVALID_ARG_VALUE'],
    ['a path of 107 characters and more bytes', `${long.slice(1)}é`, 'ERR_INVALID_ARG_VALUE'],
    ['an abstract name of 108 bytes', `\0${'x'.repeat(108)}`, 'ERR_INVALID_ARG_VALUE'],
    ['an empty abstract name', '\0', 'ERR_INVALID_ARG_VALUE'],
    ['the address of an unnamed socket', { family: 'unix' }, 'ERR_INVALID_ARG_VALUE'],
    ['an object without a path', { name: 'http', port: 1 }, 'ERR_INVALID_ARG_VALUE'],
    ['another address', { family: 'inet', address: '::1', port: 1 }, 'ERR_INVALID_ARG_VALUE'],
    ['null', null, 'ERR_INVALID_ARG_TYPE'],
    ['a boolean', true, 'ERR_INVALID_ARG_TYPE'],
  ])('is refused by bind(), connect() and send(): %s', async (_what, name, code) => {
    await using socket = new UnixDatagram();
    expect(() => socket.bind(name as never)).toThrow(failure({ code }));
    expect(() => socket.connect(name as never)).toThrow(failure({ code }));
    await expect(socket.send('x', name as never)).rejects.toThrow(failure({ code }));
    expect(() => socket.trySend('x', name as never)).toThrow(failure({ code }));
    expect(existsSync(long.slice(0, 107))).toBe(false);
  });

  test('may have 107 bytes, a path or an abstract one, and be no UTF-8', async () => {
    const path = `${newPath()}/`.replace(/\/$/, '').padEnd(107, 'p');
    const bytes = Buffer.concat([Buffer.from(newPath()), Buffer.from([0xff])]);
    const all = [path, `\0${path}`, { family: 'unix', path: 'x', bytes }] as const;
    for (const name of all) {
      await using socket = new UnixDatagram().bind(name);
      await using sender = new UnixDatagram();
      const received = new Collected(socket);
      await sender.send('x', socket.address() as never);
      await sender.send('y', name);
      expect(await received.first(2)).toEqual(['x', 'y']);
    }
  });

  test('may be an object with a path, as libsystemd/testing has', async () => {
    for (const path of [newPath(), `\0${newPath()}`]) {
      await using socket = new UnixDatagram().bind({ path });
      await using sender = new UnixDatagram().connect({ path });
      const received = new Collected(socket);
      await sender.send('x');
      await sender.send('y', { name: 'log', kind: 'datagram', path, text: '' } as UnitAddress);
      expect(await received.first(2)).toEqual(['x', 'y']);
    }
  });

  test('has the mode that bind() gives it, and address() tells it', async () => {
    await using socket = new UnixDatagram();
    const path = newPath();
    expect(socket.address()).toEqual({ family: 'unix' });
    socket.bind(path, { mode: 0o612 });
    expect(statSync(path).mode & 0o7777).toBe(0o612);
    expect(socket.address()).toEqual({ family: 'unix', path });
    expect(Object.isFrozen(socket.address())).toBe(true);
    await socket.close();
    expect(socket.address()).toEqual({ family: 'unix' });
  });

  test('that a living process has is refused, and what an ended one has left is replaced', async () => {
    const path = newPath();
    await python(`socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(sys.argv[1])`, path);
    await using socket = new UnixDatagram().bind(path);
    const facts = { code: 'EADDRINUSE', errno: -98, syscall: 'bind', path };
    const other = new UnixDatagram();
    expect(() => other.bind(path)).toThrow(failure(facts));
    other.bind(newPath()); // still usable
    await other.close();
    const received = new Collected(socket);
    await new UnixDatagram().send('x', path);
    expect(await received.first(1)).toEqual(['x']);
  });

  test('is removed by close(), unless another file has its place', async () => {
    const path = newPath();
    const socket = new UnixDatagram().bind(path);
    await socket.close();
    expect(existsSync(path)).toBe(false);
    const other = new UnixDatagram().bind(path);
    const moved = newPath();
    await python('os.rename(sys.argv[1], sys.argv[2])', path, moved);
    writeFileSync(path, '');
    await other.close();
    expect(existsSync(path)).toBe(true);
  });

  test('that bind(2) refuses is an error with its facts', () => {
    const path = join(folder, 'missing', 'socket');
    const facts = { name: 'SystemdError', code: 'ENOENT', errno: -2, syscall: 'bind', path };
    expect(() => new UnixDatagram().bind(path)).toThrow(failure(facts));
  });
});

describe('a failure to send', () => {
  test('says what failed, and where', async () => {
    await using socket = new UnixDatagram();
    await using receiver = new UnixDatagram().bind(newPath());
    const path = (receiver.address() as { path: string }).path;
    const missing = newPath();
    const file = newPath();
    writeFileSync(file, '');
    chmodSync(file, 0o700);
    const cases: [() => Promise<unknown>, object][] = [
      [() => socket.send('x'), { code: 'ENOTCONN', errno: -107, syscall: 'sendto' }],
      [() => socket.send('x', missing), { code: 'ENOENT', syscall: 'sendto', path: missing }],
      [() => socket.send('x', `\0${missing}`), { code: 'ECONNREFUSED', path: `@${missing}` }],
      [() => socket.send('x', file), { code: 'ECONNREFUSED', errno: -111, path: file }],
      [() => socket.send(Buffer.alloc(1 << 20), path), { code: 'EMSGSIZE', errno: -90, path }],
      [() => socket.send('x', path, { fds: [-1] }), { code: 'EBADF', syscall: 'sendmsg', path }],
      [() => socket.send('x', path, { fds: Array(254).fill(0) }), { code: 'EINVAL' }],
      [() => socket.send(1 as never, path), { code: 'ERR_INVALID_ARG_TYPE' }],
      [() => socket.send('x', path, { fds: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' }],
      [() => socket.send('x', path, { fds: ['0'] as never }), { code: 'ERR_INVALID_ARG_TYPE' }],
      [() => socket.send('x', path, { fd: 1 } as never), { code: 'ERR_INVALID_ARG_VALUE' }],
    ];
    for (const [send, facts] of cases) await expect(send()).rejects.toThrow(failure(facts));
    expect(() => socket.connect(missing)).toThrow(failure({ code: 'ENOENT', syscall: 'connect' }));
    expect(() => socket.trySend('x', missing)).toThrow(failure({ code: 'ENOENT' }));
    expect(await socket.send('still works', path)).toBe(true);
  });

  test('of a connected socket ends when the receiver is there again', async () => {
    const path = newPath();
    const first = new UnixDatagram().bind(path);
    await using sender = new UnixDatagram().connect(path);
    await sender.send('to the first');
    await first.close();
    for (const facts of [{ code: 'ENOENT' }, { code: 'ENOENT' }]) {
      await expect(sender.send('x')).rejects.toThrow(failure({ ...facts, path }));
    }
    await using second = new UnixDatagram().bind(path);
    const received = new Collected(second);
    expect(await sender.send('to the second')).toBe(true);
    expect(sender.trySend('once more')).toBe(true);
    expect(await received.first(2)).toEqual(['to the second', 'once more']);
  });
});

describe('descriptors', () => {
  test('come along, close-on-exec, and belong to whoever takes them', async () => {
    await using socket = new UnixDatagram({ fds: true }).bind(newPath());
    const taken: number[] = [];
    socket.on('message', (_data, message) => {
      if (taken.length > 0) return;
      taken.push(...message.takeFds());
      expect([...message.fds, ...message.takeFds()]).toEqual([]);
    });
    const received = new Collected(socket);
    const file = newPath();
    writeFileSync(file, '');
    await python(
      `
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      s.connect(sys.argv[1])
      for i in range(2): socket.send_fds(s, [b'fds'], [os.open(sys.argv[2], os.O_RDONLY)] * 253)`,
      (socket.address() as { path: string }).path,
      file,
    );
    await received.first(2);
    expect(taken).toHaveLength(253);
    expect(received.all[1]?.message.fds).toEqual([]);
    expect(openFds().filter((name) => name === file)).toHaveLength(253);
    expect(flagsOf(taken[0] as number) & 0o2000000).not.toBe(0);
    for (const fd of taken) nativeSockets().close(fd);
  });

  test.each([
    ['that nobody takes', { fds: true }],
    ['without the option', {}],
  ])('%s are closed', async (_what, options) => {
    await using socket = new UnixDatagram(options).bind(newPath());
    await using sender = new UnixDatagram().connect(socket.address() as never);
    const before = openFds();
    const received = new Collected(socket);
    await sender.send('x', undefined, { fds: [0, 1, 2] });
    await sender.send('y');
    expect(await received.first(2)).toEqual(['x', 'y']);
    expect(openFds()).toEqual(before);
  });

  test('that a listener closes without taking them hold up no message, and close no other file', async () => {
    const program = `
      import { closeSync, fstatSync, openSync } from 'node:fs';
      const socket = new unix.UnixDatagram({ fds: true }).bind(args[0]);
      const opened = [];
      socket.on('message', (data, { fds }) => {
        for (const fd of fds) {
          closeSync(fd);
          if (String(data) === 'reused') opened.push(openSync('/dev/null'));
        }
        if (String(data) !== 'end') return;
        console.log(opened.length, fstatSync(opened[0]).isCharacterDevice());
        socket.close();
      });
      const sender = new unix.UnixDatagram().connect(args[0]);
      for (const text of ['reused', 'closed']) await sender.send(text, undefined, { fds: [sender.fd] });
      await sender.send('end');`;
    expect(await node(program, newPath())).toBe('1 true');
  });

  test('of a message that waits are those of the call', async () => {
    await using socket = new UnixDatagram({ fds: true }).bind(newPath());
    await using sender = new UnixDatagram().connect(socket.address() as never);
    while (sender.trySend('fill'));
    const file = newPath();
    writeFileSync(file, 'content');
    const fd = nativeSockets().open(file, 0);
    const fds = [fd];
    const sent = sender.send('x', undefined, { fds });
    fds[0] = 0;
    const names: string[] = [];
    socket.on('message', (data, message) => {
      if (String(data) !== 'x') return;
      names.push(...openFds().filter((name) => name === file));
      expect(message.fds).toHaveLength(1);
    });
    expect(await sent).toBe(true);
    await until(() => names.length > 0);
    expect(names).toEqual([file, file]);
    nativeSockets().close(fd);
  });

  test('that the process may not open are told', async () => {
    const path = newPath();
    const ready = node(
      `
      import { execFileSync } from 'node:child_process';
      const socket = new unix.UnixDatagram({ fds: true }).bind(args[0]);
      execFileSync('prlimit', ['--nofile=40', '--pid', String(process.pid)]);
      socket.on('message', (data, { fds, fdsLost }) => {
        console.log(String(data), fds.length < 100, fdsLost);
        if (String(data) === 'end') socket.close();
      });`,
      path,
    );
    await until(() => existsSync(path));
    await using sender = new UnixDatagram();
    await sender.send('many', path, { fds: Array(100).fill(0) });
    await sender.send('end', path);
    expect(await ready).toBe('many true true\nend true false');
  });
});

describe('a descriptor', () => {
  const { socket: open, bind, close } = nativeSockets();

  function inherited(): { readonly fd: number; readonly path: string } {
    const path = newPath();
    const fd = open(AF_UNIX, SOCK_DGRAM, 0);
    bind(fd, Buffer.concat([Uint8Array.of(1, 0), Buffer.from(path)]));
    return { fd, path };
  }

  test.each(['its number', 'an object'])('is taken over by bind(), as %s', async (what) => {
    const { fd, path } = inherited();
    const socket = new UnixDatagram().bind(what === 'an object' ? { fd } : fd);
    expect(socket.fd).toBe(fd);
    expect(socket.address()).toEqual({ family: 'unix', path });
    const received = new Collected(socket);
    await new UnixDatagram().send('x', path);
    expect(await received.first(1)).toEqual(['x']);
    await socket.close();
    expect(socket.fd).toBeUndefined();
    expect(close(fd)).toBe(-9);
    expect(existsSync(path)).toBe(true);
  });

  test('keeps the flags that others who have it rely on', async () => {
    const { fd, path } = inherited();
    const before = flagsOf(fd);
    await using socket = new UnixDatagram().bind({ fd });
    const received = new Collected(socket);
    await new UnixDatagram().send('x', path);
    await received.first(1);
    expect(flagsOf(fd)).toBe(before);
  });

  test('says of no sender that it is nobody, because the message came before the credentials', async () => {
    const { fd, path } = inherited();
    await using sender = new UnixDatagram();
    await sender.send('before', path);
    await using socket = new UnixDatagram({ credentials: true }).bind(fd);
    await sender.send('after', path);
    const received = new Collected(socket);
    expect(await received.first(2)).toEqual(['before', 'after']);
    const pids = received.all.map(({ message }) => message.credentials?.pid);
    expect(pids).toEqual([undefined, process.pid]);
  });

  test('with SO_PASSPIDFD (PassPIDFD=) leaves no descriptors of senders open', async () => {
    const { fd, path } = inherited();
    const SO_PASSPIDFD = 76;
    nativeSockets().setsockopt(fd, SOL_SOCKET, SO_PASSPIDFD, Uint8Array.of(1, 0, 0, 0)); // Linux 6.5
    await using socket = new UnixDatagram({ credentials: true }).bind(fd);
    await using sender = new UnixDatagram().connect(path);
    const received = new Collected(socket);
    const before = openFds();
    for (const text of ['1', '2', '3']) await sender.send(text);
    expect(await received.first(3)).toEqual(['1', '2', '3']);
    expect(received.all[0]?.message.credentials?.pid).toBe(process.pid);
    expect(openFds()).toEqual(before);
  });

  test('that does not suit is refused, and stays open', () => {
    const fd = open(AF_UNIX, SOCK_STREAM, 0);
    const facts = { code: 'ERR_SYSTEMD_FD_KIND', fd };
    expect(() => new UnixDatagram().bind({ fd })).toThrow(failure(facts));
    expect(close(fd)).toBe(0);
    expect(() => new UnixDatagram().bind({ fd })).toThrow(failure({ code: 'EBADF', fd }));
    expect(() => new UnixDatagram().bind({ fd: '3' } as never)).toThrow(
      failure({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });

  test('is refused by a socket that is open already', async () => {
    const { fd } = inherited();
    await using socket = new UnixDatagram().bind(newPath());
    expect(() => socket.bind({ fd })).toThrow(failure({ code: 'EINVAL', syscall: 'bind', fd }));
    expect(() => socket.bind(newPath())).toThrow(failure({ code: 'EINVAL', syscall: 'bind' }));
    expect(close(fd)).toBe(0);
  });

  test('of a pair sends and receives', async () => {
    const sent = await node(`
      import { spawnSync } from 'node:child_process';
      const program = 'import os, socket\\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\\nos.dup2(a.fileno(), 7)\\nos.dup2(b.fileno(), 8)\\nos.execvp("node", ["node", "--input-type=module", "-e", os.environ["PROGRAM"]])';
      const PROGRAM = \`
        import { UnixDatagram } from \${JSON.stringify(${JSON.stringify(join(import.meta.dirname, '../../dist/unix.js'))})};
        const [a, b] = [new UnixDatagram().bind(7), new UnixDatagram().bind(8)];
        b.on('message', (data) => { console.log(String(data)); a.close(); b.close(); });
        await a.send('to my other end');\`;
      console.log(String(spawnSync('python3', ['-c', program], { env: { ...process.env, PROGRAM } }).stdout));`);
    expect(sent).toBe('to my other end');
  });
});

test.each([
  [{ maxMessage: 0 }, 'ERR_OUT_OF_RANGE'],
  [{ maxMessage: 2 ** 24 + 1 }, 'ERR_OUT_OF_RANGE'],
  [{ maxMessage: '1' }, 'ERR_INVALID_ARG_TYPE'],
  [{ maxWaiting: -1 }, 'ERR_OUT_OF_RANGE'],
  [{ credentials: 1 }, 'ERR_INVALID_ARG_TYPE'],
  [{ fds: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  [{ whenFull: 'block' }, 'ERR_INVALID_ARG_VALUE'],
  [{ credential: true }, 'ERR_INVALID_ARG_VALUE'],
  [null, 'ERR_INVALID_ARG_TYPE'],
])('the constructor refuses %o', (options, code) => {
  expect(() => new UnixDatagram(options as never)).toThrow(failure({ code }));
});

test.each([
  [{ mode: -1 }, 'ERR_OUT_OF_RANGE'],
  [{ mode: 0o10000 }, 'ERR_OUT_OF_RANGE'],
  [{ mode: '666' }, 'ERR_INVALID_ARG_TYPE'],
  [{ mod: 0o666 }, 'ERR_INVALID_ARG_VALUE'],
  [{ backlog: 1 }, 'ERR_INVALID_ARG_VALUE'],
  [null, 'ERR_INVALID_ARG_TYPE'],
])('bind() refuses the options %o, and opens nothing', (options, code) => {
  const socket = new UnixDatagram();
  expect(() => socket.bind(newPath(), options as never)).toThrow(failure({ code }));
  expect(socket.fd).toBeUndefined();
});

test('bind() does not see a mode that somebody has put on Object.prototype', async () => {
  const prototype = Object.prototype as { mode?: number };
  const path = newPath();
  prototype.mode = 0o612;
  try {
    await using _socket = new UnixDatagram().bind(path);
    expect(statSync(path).mode & 0o777).not.toBe(0o612);
  } finally {
    delete prototype.mode;
  }
});

test("'listening' comes after bind() has returned, and 'close' once", async () => {
  const socket = new UnixDatagram();
  const events: string[] = [];
  for (const event of ['listening', 'close'] as const) socket.on(event, () => events.push(event));
  socket.bind(newPath());
  expect(events).toEqual([]);
  await once(socket, 'listening');
  await Promise.all([socket.close(), socket.close()]);
  await socket.close();
  expect(events).toEqual(['listening', 'close']);
});
