// UnixSeqpacketServer and UnixSeqpacket: messages over a connection, its ends, and what every failure says.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { native } from '../../lib/addon/exports.ts';
import { nativeSockets } from '../../lib/addon/sockets.ts';
import { peerCredentials } from '../../lib/descriptor/peer-credentials.ts';
import { AF_UNIX, SOCK_SEQPACKET, SOCK_STREAM } from '../../lib/sd/constants.ts';
import { UnixDatagram, type UnixName, UnixSeqpacket, UnixSeqpacketServer } from '../../lib/unix.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { Collected, node, openFds, python, startNode, until } from './peer.ts';

const folder = temporaryFolder();
let names = 0;
const newPath = () => join(folder, String(++names));
const failure = (facts: object) => expect.objectContaining(facts);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

/** A server, a client and the connection between them. */
async function connected(options = {}, serverOptions = options) {
  const server = new UnixSeqpacketServer(serverOptions).listen(newPath());
  const client = new UnixSeqpacket(options);
  const accepted = once(server, 'connection');
  await client.connect(server.address() as UnixName);
  const [connection] = (await accepted) as [UnixSeqpacket];
  const close = async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
  };
  return { server, client, connection, close };
}

describe('messages', () => {
  test('come whole, in order and in both directions', async () => {
    const { client, connection, close } = await connected();
    const received = new Collected(client);
    connection.on('message', (data) => void connection.send(data));
    for (const text of numbers(1000)) await client.send(text);
    expect(await received.first(1000)).toEqual(numbers(1000));
    await close();
  });

  test('may be empty, which is not the end', async () => {
    const { client, connection, close } = await connected();
    const events: string[] = [];
    connection.on('message', (data) => events.push(String(data)));
    connection.on('end', () => events.push('the end'));
    for (const text of ['a', '', '', 'b', '']) await client.send(text);
    await client.end();
    await until(() => events.includes('the end'));
    expect(events).toEqual(['a', '', '', 'b', '', 'the end']);
    await close();
  });

  test('of a peer in Python, sent before they are accepted, have its credentials', async () => {
    const path = newPath();
    await using server = new UnixSeqpacketServer().listen(path);
    const sent = python(
      `
      s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
      s.connect(sys.argv[1])
      for data in [b'one', b'', b'two']: s.send(data)
      print(os.getpid(), s.recv(100), s.recv(100), s.recv(100))`,
      path,
    );
    const [connection] = (await once(server, 'connection')) as [UnixSeqpacket];
    const received = new Collected(connection);
    await received.first(3);
    for (const text of ['x', 'y']) await connection.send(text);
    await connection.end();
    const [pid, ...rest] = (await sent).split(' ');
    expect(rest).toEqual(["b'x'", "b'y'", "b''"]);
    expect(received.texts).toEqual(['one', '', 'two']);
    for (const { message } of received.all) {
      expect(message).toMatchObject({
        credentials: { pid: Number(pid), uid: process.getuid?.(), gid: process.getgid?.() },
        from: undefined,
        truncated: undefined,
      });
    }
  });

  test.each([
    [212_960, undefined, undefined],
    [100_000, 1000, 100_000],
  ])('of %d bytes, with maxMessage %s', async (length, maxMessage, truncated) => {
    const options = maxMessage === undefined ? {} : { maxMessage };
    const { client, connection, close } = await connected(options);
    const received = new Collected(connection);
    await client.send(Buffer.alloc(length, 'abc'));
    await received.first(1);
    const expected = Buffer.alloc(length, 'abc').subarray(0, maxMessage);
    expect(received.all[0]?.data.equals(expected)).toBe(true);
    expect(received.all[0]?.message.truncated).toBe(truncated);
    await close();
  });

  test('wait for room, and none is lost', async () => {
    const { client, connection, close } = await connected({ maxWaiting: 5000 });
    const sent = numbers(5000).map((text) => client.send(text.padEnd(1000)));
    expect(client.waiting).toBeGreaterThan(1000);
    const received = new Collected(connection);
    expect(new Set(await Promise.all(sent))).toEqual(new Set([true]));
    await received.first(5000);
    expect(received.texts).toEqual(numbers(5000).map((text) => text.padEnd(1000)));
    await close();
  });

  test('are dropped and counted, or refused, where there is no room', async () => {
    for (const whenFull of ['drop', 'wait'] as const) {
      const { client, close } = await connected({ whenFull, maxWaiting: 0 });
      while (client.trySend(Buffer.alloc(10_000)));
      const sent = client.send('x');
      if (whenFull === 'drop') expect(await sent).toBe(false);
      else await expect(sent).rejects.toThrow(failure({ code: 'ERR_SYSTEMD_QUEUE_FULL' }));
      expect(client.dropped).toBe(whenFull === 'drop' ? 1 : 0);
      await close();
    }
  });

  test('bring descriptors', async () => {
    const { client, connection, close } = await connected({ fds: true });
    const file = newPath();
    writeFileSync(file, '');
    const fd = nativeSockets().open(file, 0);
    const taken: number[] = [];
    connection.on('message', (data, message) => {
      if (String(data) === 'take') taken.push(...message.takeFds());
    });
    await client.send('take', { fds: [fd, fd] });
    await client.send('leave', { fds: [fd] });
    await client.send('', { fds: [] });
    const received = new Collected(connection);
    await received.first(3);
    expect(openFds().filter((name) => name === file)).toHaveLength(3);
    for (const each of [fd, ...taken]) nativeSockets().close(each);
    await close();
  });
});

describe('the end', () => {
  test('of one side lets the other answer, with allowHalfOpen', async () => {
    const { client, connection, close } = await connected({ allowHalfOpen: true });
    connection.on('message', () => {});
    connection.once('end', async () => {
      await connection.send('last');
      await connection.end();
    });
    const received = new Collected(client);
    const closed = [once(client, 'close'), once(connection, 'close')];
    await client.end();
    await expect(client.send('x')).rejects.toThrow(failure({ code: 'EPIPE' }));
    await Promise.all(closed);
    expect(received.texts).toEqual(['last']);
    await close();
  });

  test('of one side closes both', async () => {
    const { client, connection, close } = await connected();
    for (const socket of [client, connection]) socket.on('message', () => {});
    const closed = [once(client, 'close'), once(connection, 'close'), once(connection, 'end')];
    await client.end();
    await Promise.all(closed);
    expect([client.fd, connection.fd]).toEqual([undefined, undefined]);
    await close();
  });

  test('comes after all messages, those that wait too', async () => {
    const { client, connection, close } = await connected();
    const sent = numbers(2000).map((text) => client.send(text.padEnd(1000)).catch(() => false));
    const ended = client.end();
    const received = new Collected(connection);
    await once(connection, 'end');
    await ended;
    expect(received.all).toHaveLength((await Promise.all(sent)).filter(Boolean).length);
    expect(received.texts.map((text) => text.trim())).toEqual(numbers(received.all.length));
    await close();
  });

  test('by a peer that has not read all is an error', async () => {
    const { client, connection, close } = await connected();
    await connection.send('unread');
    connection.on('message', () => {});
    const errors: unknown[] = [];
    connection.on('error', (error) => errors.push(error));
    const closed = new Promise<void>((resolve) => connection.on('close', resolve));
    await client.close();
    await closed;
    expect(errors).toEqual([failure({ code: 'ECONNRESET', syscall: 'recvmmsg' })]);
    await close();
  });

  test('fails what the other side sends', async () => {
    const { client, connection, close } = await connected();
    await client.close();
    const facts = { name: 'SystemdError', code: 'EPIPE', errno: -32, syscall: 'sendto' };
    await expect(connection.send('x')).rejects.toThrow(failure(facts));
    await expect(client.send('x')).rejects.toThrow(failure({ code: 'ERR_SYSTEMD_CLOSED' }));
    await client.end();
    await close();
  });
});

describe('connect()', () => {
  test('says what failed, and where', async () => {
    const path = newPath();
    const missing = newPath();
    const file = newPath();
    writeFileSync(file, '');
    await using datagram = new UnixDatagram().bind(path);
    const cases: [unknown, object][] = [
      [missing, { code: 'ENOENT', errno: -2, syscall: 'connect', path: missing }],
      [`\0${missing}`, { code: 'ECONNREFUSED', path: `@${missing}` }],
      [file, { code: 'ECONNREFUSED', path: file }],
      [datagram.address(), { code: 'EPROTOTYPE', path }],
      [`/${'x'.repeat(107)}`, { code: 'ERR_INVALID_ARG_VALUE' }],
      [undefined, { code: 'ERR_INVALID_ARG_TYPE' }],
      [datagram.fd, { code: 'ERR_SYSTEMD_FD_KIND' }],
    ];
    const before = openFds();
    for (const [target, facts] of cases) {
      await expect(new UnixSeqpacket().connect(target as never)).rejects.toThrow(failure(facts));
    }
    await expect(new UnixSeqpacket().send('x')).rejects.toThrow(failure({ code: 'ENOTCONN' }));
    expect(openFds()).toEqual(before);
  });

  test('waits while the listener has no room, and can be given up', async () => {
    const fd = nativeSockets().socket(AF_UNIX, SOCK_SEQPACKET, 0);
    const path = newPath();
    nativeSockets().bind(fd, Buffer.concat([Uint8Array.of(1, 0), Buffer.from(path)]));
    native().listen(fd, 0);
    const first = await new UnixSeqpacket().connect(path);
    const second = new UnixSeqpacket();
    const third = new UnixSeqpacket();
    const connecting = second.connect(path);
    const givenUp = third.connect(path);
    await expect(second.connect(path)).rejects.toThrow(failure({ code: 'EINVAL' }));
    await third.close();
    await expect(givenUp).rejects.toThrow(failure({ code: 'ERR_SYSTEMD_CLOSED' }));
    const server = new UnixSeqpacketServer().listen({ fd });
    expect(await connecting).toBe(second);
    await Promise.all([first.close(), second.close()]);
    await server[Symbol.asyncDispose]();
  });

  test('can be tried again when no descriptor was left', async () => {
    const program = `
      import { execFileSync } from 'node:child_process';
      import { closeSync, openSync } from 'node:fs';
      const server = new unix.UnixSeqpacketServer().listen(args[0]);
      await (await new unix.UnixSeqpacket().connect(args[0])).close();
      execFileSync('prlimit', ['--nofile=60', '--pid', String(process.pid)]);
      const fill = () => { try { return [openSync('/dev/null'), ...fill()]; } catch { return []; } };
      const client = new unix.UnixSeqpacket();
      const filled = fill();
      const refused = await client.connect(args[0]).catch(({ code }) => code);
      filled.map((fd) => closeSync(fd));
      console.log(refused, await client.connect(args[0]) === client);
      process.exit();`;
    expect(await node(program, newPath())).toBe('EMFILE true');
  });
});

describe('a server', () => {
  test('has the mode, the name and the peers that it says', async () => {
    const { server, client, connection, close } = await connected();
    const { path = '' } = server.address();
    expect(connection.fd).toBeGreaterThan(2);
    expect(peerCredentials(connection)).toMatchObject({ pid: process.pid });
    expect(server.connections).toEqual([connection]);
    await client.close();
    await close();
    expect(existsSync(path)).toBe(false);
    const other = new UnixSeqpacketServer().listen(path, { mode: 0o640, backlog: 3 });
    expect(statSync(path).mode & 0o777).toBe(0o640);
    await other.close();
    expect(other.address()).toEqual({ family: 'unix' });
  });

  test('that closes accepts nobody, and waits for its connections', async () => {
    const { server, client, connection } = await connected();
    const address = server.address() as UnixName;
    const events: string[] = [];
    server.on('close', () => events.push('closed'));
    const closed = server.close();
    expect(server.close()).toBe(closed);
    await expect(new UnixSeqpacket().connect(address)).rejects.toThrow(failure({ code: 'ENOENT' }));
    const received = new Collected(client);
    await connection.send('still here');
    await received.first(1);
    expect(events).toEqual([]);
    connection.on('message', () => {});
    await client.end();
    await closed;
    expect(events).toEqual(['closed']);
    expect(() => server.listen(newPath())).toThrow(failure({ code: 'ERR_SYSTEMD_CLOSED' }));
  });

  test('refuses what it cannot listen on', async () => {
    await using server = new UnixSeqpacketServer().listen(newPath());
    const stream = nativeSockets().socket(AF_UNIX, SOCK_STREAM, 0);
    const cases: [unknown, object, object][] = [
      [server.address(), { code: 'EADDRINUSE', syscall: 'bind' }, {}],
      [stream, { code: 'ERR_SYSTEMD_FD_KIND', fd: stream }, {}],
      ['', { code: 'ERR_INVALID_ARG_VALUE' }, {}],
      [newPath(), { code: 'ERR_OUT_OF_RANGE' }, { backlog: -1 }],
      [newPath(), { code: 'ERR_OUT_OF_RANGE' }, { mode: 0o10000 }],
      [newPath(), { code: 'ERR_INVALID_ARG_VALUE' }, { backlg: 1 } as never],
      [newPath(), { code: 'ERR_INVALID_ARG_TYPE' }, null as never],
      [newPath(), { code: 'ERR_OUT_OF_RANGE' }, { mode: 0o10000 }],
    ];
    const before = openFds();
    for (const [target, facts, options] of cases) {
      const other = new UnixSeqpacketServer();
      expect(() => other.listen(target as never, options)).toThrow(failure(facts));
    }
    expect(() => server.listen(newPath())).toThrow(failure({ code: 'EINVAL', syscall: 'listen' }));
    expect(() => new UnixSeqpacketServer({ credentials: true } as never)).toThrow(
      failure({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
    expect(openFds()).toEqual(before);
    nativeSockets().close(stream);
  });

  test('lets connections wait while no descriptor is left, and then accepts them', async () => {
    const path = newPath();
    const child = startNode(
      `
      import { execFileSync } from 'node:child_process';
      import { openSync } from 'node:fs';
      const server = new unix.UnixSeqpacketServer().listen(args[0]);
      server.on('connection', (connection) => connection.on('message', (data) => {
        console.log(String(data));
        server[Symbol.asyncDispose]();
      }));
      execFileSync('prlimit', ['--nofile=100:4096', '--pid', String(process.pid)]);
      try { for (;;) openSync('/', 'r'); } catch { /* no descriptor is left */ }
      console.log('full');`,
      path,
    );
    const lines: string[] = [];
    child.stdout.on('data', (data) => lines.push(...String(data).trim().split('\n')));
    await until(() => lines.includes('full'));
    const client = await new UnixSeqpacket().connect(path);
    await client.send('accepted');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(lines).toEqual(['full']);
    execFileSync('prlimit', ['--nofile=4096:4096', '--pid', String(child.pid)]);
    expect(await child.ended).toEqual([0, null]);
    expect(lines).toEqual(['full', 'accepted']);
    await client.close();
  });
});

test('a server has the options that are getters of a class, for each connection', async () => {
  class Options {
    get maxMessage(): number {
      return 4;
    }
  }
  await using server = new UnixSeqpacketServer(new Options()).listen(newPath());
  await using client = await new UnixSeqpacket().connect(server.address() as UnixName);
  const [connection] = (await once(server, 'connection')) as [UnixSeqpacket];
  const received = new Collected(connection);
  await client.send('12345');
  expect(await received.first(1)).toEqual(['1234']);
});

test('the process ends when server and connection are unref, and not before', async () => {
  const output = await node(
    `
    const server = new unix.UnixSeqpacketServer().listen(args[0]);
    server.on('connection', (connection) => connection.on('message', () => {}).unref());
    const client = await new unix.UnixSeqpacket().connect(args[0]);
    client.on('message', () => {}).unref();
    setTimeout(() => { console.log('still here'); server.unref(); }, 50).unref();`,
    newPath(),
  );
  expect(output).toBe('still here');
});

test('a worker thread that is terminated leaves neither a server nor a connection', async () => {
  const output = await node(
    `
    import { Worker } from 'node:worker_threads';
    import { readdirSync } from 'node:fs';
    const worker = new Worker(\`
      const { parentPort } = require('node:worker_threads');
      const unix = require(\${JSON.stringify(args[1])});
      (async () => {
        const server = new unix.UnixSeqpacketServer().listen(\${JSON.stringify(args[0])});
        server.on('connection', (connection) => connection.on('message', () => {
          parentPort.postMessage('ready');
          for (;;);
        }));
        const client = await new unix.UnixSeqpacket().connect(\${JSON.stringify(args[0])});
        await client.send('x', { fds: [client.fd] });
      })();\`, { eval: true, execArgv: [] });
    const before = readdirSync('/proc/self/fd').length;
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    await new unix.UnixSeqpacket().connect(args[0]).catch(({ code }) => console.log(code));
    console.log(readdirSync('/proc/self/fd').length <= before);`,
    newPath(),
    join(root, 'dist/cjs/unix.js'),
  );
  expect(output).toBe('ECONNREFUSED\ntrue');
});
