// Errors and warnings: SystemdError, the errors of wrong arguments, and the text of any thrown value.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { format, getSystemErrorMap } from 'node:util';
import { SystemdError as Exported, inspect } from 'libsystemd';
import { SystemdError as ExportedBySd, sd_is_fifo } from 'libsystemd/sd';
import { describe, expect, test } from 'vitest';
import { ENODATA, ETIMEDOUT } from '../../lib/base/errno.ts';
import { resultOrThrow, SystemdError, systemError } from '../../lib/base/errors.ts';
import {
  invalidType,
  invalidValue,
  outOfRange,
  validateInteger,
  validateMilliseconds,
  validateOptionalString,
  validateOptions,
} from '../../lib/base/validate.ts';
import { messageOf, warn } from '../../lib/base/warn.ts';

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** The own properties of an error. */
const facts = (error: Error) => ({ ...error, message: error.message });

describe('systemError', () => {
  const name = 'SystemdError';
  const rows: readonly (readonly [Parameters<typeof systemError>, object])[] = [
    [
      [-9, 'sd_is_fifo', { fd: 7 }],
      {
        name,
        code: 'EBADF',
        message: 'EBADF: bad file descriptor, sd_is_fifo, fd 7',
        errno: -9,
        syscall: 'sd_is_fifo',
        fd: 7,
      },
    ],
    [
      [-2, 'sd_is_mq', { fd: 0, path: '/q' }],
      {
        name,
        code: 'ENOENT',
        message: "ENOENT: no such file or directory, sd_is_mq, fd 0, '/q'",
        errno: -2,
        syscall: 'sd_is_mq',
        fd: 0,
        path: '/q',
      },
    ],
    [
      [-22, 'sd_notify'],
      {
        name,
        code: 'EINVAL',
        message: 'EINVAL: invalid argument, sd_notify',
        errno: -22,
        syscall: 'sd_notify',
      },
    ],
    [
      [-22, 'sd_listen_fds', {}, "with LISTEN_FDS='x'"],
      {
        name,
        code: 'EINVAL',
        message: "EINVAL: invalid argument, sd_listen_fds, with LISTEN_FDS='x'",
        errno: -22,
        syscall: 'sd_listen_fds',
      },
    ],
    [
      [-4000, 'call'],
      {
        name,
        code: 'E4000',
        message: 'E4000: unknown error 4000, call',
        errno: -4000,
        syscall: 'call',
      },
    ],
  ];
  test.for(rows)('makes the error for %j', ([args, expected]) => {
    const error = systemError(...args);
    expect(facts(error)).toStrictEqual(expected);
    expect(error).toBeInstanceOf(SystemdError);
    expect(error).toBeInstanceOf(Error);
  });

  // The errnos that libsystemd returns, by their names in errno(3).
  test.for([
    ...['EPERM', 'ENOENT', 'EINTR', 'EIO', 'ENXIO', 'E2BIG', 'EBADF', 'EAGAIN', 'ENOMEM', 'EACCES'],
    ...['EFAULT', 'EBUSY', 'EEXIST', 'ENODEV', 'ENOTDIR', 'EISDIR', 'EINVAL', 'ENFILE', 'EMFILE'],
    ...['ENOTTY', 'ENOSPC', 'EROFS', 'EPIPE', 'ERANGE', 'ENAMETOOLONG', 'ENOSYS', 'ELOOP'],
    ...['ENOMSG', 'ENODATA', 'ETIME', 'EPROTO', 'EBADMSG', 'EOVERFLOW', 'ENOTSOCK', 'EMSGSIZE'],
    ...['EPROTOTYPE', 'ENOPROTOOPT', 'EPROTONOSUPPORT', 'EOPNOTSUPP', 'EAFNOSUPPORT'],
    ...['EADDRINUSE', 'EADDRNOTAVAIL', 'ENETDOWN', 'ECONNRESET', 'ENOBUFS', 'ENOTCONN'],
    ...['ETIMEDOUT', 'ECONNREFUSED', 'EHOSTUNREACH', 'EALREADY', 'ESTALE', 'ECANCELED'],
  ] as const)('has a name and a description for %s', (code) => {
    const errno = constants.errno[code as keyof typeof constants.errno];
    const error = systemError(-errno, 'call');
    // libuv uses the other name of the same number.
    expect(error.code).toBe(code === 'EOPNOTSUPP' ? 'ENOTSUP' : code);
    expect(error.message).toMatch(new RegExp(`^${error.code}: .{6,}, call$`));
    expect(error.message).not.toMatch(/unknown/);
  });

  test.for([
    [-42, 'ENOMSG'],
    [-62, 'ETIME'],
    [-74, 'EBADMSG'],
    [-76, 'ENOTUNIQ'],
    [-77, 'EBADFD'],
    [-94, 'ESOCKTNOSUPPORT'],
    [-96, 'EPFNOSUPPORT'],
    [-109, 'ETOOMANYREFS'],
    [-116, 'ESTALE'],
    [-117, 'EUCLEAN'],
  ] as const)('has for %i the name %s, in every version of Node', ([errno, code]) => {
    expect(systemError(errno, 'call')).toMatchObject({ code, errno });
  });

  test("has Node's name and description for every errno that Node knows", () => {
    for (const [errno, [code, description]] of getSystemErrorMap()) {
      expect(systemError(errno, 'call')).toMatchObject({
        code,
        message: `${code}: ${description}, call`,
      });
    }
  });
});

test('a system error has the same fields as an error of node:fs', () => {
  const thrownBy = (call: () => void) => {
    try {
      call();
    } catch (error) {
      return error as Error;
    }
    throw new Error('nothing was thrown');
  };
  const ours = systemError(-2, 'open', { path: '/nonexistent' });
  const { name: _, ...fields } = { ...ours } as Record<string, unknown>;
  expect(fields).toStrictEqual({ ...thrownBy(() => readFileSync('/nonexistent')) });
  expect(Object.keys(thrownBy(() => sd_is_fifo(-1)))).not.toContain('path');
});

describe('SystemdError', () => {
  test('has a code and the given facts, and no others', () => {
    const error = new SystemdError('ERR_SYSTEMD_FD_KIND', 'message', { fd: 0 });
    expect(facts(error)).toStrictEqual({
      name: 'SystemdError',
      code: 'ERR_SYSTEMD_FD_KIND',
      message: 'message',
      fd: 0,
    });
    expect('errno' in error || 'syscall' in error || 'path' in error).toBe(false);
    expect(String(error)).toBe('SystemdError: message');
  });

  test('has the given cause', () => {
    const cause = new Error('cause');
    expect(new SystemdError('ERR_SYSTEMD_ADDON', 'message', {}, { cause }).cause).toBe(cause);
  });

  test.each([
    ['a proxy that was revoked', revoked()],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          getOwnPropertyDescriptor() {
            throw new Error('no');
          },
        },
      ),
    ],
  ])('instanceof is false for %s, and does not throw', (_, value) => {
    expect(value instanceof SystemdError).toBe(false);
  });

  test('instanceof a class that extends SystemdError is true only for instances of that class', () => {
    class Mine extends SystemdError {}
    class Yours extends Mine {}
    const mine = new Mine('ERR_MINE', 'message');
    expect(mine).toBeInstanceOf(Mine);
    expect(mine).toBeInstanceOf(SystemdError);
    expect(mine).toBeInstanceOf(Exported);
    expect(new Yours('ERR_YOURS', 'message')).toBeInstanceOf(Mine);
    expect(mine).not.toBeInstanceOf(Yours);
    for (const other of [systemError(-9, 'call'), new Error('no'), {}, null, 1]) {
      expect(other instanceof Mine).toBe(false);
    }
    expect(new Exported('ERR_SYSTEMD_FD_KIND', 'message')).not.toBeInstanceOf(Mine);
  });

  test('properties of Object.prototype change neither instanceof nor the facts of an error', () => {
    const polluted = Object.prototype as unknown as Record<string | symbol, unknown>;
    const names = [Symbol.for('libsystemd.SystemdError'), 'fd', 'path', 'errno', 'get'];
    for (const name of names) polluted[name] = 7;
    const found = (() => {
      try {
        const made = systemError(-22, 'sd_notify');
        const is = [{}, new Error('no'), made].map((value) => value instanceof SystemdError);
        return { is, message: made.message, keys: Object.keys(made) };
      } finally {
        for (const name of names) delete polluted[name];
      }
    })();
    expect(found).toStrictEqual({
      is: [false, false, true],
      message: 'EINVAL: invalid argument, sd_notify',
      keys: ['name', 'code', 'errno', 'syscall'],
    });
  });

  test('prints without the symbol that instanceof looks for', () => {
    expect(Object.getOwnPropertySymbols({ ...systemError(-9, 'call') })).toStrictEqual([]);
    expect(format('%O', systemError(-9, 'call', { fd: 1 }))).not.toContain('Symbol');
  });

  test('instanceof is true for an error from the other entry', () => {
    expect(() => sd_is_fifo(-1)).toThrow(Exported);
    expect(() => inspect(-1)).toThrow(ExportedBySd);
    expect(new TypeError('no')).not.toBeInstanceOf(Exported);
  });
});

describe('check', () => {
  test('returns a result of 0 or more', () => {
    for (const result of [0, 1, 2 ** 31 - 1]) expect(resultOrThrow(result, 'call')).toBe(result);
  });

  test('throws the error for a negative result', () => {
    expect(() => resultOrThrow(-9, 'call', 3)).toThrow(
      expect.objectContaining({ code: 'EBADF', errno: -9, syscall: 'call', fd: 3 }),
    );
  });
});

describe('messageOf() and warn() accept any thrown value', () => {
  const throwing = () => ({
    toString: () => {
      throw new Error('no text');
    },
  });
  test.each<[what: string, thrown: () => unknown, text: string]>([
    ['an error', () => new Error('a message'), 'a message'],
    ['an error without a message', () => new TypeError(), 'TypeError'],
    ['a text', () => 'text', 'text'],
    ['undefined', () => undefined, 'undefined'],
    ['a symbol', () => Symbol('x'), 'Symbol(x)'],
    ['an object without a prototype', () => Object.create(null), '[Object: null prototype] {}'],
    ['an object whose text throws', throwing, '{ toString: [Function: toString] }'],
    ['a revoked proxy', revoked, '<Revoked Proxy>'],
    [
      'an error whose message is a symbol',
      () => Object.assign(new Error(), { message: Symbol('x') }),
      'a value without a text',
    ],
  ])('%s: returns its text, and the warning has it', async (_what, thrown, text) => {
    expect(messageOf(thrown())).toBe(text);
    const warned = once(process, 'warning') as Promise<[Error]>;
    warn(thrown());
    const [warning] = await warned;
    expect(messageOf(warning)).toBe(text);
  });
});

test('the errno constants are the numbers of this machine', () => {
  expect(ETIMEDOUT).toBe(constants.errno.ETIMEDOUT);
  expect(ENODATA).toBe(constants.errno.ENODATA);
});

describe('the error for a wrong argument says which value came', () => {
  class Something {}
  test.for<readonly [value: unknown, text: string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'type boolean (true)'],
    [-0.5, 'type number (-0.5)'],
    [Number.NaN, 'type number (NaN)'],
    [2n ** 64n, 'type bigint (18446744073709551616)'],
    ['text', "type string ('text')"],
    ['x'.repeat(41), `type string ('${'x'.repeat(40)}...')`],
    [Symbol('a'), 'type symbol (Symbol(a))'],
    [function named() {}, 'function named'],
    [new Something(), 'an instance of Something'],
    [[], 'an instance of Array'],
    [new Map(), 'an instance of Map'],
    [Object.create(null), 'an instance of Object'],
    [{ constructor: { name: Symbol('a') } }, 'an instance of Object'],
    [Object.defineProperty(() => {}, 'name', { value: Symbol('a') }), 'function '],
  ])('%s: %s', ([value, text]) => {
    const error = invalidType('name', 'of type thing', value);
    expect(error).toBeInstanceOf(TypeError);
    expect(facts(error)).toStrictEqual({
      code: 'ERR_INVALID_ARG_TYPE',
      message: `The "name" argument must be of type thing. Received ${text}`,
    });
  });

  const ESCAPES = '\x1b]0;owned\x07\x1b[2K\n\u202e\u009b31m\u2028';
  test.each<[what: string, error: Error]>([
    ['a text', invalidType('name', 'of type thing', ESCAPES)],
    ['the name of a symbol', invalidType('name', 'of type thing', Symbol(ESCAPES))],
    [
      'the name of a class',
      invalidType('name', 'of type thing', { constructor: { name: ESCAPES } }),
    ],
    [
      'the name of a function',
      invalidType(
        'name',
        'of type thing',
        Object.defineProperty(() => {}, 'name', { value: ESCAPES }),
      ),
    ],
    ['a path', systemError(-2, 'open', { path: ESCAPES })],
    ['a detail', systemError(-22, 'call', {}, `with LISTEN_FDS='${ESCAPES}'`)],
  ])('%s has only printable characters in the message', (_what, { message }) => {
    expect(message).toMatch(/^[ -~]+$/);
    expect(message).toContain('\\x1b]0;owned\\x07\\x1b[2K\\x0a\\u{202e}\\x9b31m');
  });

  test('outOfRange() makes a RangeError', () => {
    const error = outOfRange('name', 'an integer', 1.5);
    expect(error).toBeInstanceOf(RangeError);
    expect(facts(error)).toStrictEqual({
      code: 'ERR_OUT_OF_RANGE',
      message:
        'The value of "name" is out of range. It must be an integer. Received type number (1.5)',
    });
  });

  test('invalidValue() makes a TypeError', () => {
    const error = invalidValue('name', 'a name', 'a:b');
    expect(error).toBeInstanceOf(TypeError);
    expect(facts(error)).toStrictEqual({
      code: 'ERR_INVALID_ARG_VALUE',
      message: `The argument "name" must be a name. Received type string ('a:b')`,
    });
  });
});

describe('the validate functions', () => {
  const TYPE = 'ERR_INVALID_ARG_TYPE';
  const RANGE = 'ERR_OUT_OF_RANGE';
  const integer = (value: unknown) => validateInteger('n', value, -2, 5);
  const milliseconds = (value: unknown) => validateMilliseconds('n', value);
  const string = (value: unknown) => validateOptionalString('n', value);
  const anything = [undefined, null, true, 1n, 'text', Symbol('s'), () => 1, {}, []];
  const but = (...accepted: unknown[]) => anything.filter((value) => !accepted.includes(value));

  test.for<readonly [string, (value: unknown) => void, unknown[], string | undefined]>([
    ['an integer in the range is accepted', integer, [-2, 0, -0, 5], undefined],
    ['an integer outside the range is refused', integer, [-3, 6, 2 ** 53], RANGE],
    ['a fraction is refused as an integer', integer, [0.5, Number.NaN, Infinity, -Infinity], RANGE],
    [
      'anything but a number is refused as an integer',
      integer,
      [...anything, '1', Object(1)],
      TYPE,
    ],
    ['milliseconds may be fractions', milliseconds, [0, -0, 0.5, 2 ** 53, Infinity], undefined],
    ['negative milliseconds are refused', milliseconds, [-1, -0.1, -Infinity, Number.NaN], RANGE],
    ['anything but a number is refused as milliseconds', milliseconds, anything, TYPE],
    ['an optional string may be undefined', string, ['', 'text', undefined], undefined],
    [
      'anything else is refused as an optional string',
      string,
      [...but('text', undefined), 1, Object('text')],
      TYPE,
    ],
    ['options may be any object', validateOptions, [{}, [], Object.create(null)], undefined],
    [
      'anything but an object is refused as options',
      validateOptions,
      [undefined, null, true, 1, 'x', () => 1],
      TYPE,
    ],
  ])('%s', ([, validate, values, code]) => {
    for (const value of values) {
      if (code === undefined) expect(() => validate(value)).not.toThrow();
      else expect(() => validate(value)).toThrow(expect.objectContaining({ code }));
    }
  });
});
