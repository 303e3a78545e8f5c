// How a message to the notification socket falls into lines.
import { expect, test } from 'vitest';
import { decodeValue, splitMessage } from '../../lib/manager/message.ts';

/** A message of a process that is not known further. */
const message = (text: string, facts = {}) => ({
  bytes: Buffer.from(text, 'latin1'),
  pid: 4711,
  uid: 0,
  gid: 0,
  fds: [],
  at: 0n,
  ...facts,
});

test.each<[effect: string, text: string, lines: readonly string[]]>([
  ['line feeds separate', 'READY=1\nSTATUS=Up', ['READY=1', 'STATUS=Up']],
  ['carriage returns separate too', 'A=1\r\nB=2\rC=3', ['A=1', 'B=2', 'C=3']],
  [
    'a run of separators counts once, and none makes an empty line',
    '\n\nA=1\n\r\nB=2\n',
    ['A=1', 'B=2'],
  ],
  ['blanks stay', ' READY=1 \n\tA= b ', [' READY=1 ', '\tA= b ']],
  ['quotes mean nothing', `A="x y"\nB='z`, ['A="x y"', `B='z`]],
  ['a backslash goes', String.raw`A=C:\new\\x`, [String.raw`A=C:new\x`]],
  [
    'a backslash before a line break keeps the break',
    'STATUS=a\\\nSTOPPING=1',
    ['STATUS=a\nSTOPPING=1'],
  ],
  ['one null byte at the end goes', 'READY=1\0', ['READY=1']],
  ['an empty message has no lines', '', []],
  ['separators alone have no lines', '\r\n', []],
  ['an escaped backslash may end the message', 'A=x\\\\', ['A=x\\']],
])('%s', (_effect, text, lines) => {
  expect(splitMessage(message(text))).toEqual(lines);
});

test.each<[what: string, text: string, facts: object, why: string]>([
  ['a null byte in its middle', 'A=1\0B=2', {}, 'null byte'],
  ['two null bytes at its end', 'A=1\0\0', {}, 'null byte'],
  ['a backslash at its end', 'A=x\\', {}, 'backslash'],
  ['an odd number of backslashes at its end', 'A=x\\\\\\', {}, 'backslash'],
  ['4097 bytes', 'x'.repeat(4097), {}, '4096 bytes'],
  ['more bytes than its buffer', 'A=1', { lost: 'bytes' }, '4096 bytes'],
  ['descriptors that did not all come', 'A=1', { lost: 'descriptors' }, 'descriptors'],
  ['no credentials', 'A=1', { pid: 0 }, 'credentials'],
])('a message with %s is dropped whole', (_what, text, facts, why) => {
  expect(splitMessage(message(text, facts))).toEqual({ why: expect.stringContaining(why) });
});

test('a message of 4096 bytes is whole', () => {
  expect(splitMessage(message('x'.repeat(4096)))).toHaveLength(1);
});

test.each<[what: string, bytes: string, text: string | undefined]>([
  ['UTF-8', '\xc3\xbc', 'ü'],
  ['control characters', 'a\x1b\tb', 'a\x1b\tb'],
  ['a byte order mark', '\xef\xbb\xbfx', '\ufeffx'],
  ['a byte that is no UTF-8', 'a\xff', undefined],
  ['half a character', 'a\xc3', undefined],
  ['a surrogate', '\xed\xa0\x80', undefined],
  ['a noncharacter', '\xef\xb7\x90', undefined],
])('a value with %s is %s', (_what, bytes, text) => {
  expect(decodeValue(bytes)).toBe(text);
});
