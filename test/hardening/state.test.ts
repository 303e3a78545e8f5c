// Any state, as a receiver reads it that splits messages as the service manager does: what was meant,
// and no assignment that was not.
import fc from 'fast-check';
import { fdStore } from 'libsystemd';
import { expect, test } from 'vitest';
import { encodeState, type NotifyState } from '../../lib/notification/state.ts';
import { LIMIT, legible, read, size } from '../support/manager-reads.ts';
import { startReceiver } from '../support/receiver.ts';
import { anyText, nastyText } from '../support/texts.ts';

const numRuns = 10_000;

const text = fc.oneof(nastyText, anyText, fc.string({ unit: 'binary' }));
const longText = fc.tuple(text, fc.nat(6)).map(([part, power]) => part.repeat(4 ** power));

/** A value of a key, and what is to stand behind `=`; undefined when no assignment is to be made. */
type Meant = readonly [value: unknown, text: string | undefined];

function as<T>(values: fc.Arbitrary<T>, print: (value: T) => unknown = String) {
  return values.map((value): Meant => [value, String(print(value))]);
}

const flag = fc.boolean().map((value): Meant => [value, value ? '1' : undefined]);
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,9}(\.[A-Za-z_][A-Za-z0-9_-]{0,9}){1,3}$/);
const milliseconds = as(fc.nat(2 ** 31 - 1), (ms) => ms * 1000);
const line = text.map((some) => some.replace(/[\n\r\0]/g, ''));

const KEYS = {
  ready: ['READY', flag],
  stopping: ['STOPPING', flag],
  restartReset: ['RESTART_RESET', flag],
  errno: ['ERRNO', as(fc.integer({ min: -4095, max: 4095 }), Math.abs)],
  busError: ['BUSERROR', as(name)],
  varlinkError: ['VARLINKERROR', as(name)],
  exitStatus: ['EXIT_STATUS', as(fc.nat(255))],
  mainPid: ['MAINPID', as(fc.integer({ min: 1, max: 2 ** 31 - 1 }))],
  mainPidFdId: ['MAINPIDFDID', as(fc.bigInt(1n, 2n ** 64n - 1n))],
  watchdog: ['WATCHDOG', fc.oneof(flag, fc.constant<Meant>(['trigger', 'trigger']))],
  watchdogTimeout: ['WATCHDOG_USEC', milliseconds],
  extendTimeout: ['EXTEND_TIMEOUT_USEC', milliseconds],
  notifyAccess: ['NOTIFYACCESS', as(fc.constantFrom('none', 'main', 'exec', 'all'))],
  X_A: ['X_A', as(line, (some) => some.toWellFormed())],
  status: ['STATUS', as(text, legible)],
} as const;
const keys = Object.keys(KEYS) as (keyof typeof KEYS)[];

/** Some keys in some order, but for the status, which comes last in a message. */
const someKeys = fc
  .shuffledSubarray(keys)
  .map((some) => some.toSorted((a, b) => Number(a === 'status') - Number(b === 'status')));

/** A state, and the assignments that it is to become. */
const stateAndMeaning = someKeys.chain((some) =>
  fc.tuple(...some.map((key) => KEYS[key][1])).map((values) => ({
    state: Object.fromEntries(some.map((key, i) => [key, values[i]?.[0]])) as NotifyState,
    assignments: some.flatMap((key, i) => {
      const [, behind] = values[i] as Meant;
      return behind === undefined ? [] : [`${KEYS[key][0]}=${behind}`];
    }),
  })),
);

const refusal = expect.objectContaining({
  code: expect.stringMatching(
    /^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE|SYSTEMD_MESSAGE_SIZE)$/,
  ),
});

test('a status is read as one assignment, whole or cut at a character', () => {
  const property = fc.property(fc.oneof(text, longText), (status) => {
    const message = encodeState({ status });
    const whole = `STATUS=${legible(status)}`;
    const [assignment = '', ...more] = read(message) ?? [];
    expect(more).toEqual([]);
    expect(whole.startsWith(assignment)).toBe(true);
    expect(assignment.isWellFormed()).toBe(true);
    // The next character would not have fitted: at most `\\u{e0001}`, with its backslash doubled.
    if (assignment !== whole) expect(size(message)).toBeGreaterThan(LIMIT - 11);
  });
  fc.assert(property, { numRuns });
});

test('a state is read as what was meant', () => {
  const property = fc.property(stateAndMeaning, ({ state, assignments }) => {
    expect(read(encodeState(state))).toEqual(assignments);
  });
  fc.assert(property, { numRuns });
});

test('any values make assignments of their own keys, or are refused', () => {
  const values = fc.dictionary(fc.constantFrom(...keys), fc.oneof(text, fc.anything()));
  const property = fc.property(values, (some) => {
    const own = Object.keys(some).map((key) => KEYS[key as keyof typeof KEYS][0] as string);
    let message: string;
    try {
      message = encodeState(some as NotifyState);
    } catch (error) {
      expect(error).toEqual(refusal);
      return;
    }
    const assignments = read(message);
    expect(assignments).toBeDefined();
    for (const assignment of assignments ?? []) expect(own).toContain(assignment.split('=')[0]);
  });
  fc.assert(property, { numRuns });
});

test('a name in the store is read as it is, or refused', async () => {
  await using receiver = await startReceiver();
  process.env.NOTIFY_SOCKET = receiver.address;
  const ascii = fc.string({
    unit: fc.integer({ min: 32, max: 126 }).map((c) => String.fromCharCode(c)),
  });
  const property = fc.asyncProperty(fc.oneof(text, ascii), async (some) => {
    if (!/^[ -9;-~]{1,255}$/.test(some)) {
      expect(() => fdStore.remove(some)).toThrow(refusal);
      return;
    }
    fdStore.remove(some);
    const { message } = await receiver.next();
    // The manager keeps each backslash twice, because libsystemd reads LISTEN_FDNAMES with escapes.
    const kept = some.replaceAll('\\', '\\\\');
    expect(read(message)).toEqual(['FDSTOREREMOVE=1', `FDNAME=${kept}`]);
  });
  await fc.assert(property, { numRuns: 1000 });
});
