import type { Socket } from 'node:net';
import { test as nodeTest } from 'node:test';
import {
  type Exit,
  type Instance,
  type Message,
  type Problem,
  type ProblemCode,
  start,
  type Unit,
  type UnitAddress,
  type UnitError,
  type UnitOptions,
  unavailable,
} from 'libsystemd/testing';
import { describe, expectTypeOf, test } from 'vitest';

declare const unit: Unit;

describe('start()', () => {
  test('takes a command or a unit file, and returns a unit', () => {
    expectTypeOf(start(['node', 'server.js'] as const)).toEqualTypeOf<Promise<Unit>>();
    expectTypeOf(start('units/app.service', { command: ['node'] })).resolves.toEqualTypeOf<Unit>();
    expectTypeOf(start(new URL('file:///app.service'))).resolves.toEqualTypeOf<Unit>();
    // @ts-expect-error: a command is a list of words
    start(4);
  });

  test('knows the names of the sockets of a command', async () => {
    const named = await start(['node'], { sockets: { http: 'tcp', both: ['tcp', 'unix'] } });
    expectTypeOf(named).toEqualTypeOf<Unit<'http' | 'both'>>();
    expectTypeOf(named.addresses.http).toEqualTypeOf<UnitAddress>();
    named.url('both', '/path');
    named.until(({ addresses }) => addresses.http.port !== undefined);
    // @ts-expect-error: no such socket
    named.url('https');
    // @ts-expect-error: no such socket
    named.connect('https');
    expectTypeOf(named).toExtend<Unit>();
    // The files have sockets of other names.
    const fromFile = start('app.service', { sockets: { http: 'tcp' } });
    expectTypeOf(fromFile).resolves.toEqualTypeOf<Unit>();
    const options: UnitOptions = {};
    expectTypeOf(start(['node'], options)).resolves.toEqualTypeOf<Unit>();
  });

  test('takes the context of node:test and of vitest', () => {
    nodeTest('', (t) => void start(['node'], { test: t }));
    test('', (context) => void start(['node'], { test: context }));
    // @ts-expect-error: no context
    start(['node'], { test: 'name' });
  });

  test('knows its options', () => {
    expectTypeOf<UnitOptions>().toExtend<{ readonly startTimeout?: number | undefined }>();
    expectTypeOf({
      sockets: { http: 'tcp', both: ['tcp', 'unix:/run/x'] },
    } as const).toExtend<UnitOptions>();
    // @ts-expect-error: it is called `sockets`
    start(['node'], { socket: {} });
    // @ts-expect-error: no type that can be run
    start(['node'], { type: 'forking' });
  });
});

describe('a unit', () => {
  test('has states, addresses and messages', () => {
    expectTypeOf(unit.state).toExtend<string>();
    expectTypeOf<'listening'>().toExtend<typeof unit.state>();
    expectTypeOf(unit.addresses).toEqualTypeOf<Readonly<Record<string, UnitAddress>>>();
    expectTypeOf(unit.messages).toEqualTypeOf<readonly Message[]>();
    expectTypeOf(unit.instances).toEqualTypeOf<readonly Instance[]>();
    expectTypeOf(unit.problems).toEqualTypeOf<readonly Problem[]>();
    expectTypeOf(unit.problems[0]?.code).toEqualTypeOf<ProblemCode | undefined>();
    // @ts-expect-error: it is read only
    unit.state = 'active';
  });

  test('is asked for what it does', () => {
    expectTypeOf(unit.stop()).resolves.toEqualTypeOf<Exit>();
    expectTypeOf(unit.connect('http')).resolves.toEqualTypeOf<Socket>();
    expectTypeOf(unit.url('http')).toEqualTypeOf<string>();
    unit.until({ state: 'active', status: /up/ });
    unit.until(({ messages }) => messages.length > 1, { timeout: 100 });
    // @ts-expect-error: no such state
    unit.until({ state: 'up' });
    expectTypeOf(unit).toExtend<AsyncDisposable>();
  });

  test('fails by a UnitError', () => {
    expectTypeOf<UnitError['code']>().toEqualTypeOf<'ERR_SYSTEMD_UNIT' | 'ERR_SYSTEMD_PROBLEMS'>();
    expectTypeOf(unavailable()).toEqualTypeOf<string | undefined>();
  });
});
