// What the functions of libsystemd/journal refuse. Nothing of it depends on a journal.
import { describe, expect, test } from 'vitest';
import {
  createJournal,
  type JournalEntry,
  type JournalOptions,
  journal,
} from '../../lib/journal.ts';

const TYPE = 'ERR_INVALID_ARG_TYPE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const RANGE = 'ERR_OUT_OF_RANGE';

const message = 'm';

const detached = new Uint8Array(1);
structuredClone(detached.buffer, { transfer: [detached.buffer] });

const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`F${i}`, i]));

describe('send() refuses', () => {
  test.each([
    ['no entry', undefined, TYPE, /"entry"/],
    ['a text', 'x', TYPE, /"entry"/],
    [
      'an entry without a message',
      {},
      TYPE,
      /"entry.message" .* unless .* error. Received undefined/,
    ],
    ['an error that is no entry', new Error('x'), TYPE, /"entry" .* \{ error \}.* of Error/],
    ['a message of another type', { message: 1 }, TYPE, /"entry.message"/],
    ['an unknown property', { message, level: 1 }, VALUE, /entry.level.*message, priority/],
    ['a misspelled one', { message, feilds: {} }, VALUE, /"fields", perhaps/],
    ['a priority that is none', { message, priority: 'error' }, VALUE, /"entry.priority".*emerg/],
    ['an identifier of another type', { message, identifier: 1 }, TYPE, /"entry.identifier"/],
    ['an id of a message that is none', { message, messageId: 'abc' }, VALUE, /systemd-id128 new/],
    ['fields that are none', { message, fields: 1 }, TYPE, /"fields"/],
    ['fields in a Map', { message, fields: new Map([['A', 1]]) }, TYPE, /plain object.* of Map/],
    ['a name that journald drops', { message, fields: { requestId: 1 } }, VALUE, /fieldName\(\)/],
    ['a trusted field', { message, fields: { _PID: 1 } }, VALUE, /begins with a letter/],
    [
      'a field that is a property',
      { message, fields: { PRIORITY: 0 } },
      VALUE,
      /property "priority"/,
    ],
    ['an object', { message, fields: { A: {} } }, TYPE, /"fields.A".*JSON.stringify/],
    ['a date', { message, fields: { A: new Date() } }, TYPE, /"fields.A".*instance of Date/],
    ['a symbol', { message, fields: { A: Symbol('x') } }, TYPE, /"fields.A"/],
    ['an array in an array', { message, fields: { A: [[1]] } }, TYPE, /"fields.A"/],
    ['another typed array', { message, fields: { A: new Uint16Array(1) } }, TYPE, /Uint8Array/],
    ['memory that was transferred', { message, fields: { A: detached } }, VALUE, /transferred/],
    ['too many fields', { message, fields: many(1_022) }, RANGE, /at most 1024, .* \(1025\)/],
    ['too many values', { message, fields: { A: Array(1_025).fill(1) } }, RANGE, /at most 1024/],
  ])('%s', (_what, entry, code, text) => {
    expect(() => journal.send(entry as JournalEntry)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(text) }),
    );
  });

  test('an entry that has too many fields with those of its journal', () => {
    const { send } = createJournal({ fields: many(1_000) });
    const facts = { code: RANGE, message: expect.stringMatching(/at most 1024, .* \(1025\)/) };
    expect(() => send({ message, fields: many(22) })).toThrow(expect.objectContaining(facts));
  });

  test.each([
    ['properties that are undefined', { message, priority: undefined, other: undefined }],
    ['an error without a message', { error: new Error('x') }],
    ['1,024 fields in all', { message, fields: many(1_021) }],
    ['shared memory', { message, fields: { A: new Uint8Array(new SharedArrayBuffer(2)) } }],
    ['no value', { message, fields: { A: [], B: null, C: undefined } }],
  ])('not %s', (_what, entry) => {
    expect(() => journal.send(entry as JournalEntry)).not.toThrow();
  });

  test('not what somebody has put on Object.prototype', () => {
    const prototype = Object.prototype as unknown as Record<string, unknown>;
    Object.assign(prototype, { priority: 'nonsense', messageId: 'nonsense', maxWaiting: 'x' });
    try {
      expect(() => createJournal().send({ message })).not.toThrow();
    } finally {
      for (const name of ['priority', 'messageId', 'maxWaiting']) delete prototype[name];
    }
  });
});

describe('createJournal() refuses', () => {
  test.each([
    ['an unknown option', { level: 1 }, VALUE, /createJournal\(\)/],
    ['an identifier of another type', { identifier: 1 }, TYPE, /"options.identifier"/],
    ['a wrong location', { location: 'yes' }, TYPE, /"options.location"/],
    ['a wrong answer to a full queue', { full: 'block' }, VALUE, /'wait' or 'drop'/],
    ['a fraction', { maxWaiting: 1.5 }, RANGE, /"options.maxWaiting"/],
    ['a name that journald drops', { fields: { a: 1 } }, VALUE, /fieldName\(\)/],
    ['fields that leave none to an entry', { fields: many(1_001) }, RANGE, /at most 1000 .*1024/],
  ])('%s', (_what, options, code, text) => {
    expect(() => createJournal(options as JournalOptions)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(text) }),
    );
  });
});

test.each([
  [{ timeout: -1 }, RANGE],
  [{ timeout: '1' }, TYPE],
  [{ time: 1 }, VALUE],
])('flush() refuses %j', async (options, code) => {
  await expect(journal.flush(options as never)).rejects.toMatchObject({ code });
});

test.each([0, 3, '1', undefined])('isStream() refuses %j', (fd) => {
  expect(() => journal.isStream(fd as never)).toThrow(expect.objectContaining({ code: VALUE }));
});

test('the functions may be taken out of the object', () => {
  const { send, flush, isStream } = createJournal();
  expect(() => [send({ message }), flush(), isStream(1)]).not.toThrow();
});
