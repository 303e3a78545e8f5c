// Property tests of notifications: the manager reads the assignments that the caller meant, and no others.
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

/** A value of a key, and the expected text behind `=`; undefined if the key makes no assignment. */
type ValueAndText = readonly [value: unknown, text: string | undefined];

function withText<T>(values: fc.Arbitrary<T>, print: (value: T) => unknown = String) {
  return values.map((value): ValueAndText => [value, String(print(value))]);
}

const flag = fc.boolean().map((value): ValueAndText => [value, value ? '1' : undefined]);
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,9}(\.[A-Za-z_][A-Za-z0-9_-]{0,9}){1,3}$/);
const milliseconds = withText(fc.nat(2 ** 31 - 1), (ms) => ms * 1000);
const line = text.map((some) => some.replace(/[\n\r\0]/g, ''));

const KEYS = {
  ready: ['READY', flag],
  stopping: ['STOPPING', flag],
  restartReset: ['RESTART_RESET', flag],
  errno: ['ERRNO', withText(fc.integer({ min: -4095, max: 4095 }), Math.abs)],
  busError: ['BUSERROR', withText(name)],
  varlinkError: ['VARLINKERROR', withText(name)],
  exitStatus: ['EXIT_STATUS', withText(fc.nat(255))],
  mainPid: ['MAINPID', withText(fc.integer({ min: 1, max: 2 ** 31 - 1 }))],
  mainPidFdId: ['MAINPIDFDID', withText(fc.bigInt(1n, 2n ** 64n - 1n))],
  watchdog: ['WATCHDOG', fc.oneof(flag, fc.constant<ValueAndText>(['trigger', 'trigger']))],
  watchdogTimeout: ['WATCHDOG_USEC', milliseconds],
  extendTimeout: ['EXTEND_TIMEOUT_USEC', milliseconds],
  notifyAccess: ['NOTIFYACCESS', withText(fc.constantFrom('none', 'main', 'exec', 'all'))],
  X_A: ['X_A', withText(line, (some) => some.toWellFormed())],
  status: ['STATUS', withText(text, legible)],
} as const;
const keys = Object.keys(KEYS) as (keyof typeof KEYS)[];

/** Some keys in any order, with the status last, as it is in a message. */
const someKeys = fc
  .shuffledSubarray(keys)
  .map((some) => some.toSorted((a, b) => Number(a === 'status') - Number(b === 'status')));

/** Generates a state, and the assignments that its message should have. */
const stateAndMeaning = someKeys.chain((some) =>
  fc.tuple(...some.map((key) => KEYS[key][1])).map((values) => ({
    state: Object.fromEntries(some.map((key, i) => [key, values[i]?.[0]])) as NotifyState,
    assignments: some.flatMap((key, i) => {
      const [, text] = values[i] as ValueAndText;
      return text === undefined ? [] : [`${KEYS[key][0]}=${text}`];
    }),
  })),
);

const refusal = expect.objectContaining({
  code: expect.stringMatching(
    /^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE|SYSTEMD_MESSAGE_SIZE)$/,
  ),
});

test('a status is one assignment, whole or cut between characters', () => {
  const property = fc.property(fc.oneof(text, longText), (status) => {
    const message = encodeState({ status });
    // Each character is sent as at least one byte, so what follows these can't be in the message.
    const whole = `STATUS=${legible(status.slice(0, LIMIT))}`;
    const [assignment = '', ...more] = read(message) ?? [];
    expect(more).toEqual([]);
    expect(whole.startsWith(assignment)).toBe(true);
    expect(assignment.isWellFormed()).toBe(true);
    // Cut only when the next character did not fit: that is at most `\\u{e0001}`, with its backslash doubled.
    if (assignment !== whole) expect(size(message)).toBeGreaterThan(LIMIT - 11);
  });
  fc.assert(property, { numRuns });
});

test('a state is read as its assignments', () => {
  const property = fc.property(stateAndMeaning, ({ state, assignments }) => {
    expect(read(encodeState(state))).toEqual(assignments);
  });
  fc.assert(property, { numRuns });
});

test('any values make assignments of their own keys only, or are refused', () => {
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

test('a name in the fd store is read with doubled backslashes, or refused', async () => {
  await using receiver = await startReceiver();
  process.env.NOTIFY_SOCKET = receiver.address;
  const ascii = fc.string({
    unit: fc.integer({ min: 32, max: 126 }).map((c) => String.fromCharCode(c)),
  });
  const property = fc.asyncProperty(fc.oneof(text, ascii), async (some) => {
    // The manager takes a backslash in a name for the beginning of an escape, so it is doubled, and counts twice.
    const escaped = some.replaceAll('\\', '\\\\');
    if (!/^[ -9;-~]{1,255}$/.test(escaped)) {
      expect(() => fdStore.remove(some)).toThrow(refusal);
      return;
    }
    fdStore.remove(some);
    const { message } = await receiver.next();
    expect(read(message)).toEqual(['FDSTOREREMOVE=1', `FDNAME=${escaped}`]);
  });
  await fc.assert(property, { numRuns: 1000 });
});
