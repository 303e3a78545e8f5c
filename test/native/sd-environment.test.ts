// The functions of sd-daemon(3) that read the environment, in programs that were started with it.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Call, callWith, type Outcome, runWith } from '../support/descriptors.ts';
import type { LaunchOptions } from '../support/launch.ts';
import { type Datagram, type Receiver, startReceiver } from '../support/receiver.ts';

/** A value, or the code of the error; a list of codes where versions of libsystemd differ. */
function expectOutcome(outcome: Outcome | undefined, expected: unknown): void {
  if (outcome && 'error' in outcome) {
    expect(Array.isArray(expected) ? expected : [expected]).toContain(outcome.error['code']);
    expect(outcome.error).toMatchObject({ name: 'SystemdError', errno: expect.any(Number) });
  } else {
    expect(outcome).toStrictEqual({ value: expected });
  }
}

describe('sd_listen_fds and sd_listen_fds_with_names', () => {
  type Row = readonly [options: LaunchOptions, fds: number | string, names: string[] | string];
  // The launcher passes two descriptors in every row.
  const ROWS: readonly Row[] = [
    [{}, 2, ['unknown', 'unknown']],
    [{ names: 'a:b' }, 2, ['a', 'b']],
    [{ names: 'a:' }, 2, ['a', '']],
    [{ names: ':' }, 2, ['', '']],
    [{ names: 'same:same' }, 2, ['same', 'same']],
    [{ names: 'a\\:b:c' }, 2, ['a:b', 'c']],
    [{ names: 'ä:☃' }, 2, ['ä', '☃']],
    [{ names: 'a' }, 2, 'EINVAL'],
    [{ names: 'a:b:c' }, 2, 'EINVAL'],
    [{ names: '' }, 2, 'EINVAL'],
    [{ names: 'a:b\\' }, 2, 'EINVAL'],
    [{ fds: 1, names: '' }, 1, ['']],
    [{ fds: '0x2' }, 2, ['unknown', 'unknown']],
    [{ fds: ' 2' }, 2, ['unknown', 'unknown']],
    [{ fds: '2 ' }, 'EINVAL', 'EINVAL'],
    [{ fds: 'none' }, 0, []],
    [{ fds: '' }, 'EINVAL', 'EINVAL'],
    [{ fds: 'two' }, 'EINVAL', 'EINVAL'],
    [{ fds: 0 }, 'EINVAL', 'EINVAL'],
    [{ fds: -1 }, 'EINVAL', 'EINVAL'],
    [{ fds: 2 ** 31 - 1 }, 'EINVAL', 'EINVAL'],
    [{ fds: 2 ** 31 }, 'ERANGE', 'ERANGE'],
    [{ fds: 300 }, 'EBADF', 'EBADF'],
    [{ pid: 'none' }, 0, []],
    [{ pid: 1 }, 0, []],
    [{ pid: '' }, 'EINVAL', 'EINVAL'],
    [{ pid: 'self?' }, 'EINVAL', 'EINVAL'],
    [{ pid: 0 }, 'ERANGE', 'ERANGE'],
    [{ pid: -1 }, 'ERANGE', 'ERANGE'],
    [{ pid: '99999999999' }, 'ERANGE', 'ERANGE'],
    [{ pid: 1, names: 'a:b\\' }, 0, 'EINVAL'],
  ];

  const SOURCE = `
    const variables = () => Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
    const before = variables();
    const fds = outcome(() => sd.sd_listen_fds());
    const names = outcome(() => sd.sd_listen_fds_with_names());
    const kept = variables();
    const again = outcome(() => sd[consumer](true));
    result({ fds, names, again, before, kept, left: variables(), after: outcome(() => sd[consumer]()) });
  `;

  interface Found {
    readonly fds: Outcome;
    readonly names: Outcome;
    /** The results of the call that removes the variables. */
    readonly again: Outcome;
    readonly after: Outcome;
    readonly before: readonly string[];
    readonly kept: readonly string[];
    readonly left: readonly string[];
  }

  const rows = ROWS.map(([options, fds, names], i) => {
    // Both functions remove the variables, on errors too. One of the two for each row is enough.
    const consumer = i % 2 === 0 ? 'sd_listen_fds' : 'sd_listen_fds_with_names';
    return [JSON.stringify(options), { options, fds, names, consumer }] as const;
  });
  test.concurrent.for(rows)('%s', async ([, { options, fds, names, consumer }]) => {
    const source = `const consumer = '${consumer}';${SOURCE}`;
    const found = (await runWith(['pipe', 'pipe'], source, options)) as Found;
    expectOutcome(found.fds, fds);
    expectOutcome(found.names, names);
    expect(found.kept).toStrictEqual(found.before);
    expectOutcome(found.again, consumer === 'sd_listen_fds' ? fds : names);
    expect(found.left).toStrictEqual([]);
    expectOutcome(found.after, consumer === 'sd_listen_fds' ? 0 : []);
  });
});

describe('sd_watchdog_enabled', () => {
  const ROWS: readonly (readonly [env: Record<string, string>, expected: unknown])[] = [
    [{}, 0n],
    [{ WATCHDOG_USEC: '3000000' }, 3_000_000n],
    [{ WATCHDOG_USEC: '1' }, 1n],
    [{ WATCHDOG_USEC: '9007199254740993' }, 9_007_199_254_740_993n],
    [{ WATCHDOG_USEC: '18446744073709551614' }, 2n ** 64n - 2n],
    [{ WATCHDOG_USEC: '18446744073709551615' }, 'EINVAL'],
    [{ WATCHDOG_USEC: '18446744073709551616' }, 'ERANGE'],
    [{ WATCHDOG_USEC: '0' }, 'EINVAL'],
    [{ WATCHDOG_USEC: '-1' }, 'ERANGE'],
    [{ WATCHDOG_USEC: '' }, 'EINVAL'],
    [{ WATCHDOG_USEC: '3s' }, 'EINVAL'],
    [{ WATCHDOG_USEC: '3', WATCHDOG_PID: '1' }, 0n],
    [{ WATCHDOG_USEC: '3', WATCHDOG_PID: '' }, 'EINVAL'],
    [{ WATCHDOG_USEC: '3', WATCHDOG_PID: 'one' }, 'EINVAL'],
    [{ WATCHDOG_USEC: '3', WATCHDOG_PID: '0' }, 'ERANGE'],
    [{ WATCHDOG_USEC: '3', WATCHDOG_PID: '-1' }, 'ERANGE'],
    [{ WATCHDOG_USEC: 'x', WATCHDOG_PID: '1' }, 'EINVAL'],
    [{ WATCHDOG_PID: '1' }, 0n],
  ];

  test.concurrent.for(ROWS.map(([env, expected]) => [JSON.stringify(env), env, expected] as const))(
    '%s',
    async ([, env, expected]) => {
      const calls: Call[] = [
        ['sd', 'sd_watchdog_enabled'],
        ['sd', 'sd_watchdog_enabled', true],
        ['sd', 'sd_watchdog_enabled'],
      ];
      const [kept, consumed, gone] = await callWith([], calls, { env });
      expectOutcome(kept, expected);
      expectOutcome(consumed, expected);
      expectOutcome(gone, 0n);
    },
  );
});

const FUNCTIONS: readonly Call[] = [
  ['sd', 'sd_notify', false, 'READY=1'],
  ['sd', 'sd_pid_notify', 0, false, 'READY=1'],
  ['sd', 'sd_pid_notify_with_fds', 0, false, 'READY=1', [0]],
  ['sd', 'sd_notify_barrier', false, 1_000_000],
];

describe('NOTIFY_SOCKET', () => {
  const NO_ADDRESS = ['EINVAL', 'EPROTO']; // EPROTO from libsystemd 255 on
  const ROWS: readonly (readonly [address: string | undefined, expected: unknown])[] = [
    [undefined, false],
    ['', NO_ADDRESS],
    ['relative', NO_ADDRESS],
    ['tcp:127.0.0.1:1', NO_ADDRESS],
    ['/', NO_ADDRESS],
    ['@', NO_ADDRESS],
    [`/${'n'.repeat(200)}`, 'ENAMETOOLONG'],
    ['/nonexistent/notify', 'ENOENT'],
    ['/dev/null', 'ECONNREFUSED'],
    ['@libsystemd-nobody', 'ECONNREFUSED'],
  ];
  test.concurrent.for(ROWS)('%s: %j', async ([address, expected]) => {
    const env = address === undefined ? {} : { NOTIFY_SOCKET: address };
    const outcomes = await callWith([], FUNCTIONS, { env });
    for (const outcome of outcomes) expectOutcome(outcome, expected);
  });
});

/** Longer than the manager accepts: sd_notify() sends it all the same. */
const LONG = `X=${'x'.repeat(5000)}`;

describe('with a receiver at NOTIFY_SOCKET', () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  /** Makes the calls in a program with a pipe at fd 3. Returns the outcomes and the datagrams that arrived. */
  async function call(...calls: Call[]): Promise<[Outcome[], Datagram[]]> {
    const env = { NOTIFY_SOCKET: receiver.address };
    const end: Call = ['sd', 'sd_notify', false, 'END=1'];
    const outcomes = await callWith(['pipe'], [...calls, end], { env });
    const datagrams: Datagram[] = [];
    for (;;) {
      const datagram = await receiver.next();
      if (datagram.message === 'END=1') return [outcomes.slice(0, -1), datagrams];
      datagrams.push(datagram);
    }
  }

  test.for([
    ['READY=1', 'READY=1'],
    ['READY=1\nSTATUS=of two lines', 'READY=1\nSTATUS=of two lines'],
    ['', ''],
    ['STATUS=ä ☃ 😀', 'STATUS=ä ☃ 😀'],
    ['STATUS=\ud800', 'STATUS=\ufffd'],
    ['STATUS=back\\slash', 'STATUS=back\\slash'],
    [LONG, LONG],
  ] as const)('each of the three functions sends %j unchanged', async ([state, message]) => {
    const [outcomes, datagrams] = await call(
      ['sd', 'sd_notify', false, state],
      ['sd', 'sd_pid_notify', 0, false, state],
      ['sd', 'sd_pid_notify_with_fds', 0, false, state, []],
    );
    expect(outcomes).toStrictEqual([{ value: true }, { value: true }, { value: true }]);
    expect(datagrams.map((datagram) => datagram.message)).toStrictEqual([
      message,
      message,
      message,
    ]);
  });

  test.for([
    [1, true],
    [253, true],
    [254, ['EINVAL', 'E2BIG']], // E2BIG from libsystemd 257 on
    [4096, ['EINVAL', 'E2BIG']],
  ] as const)(
    'sd_pid_notify_with_fds with %i descriptors returns, or throws one of: %j',
    async ([count, expected]) => {
      const fds = new Array(count).fill(3);
      const [[outcome], datagrams] = await call([
        'sd',
        'sd_pid_notify_with_fds',
        0,
        false,
        'FDSTORE=1',
        fds,
      ]);
      expectOutcome(outcome, expected);
      expect(datagrams.map((datagram) => datagram.fds.length)).toStrictEqual(
        expected === true ? [count] : [],
      );
      expect(datagrams.every((datagram) => datagram.fds.every(({ mode }) => mode === 'pipe'))).toBe(
        true,
      );
    },
  );

  test('sd_pid_notify_with_fds throws EBADF for a closed descriptor, and sends nothing', async () => {
    const [outcomes, datagrams] = await call(
      ['sd', 'sd_pid_notify_with_fds', 0, false, 'FDSTORE=1', [3, 900]],
      ['sd', 'sd_pid_notify_with_fds', 0, false, 'FDSTORE=1', [-1]],
    );
    for (const outcome of outcomes) expectOutcome(outcome, 'EBADF');
    expect(datagrams).toStrictEqual([]);
  });

  test('sd_notify_barrier returns true once the receiver has closed its descriptor', async () => {
    const [outcomes, datagrams] = await call(
      ['sd', 'sd_notify_barrier', false, 5_000_000],
      ['sd', 'sd_notify_barrier', false, 2n ** 64n - 1n],
    );
    expect(outcomes).toStrictEqual([{ value: true }, { value: true }]);
    expect(datagrams).toMatchObject([
      { message: 'BARRIER=1', fds: [{ mode: 'pipe' }] },
      { message: 'BARRIER=1', fds: [{ mode: 'pipe' }] },
    ]);
  });

  test.for([0, 1, 1n, 20_000] as const)(
    'sd_notify_barrier of %s microseconds throws ETIMEDOUT while the receiver holds the descriptor',
    async (timeout) => {
      await receiver.hold();
      try {
        const [[outcome]] = await call(['sd', 'sd_notify_barrier', false, timeout]);
        expectOutcome(outcome, 'ETIMEDOUT');
      } finally {
        await receiver.release();
      }
    },
  );

  describe.each([
    [false, true],
    [0, 1],
    [0, 2],
    [0, -1],
  ])('with an unset_environment of %s, and then of %s', (keep, remove) => {
    test.for(FUNCTIONS)('%s.%s keeps NOTIFY_SOCKET, and then removes it', async (call) => {
      const [module, name, ...args] = call;
      const withFlag = (flag: boolean | number): Call => {
        return [module, name, ...args.map((arg) => (arg === false ? flag : arg))];
      };
      const calls = [keep, remove, keep].map(withFlag);
      const env = { NOTIFY_SOCKET: receiver.address };
      const outcomes = await callWith([], calls, { env });
      expect(outcomes).toStrictEqual([{ value: true }, { value: true }, { value: false }]);
    });
  });
});

test('sd_booted is true when /run/systemd/system exists', async () => {
  const outcomes = await callWith([], [['sd', 'sd_booted']]);
  expect(outcomes).toStrictEqual([{ value: existsSync('/run/systemd/system') }]);
});

test('sd_pid_notify_barrier works as sd_notify_barrier does, with every version of libsystemd', async () => {
  await using receiver = await startReceiver();
  const [outcome] = await callWith([], [['sd', 'sd_pid_notify_barrier', 0, false, 5_000_000]], {
    env: { NOTIFY_SOCKET: receiver.address },
  });
  expect(outcome).toStrictEqual({ value: true });
});

test('sd_pidfd_get_inode_id returns the inode of a pidfd, with every version of libsystemd', async () => {
  const source = `
    import { fstatSync } from 'node:fs';
    result([outcome(() => sd.sd_pidfd_get_inode_id(3)), fstatSync(3, { bigint: true }).ino]);
  `;
  const [outcome, inode] = (await runWith(['pidfd'], source)) as [Outcome, bigint];
  expect(outcome).toStrictEqual({ value: inode });
});
