// notify.send() and its shorthands: which bytes and descriptors arrive, and which calls are refused.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NotifyState, notify, SystemdError } from 'libsystemd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchNode } from '../support/launch.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { tool } from '../support/tools.ts';
import { addresses, allUntilNow, forgetManagerAfterEach, startManager } from './support.ts';

const self = {
  pid: process.pid,
  uid: process.getuid?.(),
  gid: process.getgid?.(),
};

/** The uid and gid of the user nobody, on a machine that does not change them. */
const NOBODY = 65534;

const isRoot = self.uid === 0;

/** With CAP_SYS_ADMIN a process may send in the name of another one (unix(7)). */
const maySendAsOthers =
  ((BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`) >>
    21n) &
    1n) ===
  1n;

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

/** Gives a value a type that TypeScript would refuse. */
const wrong = <T>(value: unknown) => value as T;

const allCalls: [call: string, run: () => boolean][] = [
  ["send('READY=1')", () => notify.send('READY=1')],
  ['send({ ready: true })', () => notify.send({ ready: true })],
  ['send() with a closed descriptor', () => notify.send('READY=1', { fds: [0x7fff_ffff] })],
  ['ready()', () => notify.ready()],
  ['reloading()', () => notify.reloading()],
  ['stopping()', () => notify.stopping()],
  ["status('')", () => notify.status('')],
  ['extendTimeout(0)', () => notify.extendTimeout(0)],
];

describe.each(addresses)('with a manager at a $kind', ({ abstract }) => {
  let manager: Receiver;
  beforeAll(async () => {
    manager = await startManager({ abstract });
  });
  afterAll(async () => {
    delete process.env.NOTIFY_SOCKET;
    await manager.close();
  });

  test.each<[call: string, run: () => boolean, message: string]>([
    ['ready()', () => notify.ready(), 'READY=1'],
    ["ready('Serving')", () => notify.ready('Serving'), 'READY=1\nSTATUS=Serving'],
    ["ready('')", () => notify.ready(''), 'READY=1\nSTATUS='],
    ['stopping()', () => notify.stopping(), 'STOPPING=1'],
    ["stopping('Bye')", () => notify.stopping('Bye'), 'STOPPING=1\nSTATUS=Bye'],
    ["status('Grüße 👋')", () => notify.status('Grüße 👋'), 'STATUS=Grüße 👋'],
    ["status('')", () => notify.status(''), 'STATUS='],
    ['extendTimeout(1500)', () => notify.extendTimeout(1500), 'EXTEND_TIMEOUT_USEC=1500000'],
    ['extendTimeout(0.25)', () => notify.extendTimeout(0.25), 'EXTEND_TIMEOUT_USEC=250'],
    ['extendTimeout(0)', () => notify.extendTimeout(0), 'EXTEND_TIMEOUT_USEC=0'],
    ['send() with a string', () => notify.send('READY=1\nX_NEW=a\\b'), 'READY=1\nX_NEW=a\\b'],
    ['send() with an empty string', () => notify.send(''), ''],
    [
      'send() with an object, in the order of its keys but the status last',
      () => notify.send({ status: 'Crashed', stopping: true, errno: 'EIO', X_TRY: 3 }),
      'STOPPING=1\nERRNO=EIO\nX_TRY=3\nSTATUS=Crashed',
    ],
    [
      'send() with an object, without keys that are undefined or false',
      () => notify.send(wrong<NotifyState>({ ready: false, errno: undefined, mainPid: 7 })),
      'MAINPID=7',
    ],
  ])('%s returns true, and these bytes arrive from this process', async (_call, run, message) => {
    expect(run()).toBe(true);
    expect(await manager.next()).toEqual({
      ...self,
      message,
      hex: hex(message),
      truncated: false,
      fds: [],
    });
  });

  test.each([
    [undefined, ''],
    ['Reading', '\nSTATUS=Reading'],
  ])('reloading(%j) sends the time of the call in the same message', async (status, more) => {
    const before = process.hrtime.bigint() / 1000n;
    expect(notify.reloading(status)).toBe(true);
    const after = process.hrtime.bigint() / 1000n;

    const { message } = await manager.next();
    const usec = BigInt(/^RELOADING=1\nMONOTONIC_USEC=(\d+)/.exec(message)?.[1] ?? -1);
    expect(message).toBe(`RELOADING=1\nMONOTONIC_USEC=${usec}${more}`);
    expect(usec).toBeGreaterThanOrEqual(before);
    expect(usec).toBeLessThanOrEqual(after);
  });

  test('passes descriptors in their order, and leaves them open in this process', async () => {
    const paths = ['/', '/dev/null', process.execPath];
    const fds = [0, ...paths.map((path) => openSync(path, 'r'))];
    expect(notify.send('X_FDS=4', { fds })).toBe(true);
    const received = (await manager.next()).fds;
    const ours = fds.map((fd) => fstatSync(fd));
    for (const fd of fds.slice(1)) closeSync(fd);

    expect(received.map(({ dev, ino }) => [dev, ino])).toEqual(
      ours.map(({ dev, ino }) => [dev, ino]),
    );
    expect(received.slice(1).map(({ link }) => link)).toEqual(paths);
    expect(received.slice(1).map(({ mode }) => mode)).toEqual([
      'directory',
      'character device',
      'file',
    ]);
  });

  test.each<[what: string, send: (fd: number) => boolean]>([
    ['given in the state', (fd) => notify.send({ mainPidFd: fd, mainPidFdId: 5 })],
    [
      'given in options.fds',
      (fd) => notify.send({ mainPidFd: true, mainPidFdId: 5 }, { fds: [fd] }),
    ],
  ])('MAINPIDFD=1 is sent with one descriptor, %s', async (_what, send) => {
    const fd = openSync('/dev/null', 'r');
    try {
      expect(send(fd)).toBe(true);
      const { message, fds } = await manager.next();
      expect(message).toBe('MAINPIDFD=1\nMAINPIDFDID=5');
      expect(fds.map(({ link }) => link)).toEqual(['/dev/null']);
    } finally {
      closeSync(fd);
    }
  });

  test.each<[call: string, run: () => unknown, received: string]>([
    ['no descriptor', () => notify.send({ mainPidFd: true }), 'options.fds'],
    ['two descriptors', () => notify.send({ mainPidFd: true }, { fds: [0, 1] }), 'options.fds'],
    [
      'another descriptor beside the pidfd',
      () => notify.send({ mainPidFd: 0 }, { fds: [1] }),
      'options.fds',
    ],
  ])('MAINPIDFD=1 with %s is refused, because the manager accepts one', async (_w, run, name) => {
    expect(run).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARG_VALUE',
        message: expect.stringContaining(`"${name}"`),
      }),
    );
    notify.send('X_NEXT=1');
    expect((await manager.next()).message).toBe('X_NEXT=1');
  });

  test('passes 253 descriptors at once, and refuses one more', async () => {
    const fds = Array<number>(253).fill(0);
    expect(notify.send('X_FDS=253', { fds })).toBe(true);
    const { fds: received, truncated } = await manager.next();
    expect(received).toHaveLength(253);
    expect(truncated).toBe(false);
    expect(() => notify.send('X_FDS=254', { fds: [...fds, 0] })).toThrow(
      expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
    );
  });

  test.skipIf(!maySendAsOthers)(
    'sends in the name of another process (skipped without CAP_SYS_ADMIN)',
    async () => {
      expect(notify.send('X_NAME=1', { pid: process.ppid })).toBe(true);
      expect(await manager.next()).toMatchObject({ ...self, pid: process.ppid });
      expect(notify.send('X_NAME=0', { pid: 0 })).toBe(true);
      expect(await manager.next()).toMatchObject(self);
    },
  );

  test.each([[-1], [0x7fff_ffff]])(
    'throws EBADF when descriptor %i is one of those to pass, and sends nothing',
    async (fd) => {
      expect(() => notify.send('X_BAD=1', { fds: [0, fd] })).toThrow(
        expect.objectContaining({
          name: 'SystemdError',
          code: 'EBADF',
          errno: -9,
          syscall: 'sd_pid_notify_with_fds',
        }),
      );
      notify.send('X_NEXT=1');
      expect((await manager.next()).message).toBe('X_NEXT=1');
    },
  );

  test.each([
    ['{}', {}],
    ['{ ready: false }', { ready: false }],
    ['{ status: undefined }', { status: undefined }],
  ])('returns false for %s, which assigns nothing, and sends nothing', async (_text, state) => {
    expect(notify.send(wrong<NotifyState>(state))).toBe(false);
    notify.send('X_NEXT=1');
    expect((await manager.next()).message).toBe('X_NEXT=1');
  });

  test('sends 4096 bytes, and refuses more, because the manager would drop them', async () => {
    const longest = `X_A=${'é'.repeat(2046)}`;
    expect(notify.send(longest)).toBe(true);
    expect(await manager.next()).toMatchObject({ hex: hex(longest), truncated: false });
    const tooLong = expect.objectContaining({
      name: 'SystemdError',
      code: 'ERR_SYSTEMD_MESSAGE_SIZE',
    });
    expect(() => notify.send(`${longest}.`)).toThrow(tooLong);
    expect(() => notify.send({ X_A: `${'é'.repeat(2046)}.` })).toThrow(tooLong);
  });

  test('cuts a status that does not fit, between two characters', async () => {
    expect(notify.ready('€'.repeat(3000))).toBe(true);
    const { message, hex: bytes } = await manager.next();
    expect(message).toMatch(/^READY=1\nSTATUS=€+$/);
    expect(bytes.length / 2).toBeGreaterThan(4096 - 3);
    expect(bytes.length / 2).toBeLessThanOrEqual(4096);
  });

  test.each([
    ['line breaks', 'a\nMAINPID=1\r\nSTOPPING=1', 'a MAINPID=1  STOPPING=1'],
    ['a null byte', 'a\0FDSTOREREMOVE=1', 'a FDSTOREREMOVE=1'],
    ['an escaped line break', 'a\\\nMAINPID=1', 'a\\\\ MAINPID=1'],
    ['a backslash at the end', 'C:\\path\\', 'C:\\\\path\\\\'],
    ['a lone surrogate', 'a\ud83db', 'a\ufffdb'],
    ['a tab', 'a\tb', 'a b'],
    [
      'escape sequences of a terminal',
      '\x1b]0;x\x07\x7f\u009b31m',
      '\\\\x1b]0;x\\\\x07\\\\x7f\\\\x9b31m',
    ],
    [
      'characters that change the direction of text',
      'a\u202eb\u2066c',
      'a\\\\u{202e}b\\\\u{2066}c',
    ],
    ['separators', 'a\u2028b\u0085c', 'a\\\\u{2028}b\\\\x85c'],
  ])(
    '%s in a status cannot forge an assignment, nor control a terminal',
    async (_what, text, sent) => {
      expect(notify.status(text)).toBe(true);
      expect((await manager.next()).hex).toBe(hex(`STATUS=${sent}`));
      expect(notify.stopping(text)).toBe(true);
      expect((await manager.next()).hex).toBe(hex(`STOPPING=1\nSTATUS=${sent}`));
    },
  );

  test('a message of another process arrives between two of this process', async () => {
    expect(notify.send('X_FIRST=1')).toBe(true);
    const env = { NOTIFY_SOCKET: manager.address };
    const { result } = await launchNode(
      [],
      `import { notify } from 'libsystemd';
      console.log(JSON.stringify([notify.ready('child'), process.pid]));`,
      { env },
    );
    expect(notify.send('X_LAST=1')).toBe(true);
    const datagrams = [await manager.next(), await manager.next(), await manager.next()];
    const [sent, pid] = result as [boolean, number];
    expect(sent).toBe(true);
    expect(datagrams.map((datagram) => [datagram.pid, datagram.message])).toEqual([
      [process.pid, 'X_FIRST=1'],
      [pid, 'READY=1\nSTATUS=child'],
      [process.pid, 'X_LAST=1'],
    ]);
  });
});

describe('without a manager', () => {
  forgetManagerAfterEach();

  test.each(allCalls)('%s returns false, and sends nothing', async (_call, run) => {
    await using manager = await startReceiver({ abstract: true });
    delete process.env.NOTIFY_SOCKET;
    expect(run()).toBe(false);
    process.env.NOTIFY_SOCKET = manager.address;
    expect(await allUntilNow(manager)).toEqual([]);
  });

  test('no call loads libsystemd or the add-on', async () => {
    const source = (notification: string) => `
      import { readFileSync } from 'node:fs';
      import { fdStore, notify, watchdog } from 'libsystemd';
      ${notification}
      const maps = readFileSync('/proc/self/maps', 'utf8');
      console.log(JSON.stringify(['libsystemd.so', 'libsystemd.node'].map((name) => maps.includes(name))));`;
    const everything = `
      notify.ready(); notify.send('A=1'); await notify.barrier(); fdStore.add('a', 0);
      fdStore.remove('a'); fdStore.limit; watchdog.timeout(); watchdog.ping(); watchdog.start().stop();`;
    await using manager = await startReceiver({ abstract: true });
    const [withoutManager, withManager] = await Promise.all([
      launchNode([], source(everything)),
      launchNode([], source('notify.ready()'), { env: { NOTIFY_SOCKET: manager.address } }),
    ]);
    expect(withoutManager.result).toEqual([false, false]);
    expect(withManager.result).toEqual([false, true]);
  });
});

describe('notify.ready() throws when NOTIFY_SOCKET is', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
    writeFileSync(join(folder, 'file'), '');
    // A receiver that is killed leaves its socket file behind.
    const receiver = spawn(tool('receiver'), [join(folder, 'left')]);
    await once(receiver.stdout, 'data');
    receiver.kill('SIGKILL');
    await once(receiver, 'close');
  });
  afterAll(() => rm(folder, { recursive: true }));
  forgetManagerAfterEach();

  // EPROTO since libsystemd 255, and EINVAL before.
  const noAddress = ['EINVAL', 'EPROTO'];

  test.each<[what: string, address: () => string, codes: readonly string[]]>([
    ['a relative path', () => 'run/notify', noAddress],
    ['an address of another family', () => 'tcp:127.0.0.1:80', noAddress],
    ['a slash alone', () => '/', ['EINVAL']],
    ['an at sign alone', () => '@', ['EINVAL']],
    ['a path that is too long', () => `/${'x'.repeat(108)}`, ['ENAMETOOLONG']],
    ['an abstract name that is too long', () => `@${'x'.repeat(108)}`, ['EINVAL']],
    ['a path that is missing', () => join(folder, 'missing'), ['ENOENT']],
    ['a path below a file', () => join(folder, 'file', 'notify'), ['ENOTDIR']],
    ['a file', () => join(folder, 'file'), ['ECONNREFUSED']],
    ['a socket file that no process has open', () => join(folder, 'left'), ['ECONNREFUSED']],
    ['an abstract name that no process has open', () => `@${randomUUID()}`, ['ECONNREFUSED']],
  ])('%s', (_what, address, codes) => {
    process.env.NOTIFY_SOCKET = address();
    let error: unknown;
    try {
      notify.ready();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SystemdError);
    const { code, errno, syscall, message } = error as SystemdError;
    expect(codes).toContain(code);
    expect(errno).toBe(-constants.errno[code as keyof typeof constants.errno]);
    expect(syscall).toBe('sd_pid_notify_with_fds');
    expect(message).toMatch(
      new RegExp(`^${code}: .*, sd_pid_notify_with_fds, '.*', NOTIFY_SOCKET$`),
    );
  });
});

describe.skipIf(!isRoot)('as a process without privileges (skipped unless root starts it)', () => {
  /** Loads the package as root, because the user nobody may not be able to read the repository. */
  const asNobody = (source: string) => `
    import { notify } from 'libsystemd';
    process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY});
    ${source}`;

  test('throws EACCES when it may not write to the socket', async () => {
    await using manager = await startReceiver();
    const { result } = await launchNode(
      [],
      asNobody(`try { notify.ready(); } catch (error) {
        console.log(JSON.stringify({ ...error, isError: error instanceof Error }));
      }`),
      { env: { NOTIFY_SOCKET: manager.address } },
    );
    expect(result).toEqual({
      name: 'SystemdError',
      code: 'EACCES',
      errno: -13,
      syscall: 'sd_pid_notify_with_fds',
      path: manager.address,
      isError: true,
    });
  });

  test('sends in its own name, even when it asks for the name of another process', async () => {
    await using manager = await startReceiver({ abstract: true });
    const { result } = await launchNode(
      [],
      asNobody(`
        const sent = [notify.ready(), notify.send('X_NAME=1', { pid: process.ppid })];
        console.log(JSON.stringify({ sent, pid: process.pid }));`),
      { env: { NOTIFY_SOCKET: manager.address } },
    );
    const { sent, pid } = result as { sent: boolean[]; pid: number };
    const nobody = { pid, uid: NOBODY, gid: NOBODY };
    expect(sent).toEqual([true, true]);
    expect(await manager.next()).toMatchObject({ ...nobody, message: 'READY=1' });
    expect(await manager.next()).toMatchObject({ ...nobody, message: 'X_NAME=1' });
  });
});

describe('wrong arguments', () => {
  forgetManagerAfterEach();
  const TYPE = 'ERR_INVALID_ARG_TYPE';
  const RANGE = 'ERR_OUT_OF_RANGE';
  const VALUE = 'ERR_INVALID_ARG_VALUE';
  const send = (state: unknown, options?: unknown) => () =>
    notify.send(wrong<NotifyState>(state), wrong<object>(options));

  test.each<[call: string, run: () => unknown, code: string]>([
    ['send()', send(undefined), TYPE],
    ['send(null)', send(null), TYPE],
    ['send(1)', send(1), TYPE],
    ['send({ ready: 1 })', send({ ready: 1 }), TYPE],
    ['send({ status: 1 })', send({ status: 1 }), TYPE],
    ['send() with an unknown key', send({ raedy: true }), VALUE],
    ['send() with a key of the fd store', send({ fdstore: true }), VALUE],
    ['send() with the key of a barrier', send({ barrier: true }), VALUE],
    ['send() with two lines in a value', send({ X_A: 'b\nMAINPID=1' }), VALUE],
    ['send() with a line break in a key', send({ 'X_A=1\nMAINPID': '1' }), VALUE],
    ['options null', send('A=1', null), TYPE],
    ['options 1', send('A=1', 1), TYPE],
    ["pid '1'", send('A=1', { pid: '1' }), TYPE],
    ['pid -1', send('A=1', { pid: -1 }), RANGE],
    ['pid 1.5', send('A=1', { pid: 1.5 }), RANGE],
    ['pid 2 ** 31', send('A=1', { pid: 2 ** 31 }), RANGE],
    ['fds 1', send('A=1', { fds: 1 }), TYPE],
    ["fds '1'", send('A=1', { fds: '1' }), TYPE],
    ['fds null', send('A=1', { fds: null }), TYPE],
    ["fds ['1']", send('A=1', { fds: ['1'] }), TYPE],
    ['fds with a gap', send('A=1', { fds: Object.assign([0], { length: 2 }) }), TYPE],
    ['fds [0.5]', send('A=1', { fds: [0.5] }), RANGE],
    ['fds [2 ** 31]', send('A=1', { fds: [2 ** 31] }), RANGE],
    ['an unknown option', send('A=1', { fsd: [0] }), VALUE],
    ['mainPidFd -1', send({ mainPidFd: -1 }), RANGE],
    ['mainPidFd false', send({ mainPidFd: false }), TYPE],
    ["mainPidFd '1'", send({ mainPidFd: '1' }), TYPE],
    ['ready(1)', () => notify.ready(wrong(1)), TYPE],
    ['reloading(null)', () => notify.reloading(wrong(null)), TYPE],
    ['stopping({})', () => notify.stopping(wrong({})), TYPE],
    ['status()', () => notify.status(wrong(undefined)), TYPE],
    ['status(1)', () => notify.status(wrong(1)), TYPE],
    ["extendTimeout('5')", () => notify.extendTimeout(wrong('5')), TYPE],
    ['extendTimeout(-1)', () => notify.extendTimeout(-1), RANGE],
    ['extendTimeout(NaN)', () => notify.extendTimeout(Number.NaN), RANGE],
    ['extendTimeout(Infinity)', () => notify.extendTimeout(Number.POSITIVE_INFINITY), RANGE],
  ])('%s is refused with a manager and without, and nothing is sent', async (_call, run, code) => {
    await using manager = await startManager({ abstract: true });
    const kind = code === RANGE ? RangeError : TypeError;
    const refused = expect.objectContaining({ code });
    expect(run).toThrow(refused);
    expect(run).toThrow(kind);
    expect(await allUntilNow(manager)).toEqual([]);
    delete process.env.NOTIFY_SOCKET;
    expect(run).toThrow(refused);
  });

  test('a string with a null byte is refused, and nothing is sent', async () => {
    await using manager = await startManager({ abstract: true });
    expect(() => notify.send('A=1\0B=2')).toThrow(expect.objectContaining({ code: VALUE }));
    expect(await allUntilNow(manager)).toEqual([]);
  });
});
