// The calls that both programs make, from C and from JavaScript. The table has no answers: C's answers are the right
// ones, for every version of libsystemd.
//
// {dir}, {port} and the like are values that each run chooses; {tcp4} and the like are numbers of descriptors. The
// programs replace $PID and the like, see test/tools/conformance.c.
import { endianness } from 'node:os';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from 'libsystemd/sd';

export interface Call {
  readonly name: string;
  /** The line that the programs read. */
  readonly line: string;
}

// --- The descriptors and files of both programs ---

const sunPathSize = 108;
const longestPath = 'p'.repeat(sunPathSize);
const longestAbstract = `${'a'.repeat(sunPathSize - '@'.length - 'deadbeef'.length)}{id}`;

/** The descriptors that the programs have, from fd 3 on, in the notation of test/tools/launch.c. */
export const descriptors = {
  pidfd: 'pidfd',
  tcp4: 'tcp:127.0.0.1:{port}',
  tcp6: 'tcp:[::1]:{port}',
  tcpAny4: 'tcp:0.0.0.0:{port+1}',
  tcpAny6: 'tcp:[::]:{port+2}',
  tcpBound: 'tcp-bound:127.0.0.1:{port+3}',
  tcpConnected: 'tcp-connected',
  udp4: 'udp:127.0.0.1:{port}',
  udp6: 'udp:[::1]:{port}',
  udpConnected: 'udp-connected:127.0.0.1:{port}',
  raw4: 'raw4',
  raw6: 'raw6',
  unix: 'unix:{dir}/stream',
  unixRelative: 'unix:relative',
  unixLongest: `unix:${longestPath}`,
  unixNotUtf8: String.raw`unix:{dir}/\xff`,
  unixDgram: 'unix-dgram:{dir}/dgram',
  unixSeqpacket: 'unix-seqpacket:{dir}/seqpacket',
  abstract: 'unix:@name-{id}',
  abstractBytes: String.raw`unix:@\x00\xff\x00{id}\x00`,
  abstractLongest: `unix:@${longestAbstract}`,
  unixUnnamed: 'unix-unnamed',
  socketpair: 'socketpair',
  socketpairDgram: 'socketpair-dgram',
  netlink: 'netlink:0',
  vsock: 'vsock:{port}',
  packet: 'packet',
  file: 'file:{dir}/file',
  folder: 'dir:{dir}',
  devNull: 'dev:/dev/null',
  fifo: 'fifo:{dir}/fifo',
  pipe: 'pipe',
  pty: 'pty',
  mq: 'mq:/name-{id}',
  memfd: 'memfd:name',
  epoll: 'epoll',
  eventfd: 'eventfd',
  inotify: 'inotify',
  signalfd: 'signalfd',
  timerfd: 'timerfd',
} as const;

/** Makes what else is in {dir}, once the descriptors are open. */
export const preparation = `
ln file file-hard; ln -s file file-soft
ln fifo fifo-hard; ln -s fifo fifo-soft; mkfifo fifo-other
ln -s loop loop
ln -s '{receiver}' receiver
'{launch}' unix-dgram:nobody-reads -- true
`;

// --- Functions that make calls ---

interface Bytes {
  readonly bytes: string;
}
type Field = string | number | boolean | null | Bytes;
type Variables = Readonly<Record<string, string | undefined>>;

/** Writes each `special` character as an escape, such as `\x0a`. */
function escapeBytes(text: string, special: RegExp): string {
  const escaped = (char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return text.replace(special, escaped);
}

function write(field: Field): string {
  if (field === null) return 'NULL';
  if (typeof field !== 'object') return escapeBytes(String(field), /[\x00-\x1f\\]/g);
  return `bytes:${escapeBytes(field.bytes, /[^ -[\]-~]/g)}`;
}

/** A Uint8Array: each character of the text is one byte. */
const bytes = (...parts: readonly string[]): Bytes => ({ bytes: parts.join('') });

const asText = (fds: readonly Field[]) => fds.join(',');

function call(name: string, args: readonly Field[], variables: Variables = {}): Call {
  const environment = Object.entries(variables).flatMap(([variable, value]) =>
    value === undefined ? [] : [`${variable}=${write(value)}`],
  );
  return { name, line: [...environment, name, ...args.map(write)].join('\t') };
}

type OneOfEach<Lists extends readonly (readonly unknown[])[]> = {
  [Index in keyof Lists]: Lists[Index][number];
};

/** Every combination of one item from each list. */
function product<const Lists extends readonly (readonly unknown[])[]>(
  ...lists: Lists
): OneOfEach<Lists>[] {
  return lists.reduce<unknown[][]>(
    (rows, list) => rows.flatMap((row) => list.map((item) => [...row, item])),
    [[]],
  ) as OneOfEach<Lists>[];
}

/** The arguments, and the arguments with one of them replaced by each of its alternatives. */
function oneByOne(
  args: readonly Field[],
  ...alternatives: readonly (readonly Field[])[]
): Field[][] {
  const replaced = alternatives.flatMap((list, index) =>
    list.map((item) => args.with(index, item)),
  );
  return [[...args], ...replaced];
}

// --- Groups of descriptors ---

type Name = keyof typeof descriptors;
const numbersOf = (...names: readonly Name[]) => names.map((name) => `{${name}}`);

const stdin = 0; // the file with the calls
const closed = 900;
const INT_MAX = 2 ** 31 - 1;
const INT_MIN = -INT_MAX - 1;

const everyFd = [
  ...numbersOf(...(Object.keys(descriptors) as Name[])),
  ...[stdin, closed, -1, INT_MAX, INT_MIN],
];
const internet = [
  ...numbersOf('tcp4', 'tcp6', 'tcpAny4', 'tcpAny6', 'tcpBound', 'tcpConnected'),
  ...numbersOf('udp4', 'udp6', 'udpConnected', 'raw4', 'raw6'),
];
const unix = [
  ...numbersOf('unix', 'unixRelative', 'unixLongest', 'unixNotUtf8', 'unixDgram', 'unixSeqpacket'),
  ...numbersOf('abstract', 'abstractBytes', 'abstractLongest'),
  ...numbersOf('unixUnnamed', 'socketpair', 'socketpairDgram'),
];
const sockets = [...internet, ...unix, ...numbersOf('netlink', 'vsock', 'packet')];
const others = everyFd.filter((fd) => !sockets.includes(String(fd)));

// --- sd_listen_fds(3) ---

const unset = [false, true];
const listenFunctions = ['sd_listen_fds', 'sd_listen_fds_with_names'];
const tooBig = '99999999999999999999';

const listenPids = [
  ...[undefined, '', '$PID', '$PPID', '1', '0', '-1', '-$PID', 'junk', '$PIDx', '$PID.0'],
  ...[' $PID', '\t$PID', '\n$PID', '$PID ', '$PID\n', '+$PID', '++$PID', '0x$HEXPID', '0X$HEXPID'],
  ...['0$OCTPID', '0o$OCTPID', '08', '0b1', '2147483647', '2147483648', '4294967297', tooBig],
];
const listenCounts = [
  ...[
    undefined,
    '',
    '0',
    '1',
    '2',
    '20',
    '-1',
    'junk',
    '1x',
    '1.0',
    '1:2',
    ' 1',
    '1 ',
    '+1',
    '0x1',
  ],
  ...['0b1', '0o1', '01', '010', '08', '1e1', `${closed}`, '2147483643', '2147483644'],
  ...['2147483645', '2147483647', '2147483648', '4294967297', '-2147483648', tooBig, `-${tooBig}`],
];
const listenNames = [
  ...[undefined, '', 'a', ':', '::', 'a:', ':a', 'a:b', 'a::c', 'a:b:c', 'a:b:c:d', 'a:a', ' : '],
  ...[
    'a\\:b',
    'a\\',
    '\\',
    'a\\\\b',
    'a\\\\:b',
    'a\\:',
    'a\\nb',
    'a\\x41',
    'a\\101',
    'a\\q',
    ':\\',
  ],
  ...['a b', '"a:b"', "'a:b'", 'a\tb', 'a\nb', 'é', 'ключ:鍵', '😀:e\u0301', 'LISTEN_FDS=1'],
  ...['n'.repeat(255), 'n'.repeat(256), `${'n'.repeat(5000)}:b`, ':'.repeat(300)],
];

/** In `calls`, $PIDFDID is the number of another process, the shell's. */
const listenPidFdIds = [
  ...[
    '$PIDFDID',
    '',
    '0',
    '1',
    '-1',
    'junk',
    ' 1',
    '1 ',
    '+1',
    '0x1',
    '18446744073709551615',
    tooBig,
  ],
];

/** LISTEN_* with one of them varied. */
const activations: readonly Variables[] = [
  ...listenPids.map((LISTEN_PID) => ({ LISTEN_PID, LISTEN_FDS: '2' })),
  ...listenCounts.map((LISTEN_FDS) => ({ LISTEN_PID: '$PID', LISTEN_FDS })),
  ...product(['junk', '$PPID', undefined], ['junk', '0', undefined]).map(
    ([LISTEN_PID, LISTEN_FDS]) => ({ LISTEN_PID, LISTEN_FDS }),
  ),
  ...product(['$PID', '$PPID', 'junk'], ['2', 'junk'], listenPidFdIds).map(
    ([LISTEN_PID, LISTEN_FDS, LISTEN_PIDFDID]) => ({ LISTEN_PID, LISTEN_FDS, LISTEN_PIDFDID }),
  ),
];
const namedActivations: readonly Variables[] = [
  ...product(['1', '2', '3'], listenNames).map(([LISTEN_FDS, LISTEN_FDNAMES]) => ({
    LISTEN_PID: '$PID',
    LISTEN_FDS,
    LISTEN_FDNAMES,
  })),
  // Which of several mistakes counts, and whether another process's names are read at all.
  ...product(
    ['$PPID', 'junk', undefined],
    ['2', 'junk', undefined],
    ['a:b', 'a', 'a\\', undefined],
  ).map(([LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES]) => ({ LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES })),
];

const listenCalls = [
  ...product(listenFunctions, activations, unset).map(([name, variables, unset_environment]) =>
    call(name, [unset_environment], variables),
  ),
  ...product(namedActivations, unset).map(([variables, unset_environment]) =>
    call('sd_listen_fds_with_names', [unset_environment], variables),
  ),
  ...product(listenFunctions, [['false'], ['true'], []]).map(([name, args]) =>
    call(name, args, {
      ...{ BEFORE: '', LISTEN_PID: '$PID', LISTEN_FDS: '1', LISTEN_FDNAMES: 'a' },
      ...{ LISTEN_PIDFDID: '', NOTIFY_SOCKET: 'x', WATCHDOG_USEC: '1', LISTEN: '1' },
    }),
  ),
];

// --- sd_is_fifo(3), sd_is_special(3), sd_is_mq(3) ---

const files = (...names: readonly string[]) => names.map((name) => `{dir}/${name}`);
const odd = ['', '.', '/', '{dir}', 'x'.repeat(300), 'x/'.repeat(3000), 'é'];
const fifoPaths = [
  ...files('fifo', 'fifo-hard', 'fifo-soft', 'fifo-other', 'file', 'file/x', 'missing', 'loop'),
  ...['fifo', './fifo', ...odd, '/proc/self/fd/{fifo}', '/proc/self/fd/{pipe}', '/dev/null'],
];
const specialPaths = [
  ...files('file', 'file-hard', 'file-soft', 'fifo', 'file/x', 'missing', 'loop', 'calls'),
  ...['file', './file', ...odd, '/proc/self/fd/{file}', '/proc/self/fd/{memfd}'],
  ...['/proc/self/fd/{pty}', '/dev/null', '/dev/zero', '/dev/stdin', '/proc/self/fd/0'],
];
const mqPaths = ['/name-{id}', '/missing-{id}', 'name-{id}', '/a/b', `/${'q'.repeat(300)}`, ...odd];

const fileCalls = [
  ...product(['sd_is_fifo', 'sd_is_special', 'sd_is_mq'], everyFd, [[], [null]]).map(
    ([name, fd, path]) => call(name, [fd, ...path]),
  ),
  ...product(numbersOf('fifo', 'pipe', 'file').concat('{unix}', `${closed}`), fifoPaths).map(
    (args) => call('sd_is_fifo', args),
  ),
  ...product(
    [...numbersOf('file', 'memfd', 'devNull', 'pty', 'fifo'), stdin, -1],
    specialPaths,
  ).map((args) => call('sd_is_special', args)),
  ...product([...numbersOf('mq', 'file', 'eventfd'), closed, -1], mqPaths).map((args) =>
    call('sd_is_mq', args),
  ),
];

// --- sd_is_socket*(3) ---

const any = { family: 0, type: 0, listening: -1, port: 0 };
const SOCK_CLOEXEC = 0o2000000;
const families = [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, 9999, -1];
const types = [
  SOCK_STREAM,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  99,
  SOCK_STREAM | SOCK_CLOEXEC,
  -1,
];
const listening = [1, 0, 2, -2];
const ports = ['{port}', '{port+1}', '{port+2}', '{port+3}', 1, 65535];

const socketCalls = [
  ...everyFd
    .flatMap((fd) =>
      oneByOne([fd, any.family, any.type, any.listening], [], families, types, listening),
    )
    .map((args) => call('sd_is_socket', args)),
  ...product(sockets, [AF_INET, AF_UNIX], [SOCK_STREAM, SOCK_DGRAM], [0, 1]).map((args) =>
    call('sd_is_socket', args),
  ),
  // What is left out is C's wildcard.
  ...numbersOf('tcp4', 'udp6', 'unix', 'file').flatMap((fd) => [
    ...[[fd], [fd, AF_INET], [fd, any.family, SOCK_STREAM]].map((args) =>
      call('sd_is_socket', args),
    ),
    ...[[fd], [fd, AF_INET], [fd, any.family, SOCK_STREAM], [fd, any.family, any.type, 1]].map(
      (args) => call('sd_is_socket_inet', args),
    ),
    ...[[fd], [fd, SOCK_STREAM], [fd, any.type, 1]].map((args) => call('sd_is_socket_unix', args)),
    ...[[fd, any.type, 'inet:127.0.0.1,0']].map((args) => call('sd_is_socket_sockaddr', args)),
  ]),
];

const inetCalls = [
  ...internet.flatMap((fd) =>
    oneByOne(
      [fd, any.family, any.type, any.listening, any.port],
      ...[[], families, types, listening, ports],
    ),
  ),
  ...product(internet, [AF_INET, AF_INET6], [SOCK_STREAM], [1], ['{port}', '{port+2}']),
  ...everyFd
    .filter((fd) => !internet.includes(String(fd)))
    .flatMap((fd) =>
      oneByOne(
        [fd, any.family, any.type, any.listening, any.port],
        ...[[], [AF_INET, AF_UNIX, 9999, -1], [SOCK_STREAM, -1], [1], [1]],
      ),
    ),
].map((args) => call('sd_is_socket_inet', args));

/** A number as the processor lays it out. */
const uint16 = (number: number) => {
  const [low, high] = [number & 0xff, number >> 8].map((byte) => String.fromCharCode(byte));
  return endianness() === 'LE' ? `${low}${high}` : `${high}${low}`;
};
const inetBytes = [uint16(AF_INET), '{port bytes}', '\x7f\0\0\x01', '\0'.repeat(8)];
const inet6Bytes = [uint16(AF_INET6), '{port bytes}', '\0'.repeat(4 + 15), '\x01', '\0'.repeat(4)];
const unixBytes = [uint16(AF_UNIX), '{dir}/stream'];

const addresses = [
  ...['{port}', '{port+3}', 0, 1].map((port) => `inet:127.0.0.1,${port}`),
  ...['{port+1}', 0].map((port) => `inet:0.0.0.0,${port}`),
  ...['inet:127.0.0.2,{port}', 'inet:255.255.255.255,0'],
  ...['{port}', 0, 1].map((port) => `inet6:::1,${port},0,0`),
  ...['{port+2}', 0].map((port) => `inet6:::,${port},0,0`),
  ...['1,0', '1048575,0', '4294967295,0', '0,1', '0,4294967295'].map(
    (flowinfoAndScope) => `inet6:::1,{port},${flowinfoAndScope}`,
  ),
  ...['inet6:::ffff:127.0.0.1,{port},0,0', 'inet6:fe80::1,0,0,1'],
  ...[bytes(), bytes('\0'), bytes('\x02'), bytes('\0\0'), bytes('\xff\xff')],
  ...[bytes(uint16(AF_INET)), bytes(...inetBytes.slice(0, 3)), bytes(...inetBytes)],
  ...[bytes(...inetBytes, 'more'), bytes(uint16(AF_INET), '\0'.repeat(13))],
  ...[bytes(uint16(AF_INET6)), bytes(...inet6Bytes.slice(0, 4)), bytes(...inet6Bytes)],
  ...[
    bytes(...inet6Bytes, 'more'),
    bytes(...unixBytes),
    bytes(uint16(AF_NETLINK), '\0'.repeat(10)),
  ],
];
const addressCalls = [
  ...product([...internet, ...numbersOf('unix', 'netlink', 'file'), closed, -1], addresses).map(
    ([fd, address]) => call('sd_is_socket_sockaddr', [fd, any.type, address, any.listening]),
  ),
  ...everyFd
    .flatMap((fd) =>
      oneByOne(
        [fd, any.type, 'inet:127.0.0.1,{port}', any.listening],
        ...[
          [],
          [SOCK_STREAM, SOCK_DGRAM, -1],
          ['inet6:::1,{port},0,0', bytes(...unixBytes)],
          [0, 1],
        ],
      ),
    )
    .map((args) => call('sd_is_socket_sockaddr', args)),
];

const unixNames = [
  ...[null, '', '{dir}/stream', '{dir}/dgram', '{dir}/seqpacket', '{dir}/strea', '{dir}/stream2'],
  ...['{dir}/./stream', 'relative', './relative', '{dir}/relative', '{dir}/file', 'é', '\ufffd'],
  ...[longestPath, longestPath.slice(1), `${longestPath}p`, 'p'.repeat(200)],
  ...['@name-{id}', 'name-{id}', '@', `@${longestAbstract}`],
  ...[bytes(), bytes('\0'), bytes('\0\0'), bytes('@name-{id}'), bytes('\xff')],
  ...[bytes('{dir}/stream'), bytes('{dir}/stream\0'), bytes('{dir}/strea'), bytes('{dir}/')],
  ...[bytes('{dir}/\xff'), bytes('{dir}/\xfe'), bytes('relative'), bytes('relative\0')],
  ...[
    bytes(longestPath),
    bytes(longestPath, '\0'),
    bytes(longestPath, 'p'),
    bytes('p'.repeat(200)),
  ],
  ...[bytes('\0name-{id}'), bytes('\0name-{id}\0'), bytes('\0name'), bytes('\0NAME-{id}')],
  ...[bytes('\0\0\xff\0{id}\0'), bytes('\0\0\xff\0{id}'), bytes('\0\0\xff\0{id}\x01')],
  ...[
    bytes('\0', longestAbstract),
    bytes('\0', longestAbstract, '\0'),
    bytes('\0', 'a'.repeat(50)),
  ],
];
const unixCalls = [
  ...product(unix, unixNames).map(([fd, path]) => [fd, any.type, any.listening, path]),
  ...product([...others, ...numbersOf('tcp4', 'netlink')], [null, '', 'x', bytes('\0x')]).map(
    ([fd, path]) => [fd, any.type, any.listening, path],
  ),
  ...[...unix, ...numbersOf('tcp4', 'file'), closed, -1].flatMap((fd) =>
    oneByOne([fd, any.type, any.listening, null], [], types, listening),
  ),
  ...product(numbersOf('unix', 'unixDgram'), types, [0, 1], ['{dir}/stream', '{dir}/dgram', 'x']),
].map((args) => call('sd_is_socket_unix', args));

// --- sd_notify(3) ---

const receivers = ['{receiver}', '{abstractReceiver}'];
const notifySockets = [
  ...[undefined, '', 'foo', './foo', ' ', 'tcp:127.0.0.1:1', 'unix:{receiver}', 'unix:/x'],
  ...['/', '//', '@', '@@', '/é', '@é', ...files('missing', 'missing/x', 'file', 'file/x', 'loop')],
  ...[
    '{dir}',
    ...files('fifo', 'stream', 'seqpacket', 'nobody-reads'),
    '@nobody-{id}',
    '@name-{id}',
  ],
  ...[105, 106, 107, 108, 5000].flatMap((n) => [`/${'x'.repeat(n)}`, `@${'x'.repeat(n)}`]),
  ...[
    'vsock:',
    'vsock:2',
    'vsock:junk:1',
    'vsock:2:junk',
    'vsock::',
    'vsock-stream:',
    'vsockx:2:1',
    ...['vsock-raw:1:2', 'Vsock:1:2', 'vsock-:1:2'],
    // CID 1 is this machine.
    ...['', '-dgram', '-seqpacket'].map((type) => `vsock${type}:1:{port}`),
    ...['vsock:-1:1', 'vsock:-2:1', 'vsock::1', 'vsock:4294967295:1', 'vsock:4294967296:1'],
    ...['vsock:1:', 'vsock:1:-1', 'vsock:1:4294967295', 'vsock:1:4294967296', 'vsock:1:2:3'],
    ...['vsock-dgram: 0x1:0{port}', 'vsock-dgram:+1:1 ', 'vsock:junk:4294967296'],
  ],
  ...[' {receiver}', '{receiver} ', '{receiver}/', '{dir}/receiver', ...receivers],
];
/** Enough for a barrier at a receiver that reads, however busy the machine is. */
const minute = 60_000_000;
const notifyFunctions: readonly (readonly [string, (unset_environment: boolean) => Field[]])[] = [
  ['sd_notify', (unset_environment) => [unset_environment, 'X_TO=notify']],
  ['sd_pid_notify', (unset_environment) => [0, unset_environment, 'X_TO=pid']],
  ['sd_pid_notify_with_fds', (unset_environment) => [0, unset_environment, 'X_TO=fds', '{file}']],
  ['sd_notify_barrier', (unset_environment) => [unset_environment, minute]],
  ['sd_pid_notify_barrier', (unset_environment) => [0, unset_environment, minute]],
];

const states = [
  ...['', 'READY=1', 'READY=1\nSTATUS=Serving', 'READY=1\n', '\n', 'no assignment', '='],
  ...[
    'STATUS=C:\\path\\',
    'STATUS=a\tb\rc\x07',
    'STATUS=é 鍵 😀',
    'x'.repeat(4096),
    'x'.repeat(4097),
  ],
  ...['x'.repeat(100_000)],
];
const pids = [0, '$PID', '$PPID', 1, -1, INT_MAX, INT_MIN];
const several = numbersOf('tcp4', 'file', 'pipe', 'eventfd', 'devNull', 'unix', 'folder');
const fdLists = [
  ...[[], ['{file}'], several, several.toReversed(), ['{file}', '{file}'], [stdin]],
  ...[[-1], [closed], ['{file}', closed], [closed, '{file}'], [INT_MAX], [INT_MIN]],
  ...[252, 253, 254, 300, 1000].map((length) => Array.from({ length }, () => '{devNull}')),
  ...[253, 254].map((length) => Array.from({ length }, () => closed)),
];

/** The calls that the receivers see last, by which a run knows that nothing more comes. */
export const lastMessage = 'X_LAST=1';

const notifyCalls = [
  ...product(notifyFunctions, notifySockets, unset).map(
    ([[name, args], NOTIFY_SOCKET, unset_environment]) =>
      call(name, args(unset_environment), { NOTIFY_SOCKET, BYSTANDER: '' }),
  ),
  ...product([...receivers, undefined], states).flatMap(([NOTIFY_SOCKET, state]) => [
    call('sd_notify', [false, state], { NOTIFY_SOCKET }),
    call('sd_pid_notify', ['$PPID', false, state], { NOTIFY_SOCKET }),
    call('sd_pid_notify_with_fds', [0, false, state, '{file}'], { NOTIFY_SOCKET }),
  ]),
  ...product([...receivers, '{dir}/missing', undefined], pids).flatMap(([NOTIFY_SOCKET, pid]) => [
    call('sd_pid_notify', [pid, true, 'X_PID=1'], { NOTIFY_SOCKET }),
    call('sd_pid_notify_with_fds', [pid, true, 'X_PID=2', '{file}'], { NOTIFY_SOCKET }),
    call('sd_pid_notify_barrier', [pid, true, minute], { NOTIFY_SOCKET }),
  ]),
  ...product([...receivers, '{dir}/missing', 'foo', undefined], [0, '$PPID'], fdLists).map(
    ([NOTIFY_SOCKET, pid, fds]) =>
      call('sd_pid_notify_with_fds', [pid, true, 'X_FDS=1', asText(fds)], { NOTIFY_SOCKET }),
  ),
  // One call only, because the connection attempt takes two seconds.
  call('sd_notify', [true, 'X_TO=vsock'], { NOTIFY_SOCKET: 'vsock-stream:1:{port}' }),
  // The receiver at {holder} keeps the descriptors that it gets open, so that a barrier there never ends.
  ...product(['{holder}', undefined], [0, 1, 999, 1000, 50_000]).flatMap(
    ([NOTIFY_SOCKET, usec]) => [
      call('sd_notify_barrier', [true, usec], { NOTIFY_SOCKET }),
      call('sd_pid_notify_barrier', ['$PPID', true, usec], { NOTIFY_SOCKET }),
    ],
  ),
  ...['9007199254740993', '18446744073709551614', '18446744073709551615'].map((usec) =>
    call('sd_notify_barrier', [false, usec], { NOTIFY_SOCKET: '{receiver}' }),
  ),
  ...[...receivers, '{holder}'].map((NOTIFY_SOCKET) =>
    call('sd_notify', [false, lastMessage], { NOTIFY_SOCKET }),
  ),
];

// --- The other functions ---

const watchdogUsecs = [
  ...[undefined, '', '0', '00', '1', '30000000', 'junk', '1x', '1s', '1.5', ' 5', '5 ', '+5', '-1'],
  ...['-0', '0x10', '0b10', '0o10', '010', '08', '9007199254740991', '9007199254740993'],
  ...['18446744073709551613', '18446744073709551614', '18446744073709551615'],
  ...['18446744073709551616', tooBig, `-${tooBig}`],
  // Where libsystemd does not see the minus sign, strtoull(3) does.
  ...['\x0b-5', ' \f-5', '\x0b-18446744073709551611', '0b -101', '\x0b0b1', '0b+1', '0o-7'],
];
const watchdogCalls = [
  ...product(watchdogUsecs, [undefined, '$PID', '$PPID', 'junk'], unset),
  ...product(['30000000', undefined, '0', 'junk'], listenPids, unset),
].map(([WATCHDOG_USEC, WATCHDOG_PID, unset_environment]) =>
  call('sd_watchdog_enabled', [unset_environment], { WATCHDOG_USEC, WATCHDOG_PID, BYSTANDER: '' }),
);

const everyCall = [
  ...listenCalls,
  ...fileCalls,
  ...socketCalls,
  ...inetCalls,
  ...addressCalls,
  ...unixCalls,
  ...notifyCalls,
  ...watchdogCalls,
  call('sd_watchdog_enabled', [], { WATCHDOG_USEC: '5' }),
  call('sd_booted', []),
  ...everyFd.map((fd) => call('sd_pidfd_get_inode_id', [fd])),
];

/** The calls that one process makes, in this order. */
export const calls: readonly Call[] = [
  ...new Map(everyCall.map((each) => [each.line, each])).values(),
];

// --- Calls that need a new process ---

/**
 * The descriptors of each of `freshProcesses`: at fd 3 a pidfd of the process itself, whose number is in $PIDFDID, and
 * at the end some that are not close-on-exec. At its start Node makes its inherited descriptors close-on-exec
 * (uv_disable_stdio_inheritance), but stops at the first closed number above 15.
 */
const own = ['pidfd', ...Array(12).fill('eventfd')] as const;
const untouched = Array(4).fill('eventfd');
export const freshDescriptors = {
  inC: [...own, 'eventfd', ...untouched],
  inNode: [...own, 'closed', ...untouched], // Node opens its own epoll there
} as const;
const [firstUntouched, lastUntouched] = [17, 20];
const upTo = (fd: number) => String(fd - 2);

/** Calls that make descriptors close-on-exec, between two calls that list which ones are. `close` leaves a gap. */
export const freshProcesses: readonly (readonly Call[])[] = [
  ...product(listenFunctions, [
    { LISTEN_PID: '$PID', LISTEN_FDS: upTo(firstUntouched) },
    { LISTEN_PID: '$PID', LISTEN_FDS: upTo(lastUntouched) },
    { LISTEN_PID: '$PPID', LISTEN_FDS: upTo(lastUntouched) },
    { LISTEN_PID: '$PID', LISTEN_FDS: upTo(lastUntouched), LISTEN_PIDFDID: '$PIDFDID' },
    { LISTEN_PID: '$PID', LISTEN_FDS: 'junk' },
    { LISTEN_PID: '$PID', LISTEN_FDS: upTo(lastUntouched), LISTEN_FDNAMES: 'too:few' },
    { LISTEN_PID: '$PID', LISTEN_FDS: upTo(lastUntouched), LISTEN_FDNAMES: 'a\\' },
  ]).map(([name, variables]) => [call(name, [false], variables)]),
  [
    call('close', [19]),
    call('sd_listen_fds', [true], { LISTEN_PID: '$PID', LISTEN_FDS: upTo(lastUntouched) }),
  ],
].map((each) => {
  const cloexec = call('cloexec', [firstUntouched, lastUntouched]);
  return [cloexec, ...each, cloexec];
});
