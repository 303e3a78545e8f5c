// fdStore: which descriptors and bytes arrive at the manager, and which calls are refused.
import { createSocket, Socket as DgramSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { fdStore, notify, type Storable } from 'libsystemd';
import { describe, expect, test } from 'vitest';
import {
  allUntilNow,
  Child,
  countOpen,
  forgetManagerAfterEach,
  openFiles,
  proveThatNothingBlocks,
  queueLength,
  startManager,
  startStuckManager,
  withoutFill,
} from '../notification/support.ts';
import { launch, launchNode } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';
import { root } from '../support/tools.ts';

proveThatNothingBlocks();

const hex = (text: string) => Buffer.from(text).toString('hex');

/** The inode number of the one socket in a table of /proc/net whose columns match. */
function inode(table: 'tcp' | 'udp' | 'unix', matches: (columns: string[]) => boolean): number {
  const lines = readFileSync(`/proc/net/${table}`, 'utf8').trimEnd().split('\n').slice(1);
  const found = lines.map((line) => line.trim().split(/\s+/)).filter(matches);
  expect(found).toHaveLength(1);
  return Number(found[0]?.[table === 'unix' ? 6 : 9]);
}

/** The inode number of an IP socket, by its local port. */
function inodeByPort(table: 'tcp' | 'udp', port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const [local, state] = [1, 3];
  // An accepted connection has the same port as its listener. Only the state tells them apart.
  const listening = '0A';
  return inode(
    table,
    (columns) =>
      columns[local]?.endsWith(suffix) === true &&
      (table === 'udp' || columns[state] === listening || columns[2]?.endsWith(':0000') === false),
  );
}

interface Stored extends AsyncDisposable {
  readonly storable: Storable;
  /** Its link in /proc/self/fd, as the kernel's tables say and not Node. */
  readonly link: string;
}

function stored(storable: Storable, link: string | number, close: () => unknown): Stored {
  return {
    storable,
    link: typeof link === 'number' ? `socket:[${link}]` : link,
    [Symbol.asyncDispose]: async () => {
      await close();
    },
  };
}

async function tcpServer(server = createServer()): Promise<Stored> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return stored(server, inodeByPort('tcp', port), () => server.close());
}

async function unixServer(): Promise<Stored> {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
  const path = join(folder, 'socket');
  const server = createServer();
  await once(server.listen(path), 'listening');
  return stored(
    server,
    inode('unix', (columns) => columns[7] === path),
    async () => {
      server.close();
      await rm(folder, { recursive: true });
    },
  );
}

async function tcpConnection(): Promise<Stored> {
  const server = createServer((accepted) => accepted.on('error', () => undefined));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  return stored(client, inodeByPort('tcp', client.localPort ?? 0), () => {
    client.destroy();
    server.close();
  });
}

async function udpSocket(): Promise<Stored> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return stored(socket, inodeByPort('udp', socket.address().port), () => socket.close());
}

async function fileHandle(): Promise<Stored> {
  const handle = await open(process.execPath);
  return stored(handle, process.execPath, () => handle.close());
}

function fileNumber(): Stored {
  const fd = openSync('/dev/null', 'r');
  return stored(fd, '/dev/null', () => closeSync(fd));
}

function fileObject(): Stored {
  const fd = openSync(tmpdir(), 'r');
  return stored({ fd }, tmpdir(), () => closeSync(fd));
}

describe('fdStore.add()', () => {
  forgetManagerAfterEach();

  test.each<[what: string, make: () => Stored | Promise<Stored>]>([
    ['a number', fileNumber],
    ['an object with an fd', fileObject],
    ['a FileHandle', fileHandle],
    ['a net.Server of TCP', tcpServer],
    ['a net.Server of a Unix socket', unixServer],
    ['a http.Server', () => tcpServer(createHttpServer())],
    ['a net.Socket', tcpConnection],
    ['a dgram.Socket', udpSocket],
  ])('sends the descriptor of %s', async (_what, make) => {
    await using manager = await startManager();
    await using made = await make();
    expect(fdStore.add('name', made.storable)).toBe(true);
    const { message, fds } = await manager.next();
    // A datagram socket has no hang-up to poll for.
    const poll = made.storable instanceof DgramSocket ? '\nFDPOLL=0' : '';
    expect(message).toBe(`FDSTORE=1\nFDNAME=name${poll}`);
    expect(fds.map(({ link }) => link)).toEqual([made.link]);
  });

  test('sends descriptor 0, and leaves it open in this process', async () => {
    await using manager = await startManager();
    expect(fdStore.add('stdin', 0)).toBe(true);
    const { fds } = await manager.next();
    const { dev, ino } = fstatSync(0);
    expect(fds).toMatchObject([{ dev, ino }]);
  });

  test.each<[poll: boolean | undefined, more: string]>([
    [undefined, ''],
    [true, ''],
    [false, '\nFDPOLL=0'],
  ])('sends these bytes with poll %s', async (poll, more) => {
    await using manager = await startManager();
    expect(fdStore.add('a', 0, poll === undefined ? {} : { poll })).toBe(true);
    expect((await manager.next()).hex).toBe(hex(`FDSTORE=1\nFDNAME=a${more}`));
  });

  test('lets the manager poll a datagram socket when poll is true', async () => {
    await using manager = await startManager();
    await using socket = await udpSocket();
    expect(fdStore.add('name', socket.storable, { poll: true })).toBe(true);
    expect((await manager.next()).message).toBe('FDSTORE=1\nFDNAME=name');
  });

  test.each<[what: string, make: () => unknown]>([
    ['a server that does not listen', () => createServer()],
    [
      'a server that was closed',
      async () => {
        const server = createServer();
        await once(server.listen(0, '127.0.0.1'), 'listening');
        await once(server.close(), 'close');
        return server;
      },
    ],
    ['a socket that is not connected', () => new Socket()],
    [
      'a socket that was destroyed',
      async () => {
        await using connection = await tcpConnection();
        const socket = connection.storable as Socket;
        await once(socket.destroy(), 'close');
        return socket;
      },
    ],
    ['a dgram socket that is not bound', () => createSocket('udp4').unref()],
    [
      'a dgram socket that was closed',
      async () => {
        const socket = createSocket('udp4').bind(0, '127.0.0.1');
        await once(socket, 'listening');
        await once(socket.close(), 'close');
        return socket;
      },
    ],
    ['no argument', () => undefined],
    ['null', () => null],
    ["'0'", () => '0'],
    ['0n', () => 0n],
    ['{}', () => ({})],
    ["{ fd: '0' }", () => ({ fd: '0' })],
    ['[0]', () => [0]],
  ])('refuses %s with ERR_INVALID_ARG_TYPE, with a manager and without', async (_what, make) => {
    await using manager = await startManager({ abstract: true });
    const value = (await make()) as Storable;
    const refused = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(() => fdStore.add('name', value)).toThrow(refused);
    expect(await allUntilNow(manager)).toEqual([]);
    delete process.env.NOTIFY_SOCKET;
    expect(() => fdStore.add('name', value)).toThrow(refused);
  });

  test.each([0.5, Number.NaN, 2 ** 31, -(2 ** 31) - 1])(
    'refuses %d with ERR_OUT_OF_RANGE, with a manager and without',
    async (fd) => {
      await using manager = await startManager({ abstract: true });
      const refused = expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
      expect(() => fdStore.add('name', fd)).toThrow(refused);
      expect(() => fdStore.add('name', { fd })).toThrow(refused);
      expect(await allUntilNow(manager)).toEqual([]);
      delete process.env.NOTIFY_SOCKET;
      expect(() => fdStore.add('name', fd)).toThrow(refused);
    },
  );

  test.each<[what: string, make: () => Storable | Promise<Storable>]>([
    ['a number that is not open', () => 0x7fff_ffff],
    ['-1', () => -1],
    [
      'a FileHandle that was closed',
      async () => {
        const handle = await open('/dev/null');
        await handle.close();
        return handle;
      },
    ],
  ])('throws EBADF for %s', async (_what, make) => {
    await using manager = await startManager({ abstract: true });
    const value = await make();
    expect(() => fdStore.add('name', value)).toThrow(
      expect.objectContaining({ name: 'SystemdError', code: 'EBADF', errno: -9 }),
    );
    expect(await allUntilNow(manager)).toEqual([]);
  });

  test.each([
    ['poll 0', { poll: 0 }],
    ["poll 'no'", { poll: 'no' }],
    ['poll null', { poll: null }],
    ['options null', null],
    ['options false', false],
  ])('refuses %s', async (_what, options) => {
    await using manager = await startManager({ abstract: true });
    expect(() => fdStore.add('name', 0, options as object)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
    );
    expect(await allUntilNow(manager)).toEqual([]);
  });

  test('prints no deprecation warning for any kind of argument', async () => {
    await using manager = await startReceiver();
    await using child = new Child(
      `import { createSocket } from 'node:dgram';
      import { once } from 'node:events';
      import { open } from 'node:fs/promises';
      import { connect, createServer } from 'node:net';
      import { fdStore } from 'libsystemd';
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const client = connect(server.address().port, '127.0.0.1');
      await once(client, 'connect');
      const dgram = createSocket('udp4').bind(0, '127.0.0.1');
      await once(dgram, 'listening');
      const handle = await open('/dev/null');
      const all = { server, client, dgram, handle, object: { fd: 0 }, number: 0 };
      for (const [name, value] of Object.entries(all)) console.log(name, fdStore.add(name, value));
      // Node emits a deprecation warning in a later turn of the event loop.
      setImmediate(() => process.exit());`,
      { NOTIFY_SOCKET: manager.address },
      ['--throw-deprecation', '--pending-deprecation'],
    );
    const names = ['server', 'client', 'dgram', 'handle', 'object', 'number'];
    expect(await child.ending()).toEqual({
      stdout: names.map((name) => `${name} true\n`).join(''),
      stderr: '',
      code: 0,
      signal: null,
    });
    await manager.until('FDNAME=number');
    expect(manager.messages.map(({ message }) => message)).toEqual(
      names.map((name) => `FDSTORE=1\nFDNAME=${name}${name === 'dgram' ? '\nFDPOLL=0' : ''}`),
    );
    expect(manager.messages.every(({ fds }) => fds.length === 1)).toBe(true);
  });
});

test('fdStore.remove() sends these bytes, and no descriptor', async () => {
  await using manager = await startManager();
  expect(fdStore.remove('a b')).toBe(true);
  expect(await manager.next()).toMatchObject({
    hex: hex('FDSTOREREMOVE=1\nFDNAME=a b'),
    fds: [],
  });
  delete process.env.NOTIFY_SOCKET;
});

const REMOVE = 'FDSTOREREMOVE=1\nFDNAME=';

/** The two messages of fdStore.save(). */
const saving = (name: string) => [`${REMOVE}${name}`, `FDSTORE=1\nFDNAME=${name}\nFDPOLL=0`];
const memoryFile = (name: string) => `/memfd:${name} (deleted)`;

describe('fdStore.save()', () => {
  forgetManagerAfterEach();

  test('removes the old bytes, and sends a sealed memory file of that name', async () => {
    await using manager = await startManager();
    const before = openFiles();
    expect(fdStore.save('state', Buffer.from('content'))).toBe(true);
    expect(openFiles()).toEqual(before);
    const [removal, storing] = [await manager.next(), await manager.next()];
    expect([removal.message, storing.message]).toEqual(saving('state'));
    expect(removal.fds).toEqual([]);
    expect(storing.fds).toMatchObject([{ link: memoryFile('state'), mode: 'file' }]);
  });

  test('takes a name of 255 characters, although a memory file may have fewer', async () => {
    await using manager = await startManager({ abstract: true });
    const name = 'x'.repeat(255);
    expect(fdStore.save(name, new Uint8Array(1))).toBe(true);
    const { fds } = await manager.until(`FDSTORE=1\nFDNAME=${name}`);
    expect(fds).toMatchObject([{ link: memoryFile('x'.repeat(249)) }]);
  });

  test.each<[what: string, state: Uint8Array]>([
    ['no bytes', new Uint8Array()],
    ['a Buffer', Buffer.from('text')],
    ['a part of a buffer', new Uint8Array(8).subarray(2, 4)],
    ['shared memory', new Uint8Array(new SharedArrayBuffer(8))],
    ['an array of another realm', runInNewContext('new Uint8Array(8)')],
  ])('takes %s', async (_what, state) => {
    await using manager = await startManager({ abstract: true });
    expect(fdStore.save('state', state)).toBe(true);
    expect(await allUntilNow(manager)).toEqual(saving('state'));
  });

  test('saves the real bytes of an array whose class reports others, in any kind of memory', async () => {
    await using manager = await startReceiver();
    const source = `
      import { execFileSync } from 'node:child_process';
      import { readdirSync, readlinkSync, readFileSync } from 'node:fs';
      import { fdStore, notify } from 'libsystemd';
      class FalseReports extends Uint8Array {
        static get [Symbol.species]() { return Uint16Array; }
        get length() { return 1; }
        get byteLength() { return Infinity; }
        get buffer() { return new ArrayBuffer(99); }
        subarray() { return new Uint8Array(1); }
        [Symbol.iterator]() { return [][Symbol.iterator](); }
      }
      const filled = (buffer) => { const bytes = new Uint8Array(buffer); bytes.set([1, 2, 3, 4, 5]); return bytes; };
      const states = {
        falseReports: new FalseReports([1, 2, 3, 4, 5]),
        shared: filled(new SharedArrayBuffer(5)),
        growable: filled(new SharedArrayBuffer(5, { maxByteLength: 10 })),
        resizable: filled(new ArrayBuffer(5, { maxByteLength: 10 })),
        part: filled(new SharedArrayBuffer(9)).subarray(0, 5),
      };
      const detached = filled(new ArrayBuffer(5));
      structuredClone(detached.buffer, { transfer: [detached.buffer] });
      const saved = Object.entries(states).map(([name, state]) => fdStore.save(name, state));
      let code;
      try { fdStore.save('detached', detached); } catch (error) { ({ code } = error); }
      // The manager does not read, so the waiting messages keep the files open.
      const files = readdirSync('/proc/self/fd').flatMap((fd) => {
        try {
          const [, name] = /memfd:(\\w+)/.exec(readlinkSync('/proc/self/fd/' + fd)) ?? [];
          return name ? [[name, [...readFileSync('/proc/self/fd/' + fd)]]] : [];
        } catch { return []; }
      });
      console.log(JSON.stringify({ saved, code, files: Object.fromEntries(files) }));
      process.exit();`;
    await manager.stop();
    const fill = `
      import { notify as filling } from 'libsystemd';
      for (let i = 0; i < ${queueLength()}; i++) filling.send('FILL=' + i);`;
    const { result } = await launchNode([], `${fill}${source}`, {
      env: { NOTIFY_SOCKET: manager.address },
    });
    const bytes = [1, 2, 3, 4, 5];
    expect(result).toEqual({
      saved: [true, true, true, true, true],
      code: 'ERR_INVALID_ARG_VALUE',
      files: { falseReports: bytes, shared: bytes, growable: bytes, resizable: bytes, part: bytes },
    });
  });

  test.each<[what: string, state: unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'text'],
    ['an array', [1, 2]],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['a DataView', new DataView(new ArrayBuffer(8))],
    ['a Uint16Array', new Uint16Array(8)],
    ['a Uint8ClampedArray', new Uint8ClampedArray(8)],
  ])('refuses %s, with a manager and without', async (_what, state) => {
    await using manager = await startManager({ abstract: true });
    const refused = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(() => fdStore.save('state', state as Uint8Array)).toThrow(refused);
    expect(await allUntilNow(manager)).toEqual([]);
    delete process.env.NOTIFY_SOCKET;
    expect(() => fdStore.save('state', state as Uint8Array)).toThrow(refused);
  });

  test('waits in its order while the manager does not read, and keeps a copy of the bytes', async () => {
    await using manager = await startStuckManager();
    expect(fdStore.save('a', new Uint8Array(1))).toBe(true);
    expect(notify.status('between')).toBe(true);
    expect(fdStore.save('a', new Uint8Array(2))).toBe(true);
    expect(countOpen(memoryFile('a'))).toBe(2);
    await manager.go();
    const all = withoutFill(await allUntilNow(manager));
    expect(all).toEqual([...saving('a'), 'STATUS=between', ...saving('a')]);
    expect(countOpen(memoryFile('a'))).toBe(0);
  });

  test('sends nothing when only one of its two messages may wait', async () => {
    await using manager = await startStuckManager();
    const fds = Array<number>(253).fill(0); // as many as may wait
    notify.send('X_FDS=253', { fds });
    const refused = expect.objectContaining({ code: 'ERR_SYSTEMD_QUEUE_FULL' });
    expect(() => fdStore.save('a', new Uint8Array(1))).toThrow(refused);
    expect(countOpen(memoryFile('a'))).toBe(0);
    await manager.go();
    expect(withoutFill(await allUntilNow(manager))).toEqual(['X_FDS=253']);
  });

  test('sends nothing when the bytes cannot all be written', async () => {
    await using manager = await startReceiver();
    const source = `
      import { readdirSync } from 'node:fs';
      import { fdStore, notify } from 'libsystemd';
      const open = () => readdirSync('/proc/self/fd').length;
      const fits = fdStore.save('fits', new Uint8Array(4096));
      const before = open();
      let code;
      try {
        fdStore.save('too-long', new Uint8Array(5000));
      } catch (error) {
        ({ code } = error);
      }
      const leaked = open() - before;
      await notify.barrier();
      console.log(JSON.stringify({ fits, code, leaked }));`;
    // The limit that LimitFSIZE= of a unit sets: the kernel writes up to this size, and fails with EFBIG beyond it.
    const limited = ['prlimit', '--fsize=4096', process.execPath, '--input-type=module', '-e'];
    const env = { NOTIFY_SOCKET: manager.address };
    const { stdout } = await launch([], [...limited, source], { cwd: root, env });
    expect(JSON.parse(stdout)).toEqual({ fits: true, code: 'EFBIG', leaked: 0 });
    await manager.until('BARRIER=1');
    const messages = manager.messages.map(({ message }) => message);
    expect(messages).toEqual([...saving('fits'), 'BARRIER=1']);
  });
});

interface CallWithName {
  readonly call: string;
  readonly run: (name: string) => unknown;
  /**
   * The text of its message before the name; undefined when it sends none, because nothing was
   * inherited.
   */
  readonly start?: string;
}

const CALLS: readonly CallWithName[] = [
  { call: 'add', run: (name) => fdStore.add(name, 0), start: 'FDSTORE=1\nFDNAME=' },
  { call: 'remove', run: (name) => fdStore.remove(name), start: REMOVE },
  { call: 'save', run: (name) => fdStore.save(name, new Uint8Array()), start: REMOVE },
  { call: 'load', run: (name) => fdStore.load(name) },
  { call: 'take', run: (name) => fdStore.take(name) },
];

describe.each(CALLS.filter(({ start }) => start !== undefined))(
  'a name in fdStore.$call()',
  ({ run, start = '' }) => {
    forgetManagerAfterEach();

    const printable = String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 32 + i));
    test.each<[what: string, name: string, sent: string]>([
      ['one character', 'a', 'a'],
      ['a space alone', ' ', ' '],
      ['a name that looks like an assignment', 'MAINPID=1', 'MAINPID=1'],
      ['255 characters', 'x'.repeat(255), 'x'.repeat(255)],
      [
        'every printable character, with the backslash doubled twice',
        printable.replace(':', ''),
        printable.replace(':', '').replace('\\', '\\'.repeat(4)),
      ],
      ['127 backslashes, doubled twice', '\\'.repeat(127), '\\'.repeat(508)],
    ])('%s is sent', async (_what, name, sent) => {
      await using manager = await startManager({ abstract: true });
      expect(run(name)).toBe(true);
      expect((await manager.next()).hex).toBe(hex(start + sent));
    });

    test('returns false without a manager, and sends nothing', async () => {
      await using manager = await startReceiver({ abstract: true });
      delete process.env.NOTIFY_SOCKET;
      expect(run('name')).toBe(false);
      process.env.NOTIFY_SOCKET = manager.address;
      expect(await allUntilNow(manager)).toEqual([]);
    });
  },
);

describe.each(CALLS)('fdStore.$call()', ({ run }) => {
  forgetManagerAfterEach();

  test.each<[what: string, name: unknown, code: string]>([
    ['an empty name', '', 'ERR_INVALID_ARG_VALUE'],
    ['a colon', 'a:b', 'ERR_INVALID_ARG_VALUE'],
    ['a line break', 'a\nMAINPID=1', 'ERR_INVALID_ARG_VALUE'],
    ['a line break at the end', 'a\n', 'ERR_INVALID_ARG_VALUE'],
    ['a carriage return', 'a\rb', 'ERR_INVALID_ARG_VALUE'],
    ['a null byte', 'a\0b', 'ERR_INVALID_ARG_VALUE'],
    ['a tab', 'a\tb', 'ERR_INVALID_ARG_VALUE'],
    ['the control character 127', 'a\x7f', 'ERR_INVALID_ARG_VALUE'],
    ['a character outside of ASCII', 'é', 'ERR_INVALID_ARG_VALUE'],
    ['an emoji', '👋', 'ERR_INVALID_ARG_VALUE'],
    ['256 characters', 'x'.repeat(256), 'ERR_INVALID_ARG_VALUE'],
    ['128 backslashes, each stored as two', '\\'.repeat(128), 'ERR_INVALID_ARG_VALUE'],
    ['a number', 5, 'ERR_INVALID_ARG_TYPE'],
    ['undefined', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['null', null, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses a name of %s, with a manager and without', async (_what, name, code) => {
    await using manager = await startManager({ abstract: true });
    const refused = expect.objectContaining({ name: 'TypeError', code });
    expect(() => run(name as string)).toThrow(refused);
    expect(await allUntilNow(manager)).toEqual([]);
    delete process.env.NOTIFY_SOCKET;
    expect(() => run(name as string)).toThrow(refused);
  });
});
describe.concurrent('fdStore.limit of a service', () => {
  test.each<[env: Readonly<Record<string, string>>, limit: string]>([
    [{}, 'undefined'],
    [{ FDSTORE: '16' }, '16'],
    [{ FDSTORE: '0' }, '0'],
    [{ FDSTORE: '' }, 'undefined'],
    [{ FDSTORE: 'junk' }, 'undefined'],
    [{ FDSTORE: '-1' }, 'undefined'],
    [{ FDSTORE: '16x' }, 'undefined'],
  ])('with %j is %s', async (env, limit) => {
    const source = `
      import { fdStore } from 'libsystemd';
      console.log(JSON.stringify(String(fdStore.limit)));`;
    expect((await launchNode([], source, { env })).result).toBe(limit);
  });
});
