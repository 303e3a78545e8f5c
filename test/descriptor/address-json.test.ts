// JSON in which an address keeps its bytes, and what comes from elsewhere is taken for no bytes.
import { expect, test } from 'vitest';
import { fromJson, toJson } from '../../lib/descriptor/address-json.ts';

test('bytes come back as bytes, wherever they are', () => {
  const value = { list: [{ bytes: Uint8Array.of(0, 97, 255) }, { bytes: new Uint8Array() }], n: 1 };
  expect(fromJson(toJson(value))).toStrictEqual(value);
});

test.each([
  ['null', { bytes: null }],
  ['a text', { bytes: 'abc' }],
  ['a number', { bytes: 7 }],
  ['an object of other names', { bytes: { a: 1 } }],
  ['an object of other values', { bytes: { 0: 'a' } }],
  ['an object with a gap', { bytes: { 0: 1, 2: 3 } }],
])('%s under that name is left as it is', (_what, value) => {
  expect(fromJson(JSON.stringify(value))).toStrictEqual(value);
});

test('what is no JSON is a SyntaxError', () => {
  expect(() => fromJson('0.1.0')).toThrow(SyntaxError);
});
