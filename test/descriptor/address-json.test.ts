// JSON of addresses: bytes survive, and no other value is taken for bytes.
import { expect, test } from 'vitest';
import { fromJson, toJson } from '../../lib/descriptor/address-json.ts';

test('a field `bytes` comes back as a Uint8Array, at any depth', () => {
  const value = { list: [{ bytes: Uint8Array.of(0, 97, 255) }, { bytes: new Uint8Array() }], n: 1 };
  expect(fromJson(toJson(value))).toStrictEqual(value);
});

test.each([
  ['null', { bytes: null }],
  ['a text', { bytes: 'abc' }],
  ['a number', { bytes: 7 }],
  ['an object with other keys', { bytes: { a: 1 } }],
  ['an object with other values', { bytes: { 0: 'a' } }],
  ['an object with a gap', { bytes: { 0: 1, 2: 3 } }],
])('%s in a field `bytes` stays unchanged', (_what, value) => {
  expect(fromJson(JSON.stringify(value))).toStrictEqual(value);
});

test('fromJson() throws SyntaxError for a text that is no JSON', () => {
  expect(() => fromJson('0.1.0')).toThrow(SyntaxError);
});
