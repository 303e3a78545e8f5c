// The add-on's own system calls. Like libsystemd's functions, each returns a result or -errno.
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readlinkSync,
  writeSync,
} from 'node:fs';
import { endianness } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { native } from '../../lib/addon/exports.ts';
import {
  type Call,
  EveryKind,
  type Kind,
  type Outcome,
  ownAddress,
  runWith,
} from '../support/descriptors.ts';
import { startReceiver } from '../support/receiver.ts';

const every = new EveryKind();
const { folder } = every;
afterAll(() => every[Symbol.dispose]());

const EPERM = -1;
const ENOENT = -2;
const ESRCH = -3;
const EBADF = -9;
const EAGAIN = -11;
const EINVAL = -22;
const ENOSPC = -28;
const ESPIPE = -29;
const ERANGE = -34;
const ENODATA = -61;
const EOVERFLOW = -75;
const ENOTSOCK = -88;
const ENOPROTOOPT = -92;
const EOPNOTSUPP = -95;
const EAFNOSUPPORT = -97;
const ECONNREFUSED = -111;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_INCOMING_CPU = 49;

const F_SEAL_SEAL = 1;
const ALL_SEALS = 15;

const S_IFIFO = 0o010000;
const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFSOCK = 0o140000;
const NO_TYPE = 0;

const CLOSED = 900;
const NO_LENGTH = -1;
const isLittleEndian = endianness() === 'LE';
const somaxconn = Number(readFileSync('/proc/sys/net/core/somaxconn', 'latin1'));
const nothing = new Uint8Array();
const room = () => new Uint8Array(256);
/** The supplementary groups without the effective one, which getgroups(2) may add. */
const groups = /^Groups:(.*)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
const groupBytes = 4 * groups.split(/\s/).filter(Boolean).length;
const unixAddress = (path: string) => Buffer.from(`\x01\0${path}`, 'latin1');

type Row = readonly [
  name: string,
  kind: Kind | number | undefined,
  args: readonly unknown[],
  unknown,
];

const ROWS: readonly Row[] = [
  // The result is the whole length, also when the buffer is shorter.
  ['getsockname', 'tcp', [room()], 16],
  ['getsockname', 'tcp', [nothing], 16],
  ['getsockname', 'tcp6', [room()], 28],
  ['getsockname', 'unix', [room()], 2 + folder.length + '/stream'.length + 1],
  ['getsockname', 'unix 108 bytes', [room()], 2 + 108 + 1],
  ['getsockname', 'unix abstract', [room()], 2 + 1 + folder.length],
  ['getsockname', 'unix unnamed', [room()], 2],
  ['getsockname', 'netlink', [room()], 12],
  ['getsockname', 'vsock', [room()], 16],
  ['getsockname', 'file', [room()], ENOTSOCK],
  ['getsockname', CLOSED, [room()], EBADF],
  ['getsockname', -1, [room()], EBADF],

  ['getsockopt', 'tcp', [SOL_SOCKET, SO_TYPE], 1],
  ['getsockopt', 'unix seqpacket', [SOL_SOCKET, SO_TYPE], 5],
  ['getsockopt', 'tcp', [SOL_SOCKET, SO_ACCEPTCONN], 1],
  ['getsockopt', 'tcp bound', [SOL_SOCKET, SO_ACCEPTCONN], 0],
  ['getsockopt', 'tcp', [SOL_SOCKET, 9999], ENOPROTOOPT],
  // The option's value is -1.
  ['getsockopt', 'tcp', [SOL_SOCKET, SO_INCOMING_CPU], EOVERFLOW],
  ['getsockopt', 'tcp', [-1, SO_TYPE], EOPNOTSUPP],
  ['getsockopt', 'file', [SOL_SOCKET, SO_TYPE], ENOTSOCK],
  ['getsockopt', CLOSED, [SOL_SOCKET, SO_TYPE], EBADF],

  ['peer_credentials', 'socketpair', [room()], 12],
  ['peer_credentials', 'socketpair', [new Uint8Array(5)], 5],
  ['peer_credentials', 'socketpair', [nothing], 0],
  ['peer_credentials', 'unix', [room()], 12],
  ['peer_credentials', 'tcp connected', [room()], 12],
  ['peer_credentials', 'file', [room()], ENOTSOCK],
  ['peer_credentials', CLOSED, [room()], EBADF],
  ['peer_groups', 'socketpair', [new Uint8Array(groupBytes)], groupBytes],
  ['peer_groups', 'socketpair', [nothing], groupBytes],
  ['peer_groups', 'socketpair dgram', [new Uint8Array(groupBytes + 4)], groupBytes],
  ['peer_groups', 'unix unnamed', [room()], ENODATA],
  ['peer_groups', 'tcp connected', [room()], ENODATA],
  ['peer_groups', 'file', [room()], ENOTSOCK],
  ['peer_groups', CLOSED, [room()], EBADF],

  ['tcp_accept_queue', 'tcp backlog', [], [0, 0, 5]],
  ['tcp_accept_queue', 'unix', [], [EOPNOTSUPP, 0, 0]],
  ['tcp_accept_queue', 'vsock', [], [ENOPROTOOPT, 0, 0]],
  ['tcp_accept_queue', 'file', [], [ENOTSOCK, 0, 0]],
  ['tcp_accept_queue', CLOSED, [], [EBADF, 0, 0]],
  ['unix_accept_queue', 'unix backlog', [], [0, 0, 3]],
  ['unix_accept_queue', 'unix seqpacket', [], [0, 0, 9]],
  ['unix_accept_queue', 'tcp', [], [ENOENT, 0, 0]],
  ['unix_accept_queue', CLOSED, [], [EBADF, 0, 0]],

  ['listen', 'tcp bound', [6], 0],
  ['tcp_accept_queue', 'tcp bound', [], [0, 0, 6]],
  ['listen', 'tcp bound', [2 ** 31 - 1], 0],
  ['tcp_accept_queue', 'tcp bound', [], [0, 0, somaxconn]],
  ['listen', 'tcp bound', [0], 0],
  ['tcp_accept_queue', 'tcp bound', [], [0, 0, 0]],
  ['listen', 'unix backlog', [4], 0],
  ['unix_accept_queue', 'unix backlog', [], [0, 0, 4]],
  ['listen', 'udp', [1], EOPNOTSUPP],
  ['listen', 'unix unnamed', [1], EINVAL],
  ['listen', 'file', [1], ENOTSOCK],
  ['listen', CLOSED, [1], EBADF],

  ['inet_pton', undefined, [AF_INET, '127.0.0.1', room()], 1],
  ['inet_pton', undefined, [AF_INET6, '::ffff:1.2.3.4', room()], 1],
  ['inet_pton', undefined, [AF_INET, '127.0.0.1', new Uint8Array(3)], ENOSPC],
  ['inet_pton', undefined, [AF_INET6, '::1', new Uint8Array(15)], ENOSPC],
  ['inet_pton', undefined, [AF_INET, '127.1', room()], 0],
  ['inet_pton', undefined, [AF_INET, '::1', room()], 0],
  ['inet_pton', undefined, [AF_INET6, '127.0.0.1', room()], 0],
  ['inet_pton', undefined, [AF_INET6, '', room()], 0],
  ['inet_pton', undefined, [AF_UNIX, '127.0.0.1', room()], EAFNOSUPPORT],
  ['inet_ntop', undefined, [AF_INET, Uint8Array.of(127, 0, 0, 1)], [0, '127.0.0.1']],
  ['inet_ntop', undefined, [AF_INET, new Uint8Array(100)], [0, '0.0.0.0']],
  ['inet_ntop', undefined, [AF_INET6, new Uint8Array(16)], [0, '::']],
  [
    'inet_ntop',
    undefined,
    [AF_INET6, new Uint8Array(16).fill(255)],
    [0, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ],
  ['inet_ntop', undefined, [AF_INET, new Uint8Array(3)], [EINVAL, '']],
  ['inet_ntop', undefined, [AF_INET6, new Uint8Array(15)], [EINVAL, '']],
  ['inet_ntop', undefined, [AF_UNIX, new Uint8Array(16)], [EAFNOSUPPORT, '']],

  ['datagram_room', undefined, [unixAddress(`${folder}/dgram`)], 1],
  ['datagram_room', undefined, [unixAddress(`${folder}/missing`)], ENOENT],
  ['datagram_room', undefined, [unixAddress(`${folder}/file`)], ECONNREFUSED],
  ['datagram_room', undefined, [unixAddress('\0libsystemd-nobody')], ECONNREFUSED],
  ['datagram_room', undefined, [unixAddress('/'.repeat(200))], EINVAL],
  ['datagram_room', undefined, [Uint8Array.of(AF_INET, 0, 0, 0, 0, 0, 0, 0)], EINVAL],
  ['datagram_room', undefined, [nothing], EINVAL],

  ['send_text', undefined, [unixAddress(`${folder}/dgram`), 'é'.repeat(8)], 16],
  ['send_text', undefined, [unixAddress(`${folder}/dgram`), ''], 0],
  ['send_text', undefined, [unixAddress(`${folder}/missing`), 'X=1'], ENOENT],
  ['send_text', undefined, [unixAddress(`${folder}/file`), 'X=1'], ECONNREFUSED],
  ['send_text', undefined, [unixAddress('\0libsystemd-nobody'), 'X=1'], ECONNREFUSED],
  ['send_text', undefined, [unixAddress('/'.repeat(200)), 'X=1'], EINVAL],
  ['send_text', undefined, [Uint8Array.of(AF_INET, 0, 0, 0, 0, 0, 0, 0), 'X=1'], EINVAL],
  ['send_text', undefined, [nothing, 'X=1'], EINVAL],
  ['send_datagram', undefined, [unixAddress(`${folder}/dgram`), '', []], 0],
  ['send_datagram', undefined, [unixAddress(`${folder}/dgram`), 'é'.repeat(8), [0, 1]], 16],
  ['send_datagram', undefined, [unixAddress(`${folder}/dgram`), 'X=1', [-1]], EBADF],
  ['send_datagram', undefined, [unixAddress(`${folder}/dgram`), 'X=1', Array(254).fill(0)], EINVAL],
  ['send_datagram', undefined, [unixAddress(`${folder}/missing`), 'X=1', []], ENOENT],
  ['send_datagram', undefined, [unixAddress(`${folder}/file`), 'X=1', []], ECONNREFUSED],
  ['send_datagram', undefined, [unixAddress('\0libsystemd-nobody'), 'X=1', []], ECONNREFUSED],
  ['send_datagram', undefined, [unixAddress('/'.repeat(200)), 'X=1', []], EINVAL],
  ['send_datagram', undefined, [Uint8Array.of(AF_INET, 0, 0, 0, 0, 0, 0, 0), 'X=1', []], EINVAL],
  ['send_datagram', undefined, [nothing, 'X=1', []], EINVAL],

  // 4 bytes for the number of records, and 36 for each, beside its addresses.
  ['inspect_fds', 'tcp', [1, room()], 4 + 36 + 16],
  ['inspect_fds', 'tcp', [0, room()], 4],
  ['inspect_fds', 'tcp', [-1, room()], 4],
  ['inspect_fds', 'tcp', [1, nothing], 0],
  ['inspect_fds', 'tcp', [1, new Uint8Array(3)], 0],
  ['inspect_fds', 'tcp', [1, new Uint8Array(4 + 36 + 15)], 4],
  ['inspect_fds', 'tcp', [1, new Uint8Array(4 + 36 + 16)], 4 + 36 + 16],
  ['inspect_fds', 'tcp', [2 ** 31 - 1, new Uint8Array(4 + 2 * (36 + 16))], 4 + 2 * (36 + 16)],
  ['inspect_fds', 'socketpair', [1, room()], 4 + 36 + 4 + 4],
  ['inspect_fds', 'dev', [1, room()], 4 + 36 + '/dev/null'.length + 3],
  ['inspect_fds', CLOSED, [1, room()], 4 + 36],
  ['inspect_fds', -1, [1, room()], 4 + 36],
  ['inspect_fds', 2 ** 31 - 1, [2, room()], 4 + 36],

  ['shared', undefined, [], [0, undefined]],
  ['share_list', undefined, ['["a"]', Uint8Array.of(0, 255, 16)], 0],
  ['shared', undefined, [], [0, '["a"]\n00ff10']],
  ['share_list', undefined, ['', nothing], 0],
  ['shared', undefined, [], [0, '\n']],

  ['remembered', undefined, [], [0, undefined]],
  ['remembered', undefined, ['{}'], [0, '{}']],
  ['remembered', undefined, ['{"A":1}'], [0, '{"A":1}']],
  ['remembered', undefined, [], [0, '{"A":1}']],

  ['dup', 'pipe', [700], 700],
  ['dup', 'pipe', [700], 701],
  ['dup', 'pipe', [-1], EINVAL],
  ['dup', 'pipe', [2 ** 31 - 1], EINVAL],
  ['dup', CLOSED, [700], EBADF],
  ['dup', 'file', [710], 710],
  ['file_type', 710, [], S_IFREG],
  ['close', 710, [], 0],
  ['close', 710, [], EBADF],
  ['close', CLOSED, [], EBADF],
  ['close', -1, [], EBADF],
  ['release', CLOSED, [], 0],

  ['memfd_create', undefined, ['x'.repeat(250), 1], EINVAL],
  ['memfd_create', undefined, ['name', -1], EINVAL],
  ['get_seals', 'sealed', [], ALL_SEALS],
  ['get_seals', 'memfd', [], F_SEAL_SEAL],
  ['get_seals', 'pipe', [], EINVAL],
  ['get_seals', 'tcp', [], EINVAL],
  ['get_seals', CLOSED, [], EBADF],
  ['get_seals', -1, [], EBADF],
  ['add_seals', 'sealed', [0], EPERM],
  ['add_seals', 'memfd', [ALL_SEALS], EPERM],
  ['add_seals', 'memfd', [-1], EINVAL],
  ['add_seals', 'fifo', [0], EINVAL],
  ['add_seals', CLOSED, [0], EBADF],

  ['file_size', 'sealed', [], [0, 'content'.length]],
  ['file_size', 'tcp', [], [0, 0]],
  ['file_size', CLOSED, [], [EBADF, 0]],
  ['pread', 'sealed', [room(), 0], 'content'.length],
  ['pread', 'sealed', [room(), 3], 'content'.length - 3],
  ['pread', 'sealed', [new Uint8Array(2), 3], 2],
  ['pread', 'sealed', [nothing, 0], 0],
  ['pread', 'sealed', [room(), 2 ** 53 - 1], 0],
  ['pread', 'pipe', [room(), 0], ESPIPE],
  ['pread', CLOSED, [room(), 0], EBADF],
  ['pwrite', 'memfd', [Uint8Array.of(1, 2, 3), 2 ** 32], 3],
  ['file_size', 'memfd', [], [0, 2 ** 32 + 3]],
  ['pwrite', 'sealed', [Uint8Array.of(1), 0], EPERM],
  ['pwrite', 'pipe', [Uint8Array.of(1), 0], ESPIPE],
  ['pwrite', CLOSED, [Uint8Array.of(1), 0], EBADF],

  ['file_type', CLOSED, [], EBADF],
  ['file_type', -1, [], EBADF],

  ['pid_getfd', 0, [0], EINVAL],
  ['pid_getfd', -1, [0], EINVAL],
  ['pid_getfd', 2 ** 22 + 1, [0], ESRCH], // above the largest possible pid, see proc(5)
  ['pid_getfd', process.pid, [-1], EBADF],
  ['pid_getfd', process.pid, [100_000], EBADF],

  ['is_own_pidfdid', undefined, ['0'], 0],
  ['is_own_pidfdid', undefined, ['18446744073709551615'], 0],
  ['is_own_pidfdid', undefined, ['x'], EINVAL],
  ['is_own_pidfdid', undefined, [''], EINVAL],
  ['is_own_pidfdid', undefined, ['-1'], ERANGE],
];

const FILE_TYPES: Readonly<Record<string, number>> = {
  file: S_IFREG,
  memfd: S_IFREG,
  sealed: S_IFREG,
  mq: S_IFREG,
  dir: S_IFDIR,
  dev: S_IFCHR,
  pty: S_IFCHR,
  fifo: S_IFIFO,
  pipe: S_IFIFO,
  epoll: NO_TYPE,
  eventfd: NO_TYPE,
  inotify: NO_TYPE,
  pidfd: NO_TYPE,
  signalfd: NO_TYPE,
  timerfd: NO_TYPE,
};

const number = (kind: Kind | number) => (typeof kind === 'number' ? kind : every.fd(kind));

let outcomes: readonly Outcome[];
let types: readonly Outcome[];

beforeAll(async () => {
  const { kinds } = every;
  const typeCalls = kinds.map((kind): Call => ['native', 'file_type', every.fd(kind)]);
  const calls = ROWS.map(([name, kind, args]): Call => {
    return ['native', name, ...(kind === undefined ? [] : [number(kind)]), ...args];
  });
  const all = await every.call([...typeCalls, ...calls]);
  types = all.slice(0, kinds.length);
  outcomes = all.slice(kinds.length);
});

function show(arg: unknown): string {
  if (arg instanceof Uint8Array) {
    return arg.length > 20 ? `${arg.length} bytes` : `bytes ${JSON.stringify([...arg])}`;
  }
  return JSON.stringify(arg);
}

const titled = ROWS.map(([name, kind, args, expected], i) => {
  const shown = [...(kind === undefined ? [] : [String(kind)]), ...args.map(show)].join(', ');
  return [`${name}(${shown})`.replaceAll(folder, ''), i, expected] as const;
});

test.for(titled)('%s', ([, i, expected], ctx) => {
  const reason = every.lacking.get(ROWS[i]![1] as Kind);
  if (reason !== undefined) ctx.skip(reason);
  expect(outcomes[i]).toStrictEqual({ value: expected });
});

describe('file_type of every kind of descriptor', () => {
  test.for(every.kinds)('%s', (kind, ctx) => {
    const reason = every.lacking.get(kind);
    if (reason !== undefined) ctx.skip(reason);
    const i = every.kinds.indexOf(kind);
    expect(types[i]).toStrictEqual({ value: FILE_TYPES[kind] ?? S_IFSOCK });
  });
});

/** Reads the flag of a descriptor of this process from /proc. */
function isCloseOnExec(fd: number): boolean {
  const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
  return (Number.parseInt(flags ?? '', 8) & 0o2000000) !== 0;
}

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;

test.each([
  ['with an empty name', ''],
  ['with the longest name', 'n'.repeat(249)],
  ['with a name that is not ASCII', 'Zähler/..'],
])('memfd_create %s makes a memory file with that name, which can be sealed', (_how, name) => {
  const fd = native().memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  try {
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe(`/memfd:${name} (deleted)`);
    expect(isCloseOnExec(fd)).toBe(true);
    writeSync(fd, 'text');
    expect(native().add_seals(fd, ALL_SEALS)).toBe(0);
    expect(native().get_seals(fd)).toBe(ALL_SEALS);
    const forbidden = expect.objectContaining({ code: 'EPERM' });
    expect(() => writeSync(fd, 'more')).toThrow(forbidden);
    expect(() => writeSync(fd, 'TEXT', 0)).toThrow(forbidden);
    expect(() => ftruncateSync(fd, 0)).toThrow(forbidden);
  } finally {
    closeSync(fd);
  }
});

test('pread and pwrite read and write at an offset, and leave the file position alone', () => {
  const fd = native().memfd_create('name', MFD_CLOEXEC);
  try {
    expect(native().pwrite(fd, Uint8Array.of(1, 2, 3, 4), 2)).toBe(4);
    const bytes = new Uint8Array(8).fill(9);
    expect(native().pread(fd, bytes.subarray(1, 4), 3)).toBe(3);
    expect([...bytes]).toStrictEqual([9, 2, 3, 4, 9, 9, 9, 9]);
    expect(readFileSync(fd)).toStrictEqual(Buffer.of(0, 0, 1, 2, 3, 4));
  } finally {
    expect(native().close(fd)).toBe(0);
  }
});

test('pipe, dup and pid_getfd make descriptors that no child inherits', () => {
  const [result, readEnd, writeEnd] = native().pipe();
  const copies = [native().dup(readEnd, 3), native().pid_getfd(process.pid, readEnd)];
  try {
    expect(result).toBe(0);
    for (const fd of [readEnd, writeEnd, ...copies]) expect(isCloseOnExec(fd)).toBe(true);
    const inodes = copies.map((fd) => fstatSync(fd).ino);
    expect(new Set([fstatSync(writeEnd).ino, ...inodes])).toStrictEqual(
      new Set([fstatSync(readEnd).ino]),
    );
  } finally {
    for (const fd of [readEnd, writeEnd, ...copies]) closeSync(fd);
  }
});

// What Yama answers then needs a kernel with Yama.
test('let_children_copy succeeds where the kernel has Yama, and else is EINVAL', () => {
  const hasYama = existsSync('/proc/sys/kernel/yama');
  expect(native().let_children_copy()).toBe(hasYama ? 0 : EINVAL);
});

// test/manager/hardened.test.ts has the case where a filter kills.
test('pid_getfd_kills returns 0 where no system call filter kills, and leaves no zombie', () => {
  expect(native().pid_getfd_kills()).toBe(0);
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1');
  const states = children
    .split(' ')
    .filter(Boolean)
    .map((pid) => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  expect(states.filter((stat) => / Z /.test(stat))).toEqual([]);
});

test('inet_pton writes the bytes of the address and no others', () => {
  const bytes = new Uint8Array(20).fill(9);
  native().inet_pton(AF_INET, '1.2.3.4', bytes.subarray(2));
  expect([...bytes.subarray(0, 8)]).toStrictEqual([9, 9, 1, 2, 3, 4, 9, 9]);
  native().inet_pton(AF_INET6, '::102', bytes.subarray(2));
  expect([...bytes]).toStrictEqual([9, 9, ...new Array(14).fill(0), 1, 2, 9, 9]);
});

test('getsockname writes the whole struct', async () => {
  const source = `
    const bytes = new Uint8Array(16);
    native.getsockname(3, bytes);
    result([...bytes]);
  `;
  const port = [8089 >> 8, 8089 & 255];
  const bytes = [
    AF_INET,
    0,
    ...port,
    ...ownAddress.split('.').map(Number),
    ...new Array(8).fill(0),
  ];
  expect(await runWith([`tcp:${ownAddress}:8089`], source)).toStrictEqual(bytes);
});

test('inspect_fds writes the records and no further byte, at any place', () => {
  const bytes = new Uint8Array(64).fill(9);
  expect(native().inspect_fds(CLOSED, 1, bytes.subarray(1))).toBe(40);
  const word = (place: number) =>
    new DataView(bytes.buffer).getInt32(1 + 4 * place, isLittleEndian);
  const words = Array.from({ length: 10 }, (_, place) => word(place));
  // One record, its size, the result, the descriptor, the call (getsockopt), and what is not known.
  expect(words).toStrictEqual([1, 36, EBADF, CLOSED, 0, 0, 0, 0, NO_LENGTH, NO_LENGTH]);
  expect([bytes[0], ...bytes.subarray(41)]).toStrictEqual(new Array(24).fill(9));
});

test('datagram_room returns 0, send_text and send_datagram -EAGAIN while the queue of the receiver is full', async () => {
  await using receiver = await startReceiver();
  const address = unixAddress(receiver.address);
  expect(native().datagram_room(address)).toBe(1);
  await receiver.stop();
  process.env['NOTIFY_SOCKET'] = receiver.address;
  try {
    // The queue has room for this many datagrams (net.unix.max_dgram_qlen). The next one would block.
    const most = Number(readFileSync('/proc/sys/net/unix/max_dgram_qlen', 'latin1')) + 1;
    let sent = 0;
    while (native().datagram_room(address) === 1 && sent <= most) {
      native().sd_notify(false, `X=${sent++}`);
    }
    expect(native().datagram_room(address)).toBe(0);
    expect(native().send_text(address, 'X=1')).toBe(EAGAIN);
    expect(native().send_datagram(address, 'X=1', [])).toBe(EAGAIN);
    await receiver.go();
    await receiver.until(`X=${sent - 1}`);
    expect(native().datagram_room(address)).toBe(1);
  } finally {
    delete process.env['NOTIFY_SOCKET'];
  }
});

test('a call that fails leaves no descriptor open', () => {
  const lowest = () => {
    const fd = openSync('/dev/null', 'r');
    closeSync(fd);
    return fd;
  };
  const before = lowest();
  for (let i = 0; i < 100; i++) {
    native().unix_accept_queue(0);
    native().datagram_room(unixAddress('/dev/null'));
    native().send_text(unixAddress('/dev/null'), 'X=1');
    native().send_datagram(unixAddress('/dev/null'), 'X=1', [0]);
    native().pid_getfd(process.pid, -1);
    native().memfd_create('name', -1);
    native().is_own_pidfdid('1');
  }
  expect(lowest()).toBe(before);
});
