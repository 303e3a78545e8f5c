// Every wrong argument of every function throws an error with the code and the words of Node's own functions.
import * as libsystemd from 'libsystemd';
import * as sd from 'libsystemd/sd';
import { describe, expect, test } from 'vitest';
import { native } from '../../lib/addon/exports.ts';

/** An argument: a good value, and wrong values by the code that each throws. */
interface Argument {
  readonly name: string;
  readonly good: unknown;
  /** The types of {@link ANYTHING} that the argument accepts. */
  readonly takes: readonly string[];
  readonly outOfRange?: readonly unknown[];
  readonly invalid?: readonly unknown[];
  readonly wrong?: readonly unknown[];
}

/** One value of every type. */
const ANYTHING: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['undefined', undefined],
  ['null', null],
  ['boolean', true],
  ['number', 0],
  ['bigint', 0n],
  ['string', 'text'],
  ['symbol', Symbol('symbol')],
  ['function', () => 0],
  ['object', {}],
  ['array', []],
  ['Number', Object(0)],
  ['String', Object('text')],
  ['Boolean', Object(false)],
  ['Date', new Date(0)],
  ['Uint8Array', new Uint8Array(4)],
  ['Uint8ClampedArray', new Uint8ClampedArray(4)],
  ['Int8Array', new Int8Array(4)],
  ['ArrayBuffer', new ArrayBuffer(4)],
  ['DataView', new DataView(new ArrayBuffer(4))],
  ['null prototype', Object.create(null)],
  ['Proxy', new Proxy([0], {})],
]);

const FRACTIONS = [0.5, -1.5, Number.NaN, Infinity, -Infinity, Number.MIN_VALUE];

function int(name: string, optional?: true): Argument {
  return {
    name,
    good: 0,
    takes: optional ? ['number', 'undefined'] : ['number'],
    outOfRange: [...FRACTIONS, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1e308],
  };
}

/** A boolean, or the int of C. */
function flag(name: string, optional?: true): Argument {
  const number = int(name, optional);
  return { ...number, good: false, takes: ['boolean', ...number.takes] };
}

const WITH_NUL = ['\0', 'a\0b', 'text\0', '\0abstract'];

const fd = int('fd');
const pid = int('pid');
const unset = flag('unset_environment');
const text = (name: string): Argument => ({
  name,
  good: '',
  takes: ['string'],
  invalid: WITH_NUL,
});
const path: Argument = {
  name: 'path',
  good: null,
  takes: ['string', 'null', 'undefined'],
  invalid: WITH_NUL,
};
const pathOrBytes: Argument = { ...path, takes: [...path.takes, 'Uint8Array'] };
const bytes = (name: string): Argument => ({
  name,
  good: new Uint8Array(16),
  takes: ['Uint8Array'],
});
const port: Argument = {
  ...int('port', true),
  outOfRange: [...FRACTIONS, -1, 65536, 2 ** 31],
};
const timeout: Argument = {
  name: 'timeout_usec',
  good: 0,
  takes: ['number', 'bigint'],
  outOfRange: [...FRACTIONS, -1, 2 ** 53, -1n, 2n ** 64n, -(2n ** 64n)],
};
const offset: Argument = {
  name: 'offset',
  good: 0,
  takes: ['number'],
  outOfRange: [...FRACTIONS, -1, 2 ** 53],
};
const fds: Argument = {
  name: 'fds',
  good: [],
  takes: ['array'],
  outOfRange: [
    new Array(5000).fill(0),
    new Array(2 ** 32 - 1),
    ...[...FRACTIONS, 2 ** 31, -(2 ** 31) - 1].map((element) => [0, element]),
  ],
  wrong: [
    { length: 1, 0: 0 },
    new Set([0]),
    Int32Array.of(0),
    new Array(1), // a hole
    ...[undefined, null, '0', 0n, true, {}, [0], Symbol('0'), Object(0)].map((element) => [
      0,
      element,
    ]),
  ],
};

const fields: Argument = {
  name: 'fields',
  good: [],
  takes: ['array'],
  outOfRange: [new Array(4097).fill('A=1')],
  wrong: [undefined, null, 0, 0n, true, {}, ['A=1'], Symbol('A=1'), Object('A=1')].map((field) => [
    'A=1',
    field,
  ]),
};

const inet = { family: 'inet', address: '127.0.0.1' };
const inet6 = { family: 'inet6', address: '::1' };
const address: Argument = {
  name: 'address',
  good: inet,
  // An object of another kind has no family, so its family is the wrong value.
  takes: [...ANYTHING]
    .filter(([, value]) => typeof value === 'object' && value)
    .map(([key]) => key),
  wrong: [
    { family: 'inet' },
    { ...inet, address: 1 },
    { ...inet, address: null },
    { ...inet, port: '80' },
    { ...inet, port: null },
    { ...inet6, flowinfo: 0n },
    { ...inet6, scopeId: 'lo' },
  ],
  outOfRange: [
    ...[...FRACTIONS, -1, 65536].map((port) => ({ ...inet, port })),
    ...[...FRACTIONS, -1, 2 ** 32].map((flowinfo) => ({ ...inet6, flowinfo })),
    ...[...FRACTIONS, -1, 2 ** 32].map((scopeId) => ({ ...inet6, scopeId })),
  ],
  invalid: [
    {},
    [],
    { ...inet, family: 'unix' },
    { ...inet, family: 1 },
    { ...inet, family: '2' },
    { ...inet, family: 'INET' },
    { ...inet, family: null },
    ...[
      '',
      ' 127.0.0.1',
      '127.0.0.1 ',
      '127.1',
      '127.0.0.256',
      '::1',
      'localhost',
      '127.0.0.1\0',
    ].map((address) => ({ ...inet, address })),
    ...['', '127.0.0.1', '[::1]', '::1%lo', ':::', '::1\0', '1:2:3:4:5:6:7:8:9'].map((address) => ({
      ...inet6,
      address,
    })),
  ],
};

type Functions = Readonly<Record<string, readonly Argument[]>>;

const OF_SD: Functions = {
  sd_listen_fds: [flag('unset_environment', true)],
  sd_listen_fds_with_names: [flag('unset_environment', true)],
  sd_is_fifo: [fd, path],
  sd_is_special: [fd, path],
  sd_is_socket: [fd, int('family', true), int('type', true), int('listening', true)],
  sd_is_socket_inet: [fd, int('family', true), int('type', true), int('listening', true), port],
  sd_is_socket_sockaddr: [fd, int('type'), address, int('listening', true)],
  sd_is_socket_unix: [fd, int('type', true), int('listening', true), pathOrBytes],
  sd_is_mq: [fd, path],
  sd_notify: [unset, text('state')],
  sd_pid_notify: [pid, unset, text('state')],
  sd_pid_notify_with_fds: [pid, unset, text('state'), fds],
  sd_notify_barrier: [unset, timeout],
  sd_pid_notify_barrier: [pid, unset, timeout],
  sd_pidfd_get_inode_id: [int('pidfd')],
  sd_booted: [],
  sd_watchdog_enabled: [flag('unset_environment', true)],
};

/** Those that write to the journal, which are in the second add-on. */
const OF_SD_JOURNAL: Functions = {
  sd_journal_sendv: [fields],
  sd_journal_print: [int('priority'), text('message')],
  sd_journal_stream_fd: [{ ...path, name: 'identifier' }, int('priority'), flag('level_prefix')],
};

const socket: Argument = {
  ...int('socket'),
  wrong: [{ fd: '3' }, { fd: null }, { _handle: null }],
};

const OF_LIBSYSTEMD: Functions = { inspect: [fd], acceptQueue: [fd], peerCredentials: [socket] };

/** The add-on's functions beside sd_*(). The arguments of sd_*() are checked in the same place. */
const OF_NATIVE: Functions = {
  implementation: [],
  is_own_pidfdid: [text('pidfdid')],
  getsockname: [fd, bytes('buffer')],
  peer_credentials: [fd, bytes('buffer')],
  peer_groups: [fd, bytes('buffer')],
  getsockopt: [fd, int('level'), int('optname')],
  listen: [fd, int('backlog')],
  inet_pton: [int('af'), text('src'), bytes('dst')],
  inet_ntop: [int('af'), bytes('src')],
  datagram_room: [bytes('address')],
  send_text: [bytes('address'), text('state')],
  send_datagram: [bytes('address'), text('state'), fds],
  tcp_accept_queue: [fd],
  unix_accept_queue: [fd],
  inspect_fds: [fd, int('count'), bytes('buffer')],
  file_type: [fd],
  file_size: [fd],
  pread: [fd, bytes('buffer'), offset],
  pwrite: [fd, bytes('buffer'), offset],
  close: [fd],
  release: [fd],
  dup: [fd, int('lowest')],
  memfd_create: [text('name'), int('flags')],
  add_seals: [fd, int('seals')],
  get_seals: [fd],
  pipe: [],
  pid_getfd: [pid, fd],
  pid_getfd_kills: [],
  let_children_copy: [],
  shared: [{ ...path, name: 'text' }],
  share_list: [text('list'), bytes('buffer')],
  remembered: [{ ...path, name: 'text' }],
};

interface Case {
  readonly args: readonly unknown[];
  readonly argument: string;
  readonly value: unknown;
  readonly code: 'ERR_INVALID_ARG_TYPE' | 'ERR_OUT_OF_RANGE' | 'ERR_INVALID_ARG_VALUE';
}

/** Every wrong value of every argument, with good values for the other arguments. */
function casesOf(list: readonly Argument[]): Case[] {
  return list.flatMap(({ name: argument, takes, wrong = [], outOfRange = [], invalid = [] }, i) => {
    const otherTypes = [...ANYTHING].filter(([type]) => !takes.includes(type));
    const make = (code: Case['code']) => (value: unknown) => ({
      args: list.map(({ good }, at) => (at === i ? value : good)),
      argument,
      value,
      code,
    });
    return [
      ...[...otherTypes.map(([, value]) => value), ...wrong].map(make('ERR_INVALID_ARG_TYPE')),
      ...outOfRange.map(make('ERR_OUT_OF_RANGE')),
      ...invalid.map(make('ERR_INVALID_ARG_VALUE')),
    ];
  });
}

function show(value: unknown): string {
  if (Array.isArray(value)) {
    return value.length > 9 ? `array of ${value.length}` : `[${[...value].map(show)}]`;
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([key, field]) => `${key}: ${show(field)}`);
  return `${value.constructor?.name ?? 'no prototype'} {${entries.join(', ')}}`;
}

const CLASSES = {
  ERR_INVALID_ARG_TYPE: TypeError,
  ERR_OUT_OF_RANGE: RangeError,
  ERR_INVALID_ARG_VALUE: TypeError,
};

type Callable = (...args: readonly unknown[]) => unknown;

describe.each([
  ['libsystemd/sd', sd as unknown as Record<string, Callable>, { ...OF_SD, ...OF_SD_JOURNAL }],
  ['libsystemd', libsystemd as unknown as Record<string, Callable>, OF_LIBSYSTEMD],
  ['the add-on', native() as unknown as Record<string, Callable>, OF_NATIVE],
])('%s', (_, module, functions) => {
  for (const [name, list] of Object.entries(functions)) {
    const cases = casesOf(list).map(
      (one) => [`${name}: ${one.argument} = ${show(one.value)}: ${one.code}`, one] as const,
    );
    test.for(cases)('%s', ([, { args, argument, code }]) => {
      let thrown: unknown;
      try {
        module[name]!(...args);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(CLASSES[code]);
      expect(thrown).toMatchObject({ code });
      expect((thrown as Error).message).toMatch(new RegExp(`"${argument}[".]`));
    });
  }

  const required = Object.entries(functions).filter(([, list]) => {
    return list.some((argument) => !argument.takes.includes('undefined'));
  });
  test.for(required)('%s without arguments throws ERR_INVALID_ARG_TYPE', ([name]) => {
    const code = 'ERR_INVALID_ARG_TYPE';
    expect(() => module[name]!()).toThrow(expect.objectContaining({ code }));
  });
});

test('the message for a huge bigint does not write out its digits, which would take seconds', () => {
  const large = 1n << (1n << 26n);
  const ofAddOn = / Received a bigint of up to 67108928 bits$/;
  expect(() => sd.sd_notify_barrier(false, large)).toThrow(ofAddOn);
  const ofOthers = / Received a bigint of more than 512 bits$/;
  expect(() => libsystemd.notify.send({ mainPidFdId: large })).toThrow(ofOthers);
  expect(() => libsystemd.notify.send({ mainPidFdId: -large })).toThrow(ofOthers);
});

test.each([
  ['x'.repeat(40), `'${'x'.repeat(40)}'`],
  ['x'.repeat(41), `'${'x'.repeat(40)}'...`],
  ['€'.repeat(13), `'${'€'.repeat(13)}'`],
  ['€'.repeat(20), `'${'€'.repeat(13)}'...`],
])('the message for the text %s has dots where the text was cut', (text, written) => {
  expect(() => native().file_type(text as never)).toThrow(`Received type string (${written})`);
});

test.each([
  ['control characters', '\x1b]0;x\x07\n\x7f', '?]0;x???'],
  ['control characters of C1', 'a\u009b31m\u0080\u009f', 'a??31m????'],
  ['characters that change the direction', '\u202eabc\u2066\u200f', '???abc??????'],
  ['invisible characters', '\u00ad\u200b\u2060\u2028', '???????????'],
  ['printable characters', '\u00a0é\u2010\u2030€日🚀', '\u00a0é\u2010\u2030€日🚀'],
])('%s in a wrong text: the message has only printable characters', (_what, text, written) => {
  expect(() => native().file_type(text as never)).toThrow(`Received type string ('${written}')`);
});

/** Lengths around 256 bytes, where the add-on begins to allocate memory for a text. */
const edges = [248, 249, 250, 251, 252, 253, 254, 255, 256, 257, 258];
const endings = ['x', 'é', '€', '😀', '\ud800'];

test.each(edges.flatMap((length) => endings.map((ending) => ({ length, ending }))))(
  'a text of $length bytes that ends in $ending reaches C complete',
  ({ length, ending }) => {
    const text = 'x'.repeat(length - Buffer.byteLength(ending)) + ending;
    const [, stored] = native().remembered(text);
    expect(stored).toBe(text.toWellFormed());
  },
);

test('the lists of this file have every function of libsystemd/sd and of the add-on', () => {
  const functions = (module: object) =>
    Object.entries(module)
      .filter(([, value]) => typeof value === 'function')
      .map(([name]) => name)
      .sort();
  const ofSd = [...Object.keys(OF_SD), ...Object.keys(OF_SD_JOURNAL), 'SystemdError'];
  expect(ofSd.sort()).toStrictEqual(functions(sd));
  const ofNative = [...Object.keys(OF_SD), ...Object.keys(OF_NATIVE)];
  expect(ofNative.sort()).toStrictEqual(functions(native()));
});
