// Options objects: which options are read, and how unknown ones are refused.

import { createServer } from 'node:net';
import { fdStore, listen, notify, serve, watchdog } from 'libsystemd';
import { afterEach, describe, expect, test } from 'vitest';
import { type OptionNames, propertyOf, takeOptions } from '../../lib/base/options.ts';

interface Options {
  readonly idleTimeout?: number;
  readonly reload?: string;
}

const NAMES: OptionNames<Options> = { idleTimeout: true, reload: true };

const take = (options: unknown) => takeOptions(options as Options, NAMES, 'of()');

const polluted = Object.prototype as Record<string, unknown>;
const pollution: string[] = [];

/** Puts a property on Object.prototype, and so on all objects, until the test has ended. */
function pollute(name: string, value: unknown): void {
  polluted[name] = value;
  pollution.push(name);
}

afterEach(() => {
  for (const name of pollution.splice(0)) delete polluted[name];
});

describe('takeOptions', () => {
  test('returns a copy with the values of this moment', () => {
    const options = { idleTimeout: 5 };
    const taken = take(options);
    options.idleTimeout = 6;
    expect({ ...taken }).toStrictEqual({ idleTimeout: 5 });
  });

  test('reads the fields and getters of a class', () => {
    class Some {
      reload = 'roll';
      get idleTimeout() {
        return 7;
      }
    }
    expect({ ...take(new Some()) }).toStrictEqual({ idleTimeout: 7, reload: 'roll' });
  });

  test('ignores properties of Object.prototype, and the copy does not show them either', () => {
    pollute('idleTimeout', 1);
    pollute('reload', 'roll');
    const { idleTimeout, reload = 'default' } = take({});
    expect([idleTimeout, reload]).toStrictEqual([undefined, 'default']);
  });

  test('ignores an option that is undefined, under any name, and symbols', () => {
    const taken = take({ idleTimeout: undefined, other: undefined, [Symbol('other')]: 1 });
    expect({ ...taken }).toStrictEqual({});
  });

  test.each([
    ['idleTimout', '"idleTimeout", perhaps'],
    ['idletimeout', '"idleTimeout", perhaps'],
    ['relaod', '"reload", perhaps'],
    ['somethingElse', 'idleTimeout, reload'],
    ['x'.repeat(100_000), 'idleTimeout, reload'],
    ['constructor', 'idleTimeout, reload'],
    ['\x1b[31m', 'idleTimeout, reload'],
  ])('refuses the option %s, and the message has %s', (name, meant) => {
    expect(() => take({ [name]: 1 })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARG_VALUE',
        message: expect.stringMatching(
          new RegExp(
            `^The argument "options\\.[ -~]{1,50}" must be an option of of\\(\\): ${meant}\\.`,
          ),
        ),
      }),
    );
  });

  test.each([[undefined], [null], [1], ['text'], [() => 1]])(
    'refuses %s instead of an object',
    (value) => {
      expect(() => take(value)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    },
  );
});

test('propertyOf finds properties of an object and of its class, and none of Object.prototype', () => {
  pollute('fd', 3);
  class Handle {
    get fd() {
      return 9;
    }
  }
  expect(propertyOf({ fd: 1 }, 'fd')).toBe(1);
  expect(propertyOf(Object.assign(Object.create(null), { fd: 2 }), 'fd')).toBe(2);
  expect(propertyOf(new Handle(), 'fd')).toBe(9);
  expect(propertyOf({}, 'fd')).toBeUndefined();
  expect(propertyOf([], 'toString')).not.toBe(Object.prototype.toString);
});

describe('each function with options refuses an unknown one, and names the nearest', () => {
  const untyped = (value: unknown) => value as never;
  const server = createServer();

  test.each<[call: string, run: () => unknown, name: string, meant: string]>([
    [
      'serve()',
      () => serve(server, untyped({ idleTimout: 5 })),
      'options.idleTimout',
      'idleTimeout',
    ],
    [
      'serve() of workers',
      () => serve(server, untyped({ workers: { count: 1, heartbeet: 1 } })),
      'options.workers.heartbeet',
      'heartbeat',
    ],
    [
      'serve() of its watchdog',
      () => serve(server, untyped({ watchdog: { chek: () => true } })),
      'options.watchdog.chek',
      'check',
    ],
    [
      'serve() of a list',
      () => serve(untyped([{ server, falback: 0 }])),
      'servers[0].falback',
      'fallback',
    ],
    ['listen()', () => listen(server, untyped({ fallbak: 0 })), 'options.fallbak', 'fallback'],
    [
      'watchdog.start()',
      () => watchdog.start(untyped({ intervall: 5 })),
      'options.intervall',
      'interval',
    ],
    ['notify.send()', () => notify.send('A=1', untyped({ Fds: [] })), 'options.Fds', 'fds'],
    ['notify.barrier()', () => notify.barrier(untyped({ timout: 5 })), 'options.timout', 'timeout'],
    ['fdStore.add()', () => fdStore.add('x', 0, untyped({ pol: true })), 'options.pol', 'poll'],
  ])('%s', async (_call, run, name, meant) => {
    const error = await (async () => run())().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining(`"${name}" must be`),
    });
    expect((error as Error).message).toContain(`"${meant}", perhaps`);
  });
});
