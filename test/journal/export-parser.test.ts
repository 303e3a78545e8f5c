// The parser of the export format: any bytes in any pieces, and bytes that are not of the format.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExportParser } from '../../lib/journal/reading/export-parser.ts';
import type { JournalRecord, RecordValue } from '../../lib/journal/reading/record.ts';

const OWN = [
  '__CURSOR=s=1;i=2',
  '__REALTIME_TIMESTAMP=1700000000123456',
  '__MONOTONIC_TIMESTAMP=77',
];
const HEAD = `${OWN.join('\n')}\n`;

type Field = readonly [name: string, value: Uint8Array];

function framed(name: string, value: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from('\n')]);
}

/** journalctl writes a line where the value is printable text. */
const isLine = (value: Uint8Array) =>
  !/[^\x20-\x7e\xa0-\u{10ffff}]/u.test(Buffer.from(value).toString());

function encodeEntry(fields: readonly Field[]): Buffer {
  const parts = fields.map(([name, value]) =>
    isLine(value) && Buffer.from(Buffer.from(value).toString()).equals(value)
      ? Buffer.from(`${name}=${Buffer.from(value)}\n`)
      : framed(name, value),
  );
  return Buffer.concat([Buffer.from(HEAD), ...parts, Buffer.from('\n')]);
}

/** Parses bytes that come in pieces of these lengths; the rest is one piece. */
function parse(bytes: Buffer, lengths: readonly number[] = []) {
  const parser = new ExportParser();
  const records: JournalRecord[] = [];
  let at = 0;
  for (const length of [...lengths, bytes.length]) {
    const chunk = bytes.subarray(at, at + length);
    if (chunk.length > 0) records.push(...parser.push(chunk));
    at += length;
  }
  return { records, isAtStart: parser.isAtStart };
}

/** The bytes of each value, whether it was text or not. */
function bytesOf({ fields }: JournalRecord): Record<string, string[]> {
  const hex = (value: RecordValue) => Buffer.from(value as string).toString('hex');
  const entries = [...fields].map(([name, value]) => [
    name,
    (Array.isArray(value) ? value : [value]).map(hex),
  ]);
  return Object.fromEntries(entries);
}

function expectedOf(fields: readonly Field[]): Record<string, string[]> {
  const expected: Record<string, string[]> = {};
  for (const [name, value] of fields) {
    expected[name] = [...(expected[name] ?? []), Buffer.from(value).toString('hex')];
  }
  return expected;
}

const name = fc.stringMatching(/^_?[A-Z][A-Z0-9_]{0,20}$/);
const value = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 50 }).map((text) => new TextEncoder().encode(text)),
  fc.constantFrom('', '\n', '\n\n', '=', 'A=b\n\n__CURSOR=x\n').map((text) => Buffer.from(text)),
);
const entry = fc.array(fc.tuple(name, value), { maxLength: 8 });
const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 });

test('reads any entries, in whatever pieces they come', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), lengths, (entries, pieces) => {
      const bytes = Buffer.concat(entries.map(encodeEntry));
      const { records, isAtStart } = parse(bytes, pieces);
      expect(records.map(bytesOf)).toEqual(entries.map(expectedOf));
      expect(isAtStart).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test('of a truncated stream, the entries before the end are whole, and the end is noticed', () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 3 }), fc.nat(), (entries, cut) => {
      const encoded = entries.map(encodeEntry);
      const bytes = Buffer.concat(encoded);
      const end = cut % bytes.length;
      const { records, isAtStart } = parse(bytes.subarray(0, end));
      let whole = 0;
      for (let size = 0; size + encoded[whole]!.length <= end; whole++)
        size += encoded[whole]!.length;
      const size = encoded.slice(0, whole).reduce((sum, { length }) => sum + length, 0);
      expect(records.map(bytesOf)).toEqual(entries.slice(0, whole).map(expectedOf));
      expect(isAtStart).toBe(end === size);
    }),
    { numRuns: 1_000 },
  );
});

test('any bytes are entries, or the one error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), lengths, (bytes, pieces) => {
      try {
        parse(Buffer.from(bytes), pieces);
      } catch (error) {
        expect(error).toMatchObject({ name: 'SystemdError', code: 'ERR_SYSTEMD_JOURNALCTL' });
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a record has its cursor and times, and journalctl’s own fields nowhere else', () => {
  const bytes = Buffer.from(`${HEAD}__SEQNUM=3\n__SEQNUM_ID=ab\n_BOOT_ID=cd\nMESSAGE=Grüße\n\n`);
  expect(parse(bytes).records).toEqual([
    {
      cursor: 's=1;i=2',
      time: new Date(1_700_000_000_123),
      realtime: 1_700_000_000_123_456n,
      monotonic: 77n,
      fields: new Map([
        ['_BOOT_ID', 'cd'],
        ['MESSAGE', 'Grüße'],
      ]),
    },
  ]);
});

test('a value is text where it is UTF-8, else bytes; several values are a list', () => {
  const fields: Field[] = [
    ['A', Buffer.from('two\nlines\0')],
    ['B', Buffer.from([0xff, 0xfe])],
    ['C', Buffer.from('one')],
    ['C', Buffer.from([0x80])],
    ['__proto__', Buffer.from('x')],
  ];
  const [record] = parse(encodeEntry(fields)).records;
  expect([...record!.fields]).toEqual([
    ['A', 'two\nlines\0'],
    ['B', new Uint8Array([0xff, 0xfe])],
    ['C', ['one', new Uint8Array([0x80])]],
    ['__proto__', 'x'],
  ]);
});

test('a value of 20 MB in pieces of a pipe is joined once', () => {
  const large = Buffer.alloc(20_000_000, 0xc3);
  const line = Buffer.alloc(20_000_000, 'x');
  for (const one of [large, line]) {
    const bytes = encodeEntry([['MESSAGE', one]]);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, () => 65_536);
    const [record] = parse(bytes, pieces).records;
    expect(Buffer.from(record!.fields.get('MESSAGE') as Uint8Array).equals(one)).toBe(true);
  }
});

describe('refuses', () => {
  const tooLong = Buffer.alloc(8, 0xff);
  test.each([
    ['an entry without a cursor', Buffer.from('MESSAGE=x\n\n'), /without __CURSOR/],
    ['a time that is none', Buffer.from(`${HEAD.replace('77', '7x')}\n`), /__MONOTONIC_TIMESTAMP/],
    [
      'a length of 16 exabytes',
      Buffer.concat([Buffer.from(`${HEAD}A\n`), tooLong]),
      /18446744073709551615/,
    ],
    [
      'a value that goes on behind its length',
      Buffer.concat([Buffer.from(HEAD), framed('A', Buffer.from('abc')).fill('d', 13)]),
      /longer than its length/,
    ],
  ])('%s', (_what, bytes, message) => {
    expect(() => parse(bytes)).toThrow(
      expect.objectContaining({
        code: 'ERR_SYSTEMD_JOURNALCTL',
        message: expect.stringMatching(message),
      }),
    );
  });
});
