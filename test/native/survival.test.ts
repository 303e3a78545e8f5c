// Huge, hostile and vanishing arguments, which C code does not expect. Each group of calls runs in a new program. The
// program must return every answer, end normally, and have as many descriptors as before.
import { beforeAll, describe, expect, test } from 'vitest';
import { ownAddress, runWith } from '../support/descriptors.ts';

const HELPERS = `
  import { readdirSync } from 'node:fs';
  const openFds = () => readdirSync('/proc/self/fd').length;
  const detached = (length) => {
    const bytes = new Uint8Array(length);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    return bytes;
  };
  const resized = (from, to) => {
    const buffer = new ArrayBuffer(from, { maxByteLength: 64 });
    const bytes = new Uint8Array(buffer);
    buffer.resize(to);
    return bytes;
  };
  const shared = (...values) => {
    const bytes = new Uint8Array(new SharedArrayBuffer(values.length));
    bytes.set(values);
    return bytes;
  };
  const HUGE = 'x'.repeat(16 * 1024 * 1024);
  const TCP = 3, UNIX = 4, ABSTRACT = 5, FIFO = 6, FILE = 7;
`;

/** Expressions with their expected outcome: a value, or the code of an error. */
type Cases = readonly (readonly [expression: string, expected: unknown])[];

const ABSTRACT_NAME = `libsystemd-survival-${process.pid}`;
const ABSTRACT_BYTES = [0, ...Buffer.from(ABSTRACT_NAME)];

const sockaddr = [2, 0, 0x1f, 0x90, ...ownAddress.split('.').map(Number), 0, 0, 0, 0, 0, 0, 0, 0];
const padded = `Uint8Array.of(9, 9, ${sockaddr}, 9).subarray(2, 18)`;

const CASES: Readonly<Record<string, Cases>> = {
  'huge strings': [
    ['sd.sd_is_fifo(FIFO, HUGE)', 'ENAMETOOLONG'],
    ['sd.sd_is_special(FILE, HUGE)', 'ENAMETOOLONG'],
    ['sd.sd_is_mq(FILE, HUGE)', false],
    ['sd.sd_is_socket_unix(UNIX, 0, -1, HUGE)', false],
    ['sd.sd_is_socket_unix(UNIX, 0, -1, Buffer.alloc(16 * 1024 * 1024, "x"))', false],
    [
      'sd.sd_is_socket_sockaddr(TCP, 0, { family: "inet", address: HUGE })',
      'ERR_INVALID_ARG_VALUE',
    ],
    ['sd.sd_is_fifo(HUGE)', 'ERR_INVALID_ARG_TYPE'],
    ['sd.sd_notify(HUGE, "")', 'ERR_INVALID_ARG_TYPE'],
    ['sd.sd_notify(false, HUGE)', false],
    ['sd.sd_notify(false, HUGE + "\\0")', 'ERR_INVALID_ARG_VALUE'],
    ['sd.sd_pid_notify(0, false, HUGE)', false],
    ['sd.sd_pid_notify_with_fds(0, false, HUGE, [])', false],
    ['native.remembered(HUGE)[1].length === HUGE.length', true],
    ['native.inet_pton(2, HUGE, new Uint8Array(16))', 0],
    ['native.datagram_room(Buffer.alloc(16 * 1024 * 1024, 1))', -22],
    ['native.memfd_create(HUGE, 1)', -22],
    ['native.memfd_create(HUGE + "\\0", 1)', 'ERR_INVALID_ARG_VALUE'],
    ['native.peer_groups(UNIX, Buffer.alloc(16 * 1024 * 1024))', -61],
  ],
  'strings that are no UTF-16': [
    ['sd.sd_is_fifo(FIFO, "\\ud800")', false],
    ['sd.sd_is_special(FILE, "\\udfff/x")', false],
    ['sd.sd_is_socket_unix(UNIX, 0, -1, "\\ud800")', false],
    ['sd.sd_is_fifo("\\ud800".repeat(100))', 'ERR_INVALID_ARG_TYPE'],
    ['sd.sd_is_fifo("%s%n%s%n%d")', 'ERR_INVALID_ARG_TYPE'],
    ['sd.sd_notify(false, "STATUS=\\ud800")', false],
  ],
  'arrays of descriptors': [
    ['sd.sd_pid_notify_with_fds(0, false, "", new Array(4096).fill(0))', false],
    ['sd.sd_pid_notify_with_fds(0, false, "", new Array(5000).fill(0))', 'ERR_OUT_OF_RANGE'],
    ['sd.sd_pid_notify_with_fds(0, false, "", new Array(2 ** 32 - 1))', 'ERR_OUT_OF_RANGE'],
    ['sd.sd_pid_notify_with_fds(0, false, "", [0, , 1])', 'ERR_INVALID_ARG_TYPE'],
    ['sd.sd_pid_notify_with_fds(0, false, "", withGetter(() => { throw mine; }))', 'MINE'],
    [
      'sd.sd_pid_notify_with_fds(0, false, "", withGetter((a) => { a.length = 1; return 0; }))',
      'ERR_INVALID_ARG_TYPE',
    ],
    ['sd.sd_pid_notify_with_fds(0, false, "", withGetter((a) => a.push(7)))', false],
    [
      'sd.sd_pid_notify_with_fds(0, false, "", withGetter(() => sd.sd_is_fifo(FIFO) ? 0 : ""))',
      false,
    ],
    ['sd.sd_pid_notify_with_fds(0, false, "", withGetter(() => sd.sd_is_fifo(-1)))', 'EBADF'],
    ['sd.sd_pid_notify_with_fds(0, false, "", Object.setPrototypeOf([0], null))', false],
    ['sd.sd_pid_notify_with_fds(0, false, "", revoked([]))', 'ERR_INVALID_ARG_TYPE'],
  ],
  bytes: [
    [`sd.sd_is_socket_unix(ABSTRACT, 0, -1, Uint8Array.of(${ABSTRACT_BYTES}))`, true],
    [`sd.sd_is_socket_unix(ABSTRACT, 0, -1, Buffer.of(${ABSTRACT_BYTES}))`, true],
    [
      `sd.sd_is_socket_unix(ABSTRACT, 0, -1, Uint8Array.of(1, 2, ${ABSTRACT_BYTES}, 3).subarray(2, -1))`,
      true,
    ],
    [`sd.sd_is_socket_unix(ABSTRACT, 0, -1, shared(${ABSTRACT_BYTES}))`, true],
    ['sd.sd_is_socket_unix(ABSTRACT, 0, -1, new Uint8Array())', false],
    ['sd.sd_is_socket_unix(ABSTRACT, 0, -1, detached(8))', false],
    [`sd.sd_is_socket_sockaddr(TCP, 0, ${padded})`, true],
    [`sd.sd_is_socket_sockaddr(TCP, 0, shared(${sockaddr}))`, true],
    [`sd.sd_is_socket_sockaddr(TCP, 0, Uint8Array.of(${sockaddr}).subarray(0, 15))`, 'EINVAL'],
    ['sd.sd_is_socket_sockaddr(TCP, 0, new Uint8Array())', 'ENOBUFS'],
    ['sd.sd_is_socket_sockaddr(TCP, 0, detached(16))', 'ENOBUFS'],
    ['sd.sd_is_socket_sockaddr(TCP, 0, new Uint8Array(16 * 1024 * 1024))', 'EPFNOSUPPORT'],
    ['native.getsockname(TCP, new Uint8Array())', 16],
    ['native.getsockname(TCP, detached(16))', 16],
    ['filled(native.getsockname, resized(20, 16))', sockaddr],
    ['native.getsockname(TCP, resized(16, 0))', 16],
    ['sd.sd_is_socket_sockaddr(TCP, 0, resized(0, 16))', 'EPFNOSUPPORT'],
    ['filled(native.getsockname, shared(...new Array(18).fill(9)))', [...sockaddr, 9, 9]],
    ['filled(native.getsockname, new Uint8Array(20).fill(9).subarray(2, 18))', sockaddr],
    ['filled(native.getsockname, new Uint8Array(20).fill(9).subarray(4, 8))', sockaddr.slice(0, 4)],
    ['around(native.getsockname)', [9, 9, 9, 9]],
    ['native.inspect_fds(TCP, 1, detached(64))', 0],
    ['native.inspect_fds(TCP, 1, resized(64, 0))', 0],
    ['native.inspect_fds(TCP, 1, shared(...new Array(64).fill(9)))', 56],
    ['native.peer_credentials(UNIX, detached(12))', 0],
    ['filled(native.peer_credentials, new Uint8Array(14).fill(9).subarray(2, 4))', [0, 0]],
    ['filled(native.peer_groups, shared(9, 9))', [9, 9]],
    ['native.inet_pton(2, "1.2.3.4", detached(16))', -28],
    ['native.inet_ntop(2, detached(16))', [-22, '']],
    ['native.inet_ntop(10, new Uint8Array(16 * 1024 * 1024))', [0, '::']],
    ['native.datagram_room(detached(16))', -22],
    ['native.datagram_room(new Uint8Array())', -22],
    ['native.send_text(detached(16), "X=1")', -22],
    ['native.send_text(new Uint8Array(), "X=1")', -22],
  ],
  'other callers': [
    ['sd.sd_is_fifo.call(null, FIFO)', true],
    ['native.sd_is_fifo.call(undefined, FIFO)', 1],
    ['native.sd_is_fifo.apply({}, [FIFO, null, 1, 2, 3, 4, 5, 6, 7, 8, 9])', 1],
    ['typeof new native.sd_is_fifo(FIFO)', 'object'],
    ['sd.sd_is_socket_unix(ABSTRACT, 0, -1, otherRealm("new Uint8Array(1)"))', false],
    ['sd.sd_pid_notify_with_fds(0, false, "", otherRealm("[0]"))', false],
    ['deep()', 'ERANGE'],
  ],
};

const MAKERS = `
  import { runInNewContext } from 'node:vm';
  const mine = Object.assign(new Error('mine'), { code: 'MINE' });
  const withGetter = (get) => {
    const array = [0, 0];
    return Object.defineProperty(array, 0, { get: () => get(array) });
  };
  const revoked = (target) => {
    const { proxy, revoke } = Proxy.revocable(target, {});
    revoke();
    return proxy;
  };
  const filled = (call, bytes) => (call(TCP, bytes), [...bytes]);
  const around = (call) => {
    const bytes = new Uint8Array(20).fill(9);
    call(TCP, bytes.subarray(2, 18));
    return [...bytes.subarray(0, 2), ...bytes.subarray(18)];
  };
  const otherRealm = (code) => runInNewContext(code);
  // A call of the add-on at the end of JavaScript's stack: the overflow must be JavaScript's own error.
  const deep = () => {
    try {
      return (function dive() { native.sd_is_fifo(FIFO, 'x'); return dive(); })();
    } catch (error) {
      if (error instanceof RangeError) error.code = 'ERANGE';
      throw error;
    }
  };
`;

interface Found {
  /** The value, or the code of the error without its message, which may have a path of 16 MiB. */
  readonly outcomes: readonly ({ readonly value: unknown } | { readonly code: unknown })[];
  readonly before: number;
  readonly after: number;
}

describe.for(Object.entries(CASES))('%s', ([, cases]) => {
  let found: Found;

  beforeAll(async () => {
    const specs = [
      `tcp:${ownAddress}:8080`,
      'unix-unnamed',
      `unix:@${ABSTRACT_NAME}`,
      'pipe',
      'memfd:file',
    ];
    const calls = cases.map(([expression]) => `() => ${expression}`);
    found = (await runWith(
      specs,
      `${HELPERS}${MAKERS}
      const calls = [${calls}];
      const brief = ({ value, error }) => (error ? { code: error.code } : { value });
      const all = () => calls.map((call) => brief(outcome(call)));
      all(); // a library that is loaded at the first call may keep a descriptor open
      const before = openFds();
      const outcomes = all();
      result({ outcomes, before, after: openFds() });`,
    )) as Found;
  });

  test.for(cases.map(([expression, expected], i) => [expression, expected, i] as const))(
    '%s: %j',
    ([, expected, i]) => {
      const outcome = found.outcomes[i];
      if (outcome && 'code' in outcome) expect(outcome.code).toBe(expected);
      else expect(outcome).toStrictEqual({ value: expected });
    },
  );

  test('leaves no descriptor open', () => {
    expect(found.after).toBe(found.before);
  });
});
