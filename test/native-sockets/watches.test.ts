// Watches tell once what has happened to a descriptor or a process, and nothing after they were closed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { native } from '../../lib/addon/exports.ts';
import { beginWatch, endWatch } from '../../lib/addon/watcher-events.ts';
import { accept, closeDescriptor } from '../../lib/descriptor/calls.ts';
import { openListener } from '../../lib/manager/listeners.ts';
import { type Watch, Watches } from '../../lib/manager/watches.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let watches = new Watches();
let fds: number[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  watches.close();
  watches = new Watches();
  for (const fd of fds.splice(0)) closeDescriptor(fd);
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Remembers a descriptor, to close it after the test. */
const own = (fd: number): number => {
  fds.push(fd);
  return fd;
};

let paths = 0;

interface Listener {
  readonly fd: number;
  connect(): Promise<Socket>;
}

function listen(kind: 'stream' | 'datagram' = 'stream'): Listener {
  const address = join(folder, `listener${++paths}`);
  const fd = own(openListener({ name: 'a', kind, address }));
  return {
    fd,
    async connect() {
      const socket = connect(address).on('error', () => {});
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    },
  };
}

/** A connection of a Unix socket: the server's descriptor and the client. */
async function connection(): Promise<{ readonly fd: number; readonly client: Socket }> {
  const listener = listen();
  const client = await listener.connect();
  return { fd: own(accept(listener.fd) as number), client };
}

/** A connection of TCP. */
async function tcpConnection(): Promise<{ readonly fd: number; readonly client: Socket }> {
  const listener = own(openListener({ name: 'a', kind: 'stream', address: '127.0.0.1:0' }));
  const address = new Uint8Array(128);
  native().getsockname(listener, address);
  const client = connect(((address[2] as number) << 8) + (address[3] as number), '127.0.0.1');
  sockets.push(client.on('error', () => {}));
  await once(client, 'connect');
  return { fd: own(accept(listener) as number), client };
}

function pipe(): readonly [read: number, write: number] {
  const [, read, write] = native().pipe();
  return [read, write];
}

/** Counts the calls of a callback. */
function counter(): { count: number; readonly call: () => void } {
  const counted = { count: 0, call: () => void counted.count++ };
  return counted;
}

async function until(isDone: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !isDone(); await sleep(2)) {
    if (Date.now() > deadline) throw new Error('nothing has happened for 10 s');
  }
}

describe('onReadable()', () => {
  test('tells once that a connection waits', async () => {
    const listener = listen();
    const counted = counter();
    watches.onReadable(listener.fd, counted.call);
    await listener.connect();
    await until(() => counted.count > 0);
    await listener.connect();
    await sleep(20);
    expect(counted.count).toBe(1);
  });

  test('tells at once of what waits already, but not during the call', async () => {
    const [read, write] = pipe();
    writeSync(write, 'x');
    const counted = counter();
    watches.onReadable(read, counted.call);
    expect(counted.count).toBe(0);
    await until(() => counted.count === 1);
    for (const fd of [read, write]) native().close(fd);
  });

  test('one descriptor may be watched several times', async () => {
    const { fd, client } = await connection();
    const [readable, again, hungUp] = [counter(), counter(), counter()];
    watches.onReadable(fd, readable.call);
    watches.onReadable(fd, again.call);
    watches.onHangUp(fd, hungUp.call);
    client.write('x');
    await until(() => readable.count + again.count === 2);
    expect(hungUp.count).toBe(0);
    client.destroy();
    await until(() => hungUp.count === 1);
  });

  test('goes on where the descriptor was closed, and its number is used again', async () => {
    const { fd, client } = await connection();
    const counted = counter();
    watches.onReadable(fd, counted.call);
    fds = fds.filter((one) => one !== fd);
    closeDescriptor(fd);
    const other = openSync('/dev/null', 'r');
    client.write('x');
    await until(() => counted.count === 1);
    closeSync(other);
  });

  test('refuses a regular file and a closed descriptor', () => {
    const fd = openSync(join(folder, 'file'), 'w+');
    const before = readdirSync('/proc/self/fd').length;
    expect(() => watches.onReadable(fd, () => {})).toThrow(
      expect.objectContaining({ code: 'EPERM', syscall: 'epoll_ctl', fd }),
    );
    expect(() => watches.onReadable(9999, () => {})).toThrow(
      expect.objectContaining({ code: 'EBADF', syscall: 'epoll_ctl', fd: 9999 }),
    );
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
    closeSync(fd);
  });
});

test.each([
  ['one', () => watches.onReadable(0, () => {})],
  ['all', () => watches],
])('a callback is not called after close() of %s', async (which) => {
  const { fd, client } = await connection();
  const counted = counter();
  const watch = watches.onReadable(fd, counted.call);
  client.write('x');
  if (which === 'one') watch.close();
  else watches.close();
  watch.close();
  await sleep(30);
  expect(counted.count).toBe(0);
});

describe('a watch with EPOLLET', () => {
  const EPOLLIN = 1;
  const EPOLLHUP = 0x10;
  const EPOLLET = 1 << 31;

  test('goes on, and tells what has happened, once for each time', async () => {
    const [read, write] = pipe();
    const told: number[] = [];
    const begin = (events: number) =>
      beginWatch(
        (add) => add.watch(read, events),
        ([, , result]) => told.push(result),
        'epoll_ctl',
        read,
      );
    const id = begin(EPOLLIN | EPOLLET);
    for (let i = 1; i <= 3; i++) {
      writeSync(write, 'x'); // nobody reads, and each write is told all the same
      await until(() => told.length === i);
    }
    await sleep(20);
    native().close(write);
    await until(() => told.length === 4);
    expect(told).toEqual([EPOLLIN, EPOLLIN, EPOLLIN, EPOLLIN | EPOLLHUP]);
    endWatch(id);
    native().close(read);
  });
});

describe('onHangUp()', () => {
  /** A descriptor, and how its other end goes away. */
  type Case = () => Promise<readonly [fd: number, end: () => void]>;

  const gone: readonly (readonly [string, Case])[] = [
    [
      'a Unix connection whose peer has closed',
      async () => {
        const { fd, client } = await connection();
        return [fd, () => client.destroy()];
      },
    ],
    [
      'a TCP connection that was reset',
      async () => {
        const { fd, client } = await tcpConnection();
        return [fd, () => client.resetAndDestroy()];
      },
    ],
    [
      'a pipe without its read end',
      async () => {
        const [read, write] = pipe();
        return [own(write), () => native().close(read)];
      },
    ],
    [
      'a pipe without its write end',
      async () => {
        const [read, write] = pipe();
        return [own(read), () => native().close(write)];
      },
    ],
  ];

  test.each(gone)('tells of %s', async (_what, make) => {
    const [fd, end] = await make();
    const counted = counter();
    watches.onHangUp(fd, counted.call);
    await sleep(20);
    expect(counted.count).toBe(0);
    end();
    await until(() => counted.count === 1);
  });

  const staying: readonly (readonly [string, Case])[] = [
    [
      'a TCP connection whose peer has closed',
      async () => {
        const { fd, client } = await tcpConnection();
        return [fd, () => client.end('x')];
      },
    ],
    [
      'a listener with a connection',
      async () => {
        const listener = listen();
        return [listener.fd, () => void listener.connect()];
      },
    ],
    ['a datagram socket', async () => [listen('datagram').fd, () => {}]],
    [
      'a regular file',
      async () => {
        const path = join(folder, 'stored');
        writeFileSync(path, 'x');
        const fd = openSync(path, 'r');
        return [native().dup(fd, 3), () => closeSync(fd)];
      },
    ],
  ];

  test.each(staying)('tells nothing of %s', async (_what, make) => {
    const [fd, end] = await make();
    const counted = counter();
    const watch = watches.onHangUp(fd, counted.call);
    end();
    await sleep(30);
    expect(counted.count).toBe(0);
    watch.close();
  });
});

describe('onDeath()', () => {
  test('tells of the end of a process that is nobody’s child here', async () => {
    const shell = spawn('sh', ['-c', 'sleep 0.2 & echo $!']);
    const [pid] = await once(shell.stdout, 'data');
    const counted = counter();
    const begin = Date.now();
    watches.onDeath(Number(pid), counted.call);
    await until(() => counted.count === 1);
    expect(Date.now() - begin).toBeGreaterThan(100);
  });

  test('tells of a process that does not exist any more, but not during the call', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    const counted = counter();
    watches.onDeath(child.pid as number, counted.call);
    expect(counted.count).toBe(0);
    await until(() => counted.count === 1);
  });

  test.each([
    ['of it', (watch: Watch) => watch.close()],
    ['of all', () => watches.close()],
  ])('tells nothing of it after close() %s', async (_which, close) => {
    const child = spawn('true');
    await once(child, 'exit');
    const counted = counter();
    close(watches.onDeath(child.pid as number, counted.call));
    await sleep(10);
    expect(counted.count).toBe(0);
  });
});

test('a closed group has left nothing open, and no thread', () => {
  const state = () => [readdirSync('/proc/self/fd').length, readdirSync('/proc/self/task').length];
  const listener = listen();
  const before = state();
  watches.onReadable(listener.fd, () => {});
  watches.onHangUp(listener.fd, () => {});
  watches.onDeath(process.ppid, () => {});
  expect(state()).not.toEqual(before);
  watches.close();
  expect(state()).toEqual(before);
});
