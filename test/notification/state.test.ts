// encodeState(): which message each state becomes, and that no text from outside can forge an
// assignment.
import { describe, expect, test } from 'vitest';
import { SystemdError } from '../../lib/base/errors.ts';
import { encodeState, type NotifyState } from '../../lib/notification/state.ts';
import { LIMIT, legible, read, size } from '../support/manager-reads.ts';

/** Gives a state that TypeScript would refuse the type of a state. */
const untyped = (state: unknown) => state as NotifyState;

test('the reader of these tests parses a message as the service manager does', () => {
  expect(read('READY=1\nSTATUS=a\\\\b')).toStrictEqual(['READY=1', 'STATUS=a\\b']);
  expect(read('STATUS=C:\\path')).toStrictEqual(['STATUS=C:path']);
  expect(read('STATUS=a\\\nREADY=1')).toStrictEqual(['STATUS=a\nREADY=1']);
  expect(read('STATUS=a\rMAINPID=1')).toStrictEqual(['STATUS=a', 'MAINPID=1']);
  expect(read('STATUS=a\\')).toBeUndefined();
  expect(read('STATUS=a\0')).toBeUndefined();
  expect(read('x'.repeat(LIMIT + 1))).toBeUndefined();
});

describe('encodeState() makes the assignment of each key:', () => {
  const rows: readonly (readonly [state: NotifyState, message: string])[] = [
    [{}, ''],
    [{ ready: true }, 'READY=1'],
    [{ ready: false }, ''],
    [{ reloading: false }, ''],
    [{ stopping: true }, 'STOPPING=1'],
    [{ stopping: false }, ''],
    [{ status: 'Serving' }, 'STATUS=Serving'],
    [{ status: '' }, 'STATUS='],
    [{ errno: 2 }, 'ERRNO=2'],
    [{ errno: -2 }, 'ERRNO=2'],
    [{ errno: 0 }, 'ERRNO=0'],
    [{ errno: -0 }, 'ERRNO=0'],
    [{ errno: 4095 }, 'ERRNO=4095'],
    [{ errno: 'ENOENT' }, 'ERRNO=ENOENT'],
    [{ errno: 'E2BIG' }, 'ERRNO=E2BIG'],
    [
      { busError: 'org.freedesktop.DBus.Error.TimedOut' },
      'BUSERROR=org.freedesktop.DBus.Error.TimedOut',
    ],
    [
      { varlinkError: 'org.varlink.service.InvalidParameter' },
      'VARLINKERROR=org.varlink.service.InvalidParameter',
    ],
    [{ exitStatus: 0 }, 'EXIT_STATUS=0'],
    [{ exitStatus: 255 }, 'EXIT_STATUS=255'],
    [{ mainPid: 1 }, 'MAINPID=1'],
    [{ mainPid: 2 ** 31 - 1 }, 'MAINPID=2147483647'],
    [{ mainPidFd: 0 }, 'MAINPIDFD=1'],
    [{ mainPidFd: 2 ** 31 - 1 }, 'MAINPIDFD=1'],
    [{ mainPidFd: true }, 'MAINPIDFD=1'],
    [{ mainPidFdId: 1 }, 'MAINPIDFDID=1'],
    [{ mainPidFdId: 2 ** 53 - 1 }, 'MAINPIDFDID=9007199254740991'],
    [{ mainPidFdId: 2n ** 64n - 1n }, 'MAINPIDFDID=18446744073709551615'],
    [{ watchdog: true }, 'WATCHDOG=1'],
    [{ watchdog: 'trigger' }, 'WATCHDOG=trigger'],
    [{ watchdog: false }, ''],
    [{ watchdogTimeout: 1500 }, 'WATCHDOG_USEC=1500000'],
    [{ watchdogTimeout: 0 }, 'WATCHDOG_USEC=0'],
    [{ watchdogTimeout: 0.001 }, 'WATCHDOG_USEC=1'],
    [{ watchdogTimeout: 0.1 + 0.2 }, 'WATCHDOG_USEC=300'],
    [{ watchdogTimeout: 86_400_000 }, 'WATCHDOG_USEC=86400000000'],
    [{ watchdogTimeout: 1e12 }, 'WATCHDOG_USEC=1000000000000000'],
    [{ extendTimeout: 30_000 }, 'EXTEND_TIMEOUT_USEC=30000000'],
    [{ notifyAccess: 'none' }, 'NOTIFYACCESS=none'],
    [{ notifyAccess: 'main' }, 'NOTIFYACCESS=main'],
    [{ notifyAccess: 'exec' }, 'NOTIFYACCESS=exec'],
    [{ notifyAccess: 'all' }, 'NOTIFYACCESS=all'],
    [{ restartReset: true }, 'RESTART_RESET=1'],
    [{ restartReset: false }, ''],
    [{ X_TEXT: 'of one line' }, 'X_TEXT=of one line'],
    [{ X_1: 1.5, X_2: 2n }, 'X_1=1.5\nX_2=2'],
    [{ X_EMPTY: '' }, 'X_EMPTY='],
    [{ stopping: true, ready: true }, 'STOPPING=1\nREADY=1'],
    [{ status: 'last', ready: true, X_A: 1 }, 'READY=1\nX_A=1\nSTATUS=last'],
    [untyped({ ready: undefined, status: undefined, errno: undefined, X_A: undefined }), ''],
    [untyped({ ready: true, [Symbol('unseen')]: 1 }), 'READY=1'],
  ];
  test.for(rows.map(([state, message]) => [show(state), state, message] as const))(
    '%s',
    ([, state, message]) => {
      expect(encodeState(state)).toBe(message);
      expect(read(message)).toStrictEqual(message === '' ? [] : message.split('\n'));
    },
  );

  test('reloading adds the MONOTONIC_USEC of the call to the same message', () => {
    const before = process.hrtime.bigint() / 1000n;
    const [, usec] =
      /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(encodeState({ reloading: true })) ?? [];
    const after = process.hrtime.bigint() / 1000n;
    expect(BigInt(usec ?? -1)).toBeGreaterThanOrEqual(before);
    expect(BigInt(usec ?? -1)).toBeLessThanOrEqual(after);
  });

  test('ignores properties that a program has put on Object.prototype', () => {
    const polluted = Object.prototype as Record<string, unknown>;
    polluted['status'] = 'polluted';
    polluted['stopping'] = true;
    try {
      expect(encodeState({ ready: true })).toBe('READY=1');
    } finally {
      delete polluted['status'];
      delete polluted['stopping'];
    }
  });

  test('ignores inherited keys', () => {
    expect(encodeState(Object.create({ stopping: true }) as NotifyState)).toBe('');
    expect(encodeState(Object.assign(Object.create(null), { ready: true }))).toBe('READY=1');
  });
});

type Code = 'ERR_INVALID_ARG_TYPE' | 'ERR_OUT_OF_RANGE' | 'ERR_INVALID_ARG_VALUE';

function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field === 'string') return field.length > 40 ? `${field.length} characters` : field;
    const plain = typeof field === 'object' || typeof field === 'boolean' || Number.isFinite(field);
    return plain ? field : `${String(field)} (${typeof field})`;
  });
  return text ?? `${String(value)} (${typeof value})`;
}

describe('encodeState() refuses', () => {
  const flag = [1, 0, 'true', '1', null, {}];
  const notNumber = ['1', null, true, {}, [1], Symbol('1')];
  const badInteger = [1.5, Number.NaN, Infinity, -Infinity];
  const notName = [
    '',
    'a',
    '.',
    'a.',
    '.a',
    'a..b',
    'a.1b',
    'a b.c',
    'ä.b',
    'a.b\n',
    'a.b=c',
    'a:b.c',
  ];
  const forgedName = [
    'a.b\nMAINPID=1',
    'a.b\\\nMAINPID=1',
    'a.b\rMAINPID=1',
    'a.b\0',
    `a.${'b'.repeat(254)}`,
  ];

  type Values = Partial<Record<Code, readonly unknown[]>>;
  const wrong: Readonly<Record<string, Values>> = {
    ready: { ERR_INVALID_ARG_TYPE: flag },
    reloading: { ERR_INVALID_ARG_TYPE: flag },
    stopping: { ERR_INVALID_ARG_TYPE: flag },
    restartReset: { ERR_INVALID_ARG_TYPE: flag },
    watchdog: { ERR_INVALID_ARG_TYPE: [...flag, 'Trigger', 'trigger\n'] },
    status: { ERR_INVALID_ARG_TYPE: [1, null, true, {}, ['x'], Symbol('x'), Object('x')] },
    errno: {
      ERR_INVALID_ARG_TYPE: [null, true, {}, 2n],
      ERR_OUT_OF_RANGE: [...badInteger, 4096, -4096],
      ERR_INVALID_ARG_VALUE: [
        '',
        'E',
        'enoent',
        '2',
        'ENOENT\n',
        'ENOENT\nMAINPID=1',
        'E=1',
        ' ENOENT',
      ],
    },
    busError: {
      ERR_INVALID_ARG_TYPE: [1, null, {}, new Error('a.b')],
      ERR_INVALID_ARG_VALUE: [...notName, ...forgedName],
    },
    varlinkError: {
      ERR_INVALID_ARG_TYPE: [1, null, {}],
      ERR_INVALID_ARG_VALUE: [...notName, ...forgedName],
    },
    exitStatus: { ERR_INVALID_ARG_TYPE: notNumber, ERR_OUT_OF_RANGE: [...badInteger, -1, 256] },
    mainPid: {
      ERR_INVALID_ARG_TYPE: [...notNumber, 1n],
      ERR_OUT_OF_RANGE: [...badInteger, 0, -1, 2 ** 31],
    },
    mainPidFd: {
      ERR_INVALID_ARG_TYPE: ['1', null, false, {}, [1], Symbol('1'), 1n],
      ERR_OUT_OF_RANGE: [...badInteger, -1, 2 ** 31],
    },
    mainPidFdId: {
      ERR_INVALID_ARG_TYPE: notNumber,
      ERR_OUT_OF_RANGE: [...badInteger, 0, -1, 2 ** 53, 0n, -1n, 2n ** 64n],
    },
    watchdogTimeout: {
      ERR_INVALID_ARG_TYPE: [...notNumber, 1n],
      ERR_OUT_OF_RANGE: [Number.NaN, Infinity, -Infinity, -1, -0.1, 1e13],
    },
    extendTimeout: {
      ERR_INVALID_ARG_TYPE: [...notNumber, 1n],
      ERR_OUT_OF_RANGE: [Number.NaN, Infinity, -Infinity, -1, 1e13],
    },
    notifyAccess: {
      ERR_INVALID_ARG_TYPE: [1, true, null, {}],
      ERR_INVALID_ARG_VALUE: ['', 'ALL', 'all\n', 'all\nMAINPID=1', 'none|main'],
    },
    X_FOO: {
      ERR_INVALID_ARG_TYPE: [true, null, {}, ['x'], Symbol('x')],
      ERR_INVALID_ARG_VALUE: ['\n', 'a\nMAINPID=1', 'a\rMAINPID=1', 'a\\\nMAINPID=1', '\0', 'a\n'],
    },
  };

  const rows = Object.entries(wrong).flatMap(([key, values]) =>
    Object.entries(values).flatMap(([code, list]) =>
      list.map((value) => [`${show({ [key]: value })} with ${code}`, key, value, code] as const),
    ),
  );
  test.for(rows)('%s', ([, key, value, code]) => {
    expect(() => encodeState(untyped({ [key]: value }))).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`"state.${key}"`) }),
    );
  });

  test.for([
    ...[
      'x_foo',
      'X_',
      'X_foo',
      'X_FOO=1',
      'X_A\nMAINPID',
      'X_A\\',
      'X-FOO',
      'XFOO',
      'X_Ä',
      'X_A B',
      'X_A\0',
    ],
    ...['unknown', 'Ready', 'READY', '', '__proto__', 'constructor', 'toString', 'mainPid '],
    ...['READY=1\nMAINPID', 'monotonicUsec', 'watchdogUsec', '0'],
  ])('the unknown key %j with ERR_INVALID_ARG_VALUE', (key) => {
    const state = Object.defineProperty({}, key, { value: '1', enumerable: true });
    expect(() => encodeState(untyped(state))).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
  });

  test.for([
    ['raedy', 'ready'],
    ['Ready', 'ready'],
    ['statsu', 'status'],
    ['mainPID', 'mainPid'],
    ['watchdogTimout', 'watchdogTimeout'],
  ])('the unknown key %s, and suggests %s', ([key, nearest]) => {
    expect(() => encodeState(untyped({ [key as string]: true }))).toThrow(`"${nearest}", perhaps`);
  });

  test.for([
    ...['fdStore', 'FDSTORE', 'fdstore', 'fdStoreRemove', 'FDSTOREREMOVE', 'fdName', 'FDNAME'],
    ...['fdPoll', 'FDPOLL', 'barrier', 'BARRIER'],
  ])('the key %s, and names fdStore and notify.barrier()', (key) => {
    expect(() => encodeState(untyped({ [key]: 1 }))).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARG_VALUE',
        message: expect.stringMatching(/fdStore.*notify\.barrier\(\)/),
      }),
    );
  });

  test.for([undefined, null, 1, 1n, true, Symbol('state'), () => 'READY=1'] as const)(
    'the state %s with ERR_INVALID_ARG_TYPE',
    (state) => {
      expect(() => encodeState(untyped(state))).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
      );
    },
  );

  test.for([{ list: [] }, { list: ['READY=1'] }])(
    'the state $list with ERR_INVALID_ARG_TYPE',
    ({ list }) => {
      expect(() => encodeState(untyped(list))).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
      );
    },
  );

  test('an object whose getter throws, with the error of the getter', () => {
    const mine = new Error('mine');
    const state = {
      get ready(): boolean {
        throw mine;
      },
    };
    expect(() => encodeState(state)).toThrow(mine);
  });
});

/** Texts that the manager, or a terminal, would take for more than text if they were not encoded. */
const HOSTILE = [
  '\nMAINPID=1',
  '\rMAINPID=1',
  '\r\nMAINPID=1',
  '\\\nMAINPID=1',
  '\\\\\nMAINPID=1',
  '\\',
  '\\\\',
  '\\\\\\',
  'ends in \\',
  'C:\\new\\x',
  '\\n MAINPID=1',
  '\0MAINPID=1',
  'a\0',
  '\n',
  '\n\n\r\r',
  '\u2028MAINPID=1',
  '\u0085MAINPID=1',
  '\v\fMAINPID=1',
  '\ud800',
  '\udc00\ud800',
  'a\ud83dz',
  '"quoted\nMAINPID=1"',
  "'quoted\nMAINPID=1'",
  '%n%s$(reboot)`reboot`',
  '\u001b]0;title\u0007',
  '\u001b[1A\u001b[2K     Active: \u001b[32mactive',
  '\u009b31m\u0090q\u009c\u007f\b',
  'a\u202egnp.exe\u202c\u2066b\u2069\u200f\u061c',
  '\ufeff\u200b\u00ad\u{e0041}\ufff9',
  '=',
  '=\nREADY=1',
  'FDSTOREREMOVE=1\nFDNAME=stored',
  '\ufffe\uffff\ufdd0\ufdef\u{1fffe}\u{10ffff}',
];

describe('the manager reads a status as one assignment:', () => {
  test.for(HOSTILE)('%j', (text) => {
    expect(read(encodeState({ status: text }))).toStrictEqual([`STATUS=${legible(text)}`]);
    expect(read(encodeState({ ready: true, status: text, X_A: 1 }))).toStrictEqual([
      'READY=1',
      'X_A=1',
      `STATUS=${legible(text)}`,
    ]);
  });

  test('every UTF-16 unit, alone and before an assignment', () => {
    const characters = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code));
    // One comparison for all, because 131,072 comparisons by vitest would take ten seconds.
    const wrong = characters
      .flatMap((text) => [text, `${text}MAINPID=1`])
      .map((status) => ({ status, found: read(encodeState({ status })) }))
      .filter(({ status, found }) => found?.join('\n') !== `STATUS=${legible(status)}`);
    expect(wrong).toStrictEqual([]);
  });
});

describe('the manager reads an X_ text as one assignment, or the text is refused:', () => {
  test.for(HOSTILE)('%j', (text) => {
    const state = { X_TEXT: text, stopping: true };
    if (/[\n\r\0]/.test(text)) {
      expect(() => encodeState(state)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
      );
    } else {
      const assignments = read(encodeState(state));
      expect(assignments).toStrictEqual([`X_TEXT=${text.toWellFormed()}`, 'STOPPING=1']);
    }
  });
});

describe('an identifier refuses text around it:', () => {
  const keys = ['errno', 'busError', 'varlinkError', 'notifyAccess', 'watchdog'] as const;
  test.for(keys.flatMap((key) => HOSTILE.map((text) => [key, text] as const)))(
    '%s %j',
    ([key, text]) => {
      const valid = { errno: 'ENOENT', notifyAccess: 'all', watchdog: 'trigger' }[key as string];
      for (const value of [text, (valid ?? 'a.b') + text, text + (valid ?? 'a.b')]) {
        expect(() => encodeState(untyped({ [key]: value }))).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^ERR_INVALID_ARG_/) }),
        );
      }
    },
  );
});

describe('a status that is too long is cut so that the message fits', () => {
  const ROOM = LIMIT - 'STATUS='.length;
  const characters = ['a', 'ä', '☃', '😀', '\\', '\n', '\ud800', 'a\\😀', '☃\\'];
  const shifts = [0, 1, 2, 3, 4, 5, 6, 7];

  test.for(characters.flatMap((text) => shifts.map((shift) => [text, shift] as const)))(
    'many times %j after %i characters',
    ([text, shift]) => {
      const status = 'x'.repeat(shift) + text.repeat(LIMIT);
      const message = encodeState({ status });
      // The next character would not fit: 4 bytes at most, or 2 pairs of backslashes.
      expect(size(message)).toBeLessThanOrEqual(LIMIT);
      expect(size(message)).toBeGreaterThan(LIMIT - 4);
      const [assignment, ...more] = read(message) ?? [];
      expect(more).toStrictEqual([]);
      expect(assignment).toBe(`STATUS=${legible(status)}`.slice(0, assignment?.length));
      expect(assignment?.isWellFormed()).toBe(true);
    },
  );

  test.each(['\x1b', '\u202e', '\u{e0041}'])(
    '%j is cut before its visible form, never inside of it',
    (character) => {
      for (let shift = 0; shift < 12; shift++) {
        const status = 'x'.repeat(shift) + character.repeat(LIMIT);
        const [assignment = '', ...more] = read(encodeState({ status })) ?? [];
        expect(more).toStrictEqual([]);
        const shown = legible(character);
        expect(assignment).toMatch(/^STATUS=x*(\\x1b|\\u\{202e\}|\\u\{e0041\})+$/);
        expect(size(encodeState({ status }))).toBeGreaterThan(LIMIT - shown.length - 1);
      }
    },
  );

  test('but not when it just fits', () => {
    for (const status of ['a'.repeat(ROOM), `${'ä'.repeat(2044)}a`, '\\'.repeat(2044)]) {
      const message = encodeState({ status });
      expect(read(message)).toStrictEqual([`STATUS=${status}`]);
      expect(size(message)).toBeGreaterThanOrEqual(LIMIT - 1);
    }
  });

  test('to the room that the other assignments leave', () => {
    const message = encodeState({ status: 'a'.repeat(LIMIT), ready: true, X_A: 'x'.repeat(1000) });
    expect(size(message)).toBe(LIMIT);
    expect(message).toMatch(/^READY=1\nX_A=x{1000}\nSTATUS=a+$/);
  });

  test('in no time when it has 16 MiB', { timeout: 2000 }, () => {
    expect(size(encodeState({ status: '\\'.repeat(2 ** 24) }))).toBe(LIMIT - 1);
  });
});

describe('a message of more than 4096 bytes is refused with ERR_SYSTEMD_MESSAGE_SIZE:', () => {
  const tooLong = expect.objectContaining({
    name: 'SystemdError',
    code: 'ERR_SYSTEMD_MESSAGE_SIZE',
    message: expect.stringContaining('4096'),
  });
  const X_ = (length: number) => 'x'.repeat(length - 'X_A='.length);

  test('as a string', () => {
    expect(encodeState('x'.repeat(LIMIT))).toHaveLength(LIMIT);
    expect(() => encodeState('x'.repeat(LIMIT + 1))).toThrow(tooLong);
    expect(() => encodeState('ä'.repeat(LIMIT / 2 + 1))).toThrow(tooLong);
    expect(() => encodeState('x'.repeat(LIMIT + 1))).toThrow(SystemdError);
  });

  test('as an object with long values', () => {
    expect(encodeState({ X_A: X_(LIMIT) })).toHaveLength(LIMIT);
    expect(() => encodeState({ X_A: X_(LIMIT + 1) })).toThrow(tooLong);
    expect(() => encodeState({ X_A: '\\'.repeat(LIMIT / 2) })).toThrow(tooLong);
    expect(() => encodeState({ X_A: X_(LIMIT + 1), status: 'x' })).toThrow(tooLong);
  });

  const MANY = 20_000_000;
  test.for<readonly [what: string, state: () => NotifyState | string]>([
    ['an X_ text of backslashes', () => ({ X_A: '\\'.repeat(MANY) })],
    ['an X_ text of lone surrogates', () => ({ X_A: '\ud800'.repeat(MANY) })],
    ['an X_ number of a million digits', () => ({ X_A: 10n ** 1_000_000n })],
    ['a negative X_ number of a million digits', () => ({ X_A: -(10n ** 1_000_000n) })],
    ['a long X_ name', () => ({ [`X_${'A'.repeat(MANY)}`]: 1 })],
    ['a long string', () => 'x'.repeat(MANY)],
    [
      'very many keys',
      () => Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`X_${i}`, '\\'])),
    ],
  ])('%s, before it is encoded, in no time', ([, make]) => {
    const state = make();
    const begun = process.cpuUsage(); // and not the time, which others of a busy machine take
    expect(() => encodeState(state)).toThrow(tooLong);
    const { user, system } = process.cpuUsage(begun);
    expect((user + system) / 1000).toBeLessThan(2000);
  });

  test('a long value that is not valid is refused in no time, and the error shows a short printable part', () => {
    const long = `${'\x1b\n'.repeat(MANY)}`;
    for (const state of [
      { errno: long },
      { busError: long },
      { [long]: 1 },
      { [`fdstore${long}`]: 1 },
    ]) {
      const begun = performance.now();
      expect(() => encodeState(untyped(state))).toThrow(
        expect.objectContaining({
          code: 'ERR_INVALID_ARG_VALUE',
          message: expect.stringMatching(/^[ -~]{1,900}$/),
        }),
      );
      expect(performance.now() - begun).toBeLessThan(2000);
    }
  });

  const most = LIMIT - '\nSTATUS='.length;
  test('when there is no room for a status at all', () => {
    expect(encodeState({ X_A: X_(most), status: '' })).toHaveLength(LIMIT);
    for (let length = most + 1; length <= LIMIT; length++) {
      expect(() => encodeState({ X_A: X_(length), status: '' }), `${length} bytes`).toThrow(
        tooLong,
      );
    }
  });
});

test('a string stays as it is', () => {
  for (const text of ['', 'READY=1', 'NEW=1\nFDSTORE=1', 'STATUS=C:\\new', '\n']) {
    expect(encodeState(text)).toBe(text);
  }
});
