// Types of libsystemd/journal.
import type { Writable } from 'node:stream';
import {
  createJournal,
  type JournalEntry,
  type JournalReader,
  type JournalRecord,
  journal,
  journalConsole,
  levelPrefix,
  type ReadJournalOptions,
  type RecordValue,
  readJournal,
} from 'libsystemd/journal';
import transport, { journalDestination } from 'libsystemd/pino';
import { JournalTransport } from 'libsystemd/winston';
import { pino } from 'pino';
import { describe, expectTypeOf, test } from 'vitest';
import winston from 'winston';

describe('libsystemd/journal', () => {
  test('send() returns a boolean, and takes only what an entry has', () => {
    expectTypeOf(
      journal.send({ message: 'x', priority: 'err', error: null }),
    ).toEqualTypeOf<boolean>();
    expectTypeOf(journal.send).parameter(0).toEqualTypeOf<JournalEntry>();
    // @ts-expect-error: no such priority
    journal.send({ message: 'x', priority: 'error' });
    // @ts-expect-error: no such property
    journal.send({ message: 'x', level: 1 });
    // @ts-expect-error: an object is no value of a field
    journal.send({ message: 'x', fields: { A: {} } });
  });

  test('a value of a field may be a list of values, and not of lists', () => {
    journal.send({ message: 'x', fields: { A: ['a', 1, 2n, true, new Uint8Array(1), undefined] } });
    // @ts-expect-error: a list of lists
    journal.send({ message: 'x', fields: { A: [['a']] } });
  });

  test('flush() says whether all is sent', () => {
    expectTypeOf(
      createJournal({ full: 'drop' }).flush({ timeout: 1 }),
    ).resolves.toEqualTypeOf<boolean>();
    // @ts-expect-error: no such answer to a full queue
    createJournal({ full: 'block' });
  });

  test('isStream() is asked for standard output or standard error', () => {
    expectTypeOf(journal.isStream(1)).toEqualTypeOf<boolean>();
    // @ts-expect-error: standard input
    journal.isStream(0);
  });

  test('levelPrefix() returns a text', () => {
    expectTypeOf(levelPrefix(3, 'x')).toEqualTypeOf<string>();
    // @ts-expect-error: no such priority
    levelPrefix(8, 'x');
  });
});

describe('readJournal()', () => {
  test('is an async iterable of records, and disposable', () => {
    expectTypeOf(readJournal).returns.toEqualTypeOf<JournalReader>();
    expectTypeOf<JournalReader>().toExtend<AsyncIterableIterator<JournalRecord>>();
    expectTypeOf<JournalReader>().toExtend<AsyncDisposable>();
    expectTypeOf<JournalRecord['fields']>().toEqualTypeOf<
      ReadonlyMap<string, RecordValue | readonly RecordValue[]>
    >();
    readJournal({ unit: ['a', 'b'], match: { A: '1', B: ['2', '3'] }, priority: 'err' });
    readJournal({
      since: new Date(),
      fields: ['MESSAGE'],
      follow: true,
    } satisfies ReadJournalOptions);
    // @ts-expect-error: a time is a Date
    readJournal({ since: '-1h' });
    // @ts-expect-error: no such option
    readJournal({ lines: 3 });
  });
});

describe('libsystemd/pino and libsystemd/winston', () => {
  test('pino takes the destination, and winston the transport', () => {
    expectTypeOf(pino(journalDestination({ levels: { 35: 'notice' } }))).toExtend<pino.Logger>();
    winston.createLogger({ transports: [new JournalTransport({ levels: { audit: 5 } })] });
    // @ts-expect-error: no such priority
    journalDestination({ levels: { 35: 'loud' } });
    // @ts-expect-error: no such option
    new JournalTransport({ colors: true });
  });

  test('the transport of pino is a stream', () => {
    expectTypeOf(transport({ prefix: 'X_' })).toEqualTypeOf<Writable>();
  });

  test('the console can be had back', () => {
    expectTypeOf(journalConsole({ mode: 'prefix' }).restore).returns.toEqualTypeOf<void>();
    // @ts-expect-error: no such mode
    journalConsole({ mode: 'always' });
  });
});
