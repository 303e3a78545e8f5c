// plainBytes(): the bytes of any Uint8Array, also of one whose class lies about itself.
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { plainBytes } from '../../lib/base/plain-bytes.ts';

class Lying extends Uint8Array {
  static get [Symbol.species]() {
    return Uint16Array as never;
  }
  override get length(): never {
    return 1 as never;
  }
  override get byteLength(): never {
    return 2 as never;
  }
  override get byteOffset(): never {
    return 3 as never;
  }
  override get buffer(): never {
    return new ArrayBuffer(9) as never;
  }
  override subarray(): never {
    return new Uint8Array(0) as never;
  }
  override slice(): never {
    return new Uint8Array(0) as never;
  }
  override [Symbol.iterator](): never {
    return [][Symbol.iterator]() as never;
  }
}

/** A buffer of 8 bytes that can grow to 16. TypeScript's types lack that argument. */
function resizableOf<T>(buffer: new (length: number) => T): T {
  return Reflect.construct(buffer, [8, { maxByteLength: 16 }]) as T;
}

const shared = new Uint8Array(new SharedArrayBuffer(8));
shared.set([1, 2, 3, 4, 5]);

const resizable = new Uint8Array(resizableOf(ArrayBuffer));
resizable.set([1, 2, 3, 4, 5]);

const growable = new Uint8Array(resizableOf(SharedArrayBuffer));
growable.set([1, 2, 3, 4, 5]);

test.each<[what: string, bytes: Uint8Array]>([
  ['a plain Uint8Array', Uint8Array.of(1, 2, 3, 4, 5)],
  ['a Buffer from the pool', Buffer.from([1, 2, 3, 4, 5])],
  ['a class whose properties all lie', new Lying([1, 2, 3, 4, 5])],
  ['a view with an offset', Uint8Array.of(0, 0, 1, 2, 3, 4, 5, 6).subarray(2, 7)],
  ['memory that threads share', shared.subarray(0, 5)],
  ['memory that can be resized', resizable.subarray(0, 5)],
  ['memory that threads share and that can grow', growable.subarray(0, 5)],
  ['a Uint8Array of another realm', runInNewContext('Uint8Array.of(1, 2, 3, 4, 5)') as Uint8Array],
])('returns a plain Uint8Array for %s', (_what, bytes) => {
  const plain = plainBytes('state', bytes);
  expect(Object.getPrototypeOf(plain)).toBe(Uint8Array.prototype);
  expect(plain.buffer).toBeInstanceOf(ArrayBuffer);
  expect(plain).toStrictEqual(Uint8Array.of(1, 2, 3, 4, 5));
});

test('does not copy plain memory', () => {
  const bytes = Uint8Array.of(1, 2, 3).subarray(1);
  expect(plainBytes('state', bytes).buffer).toBe(bytes.buffer);
});

function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function cutOff(): Uint8Array {
  const buffer = resizableOf(ArrayBuffer);
  const bytes = new Uint8Array(buffer, 4, 4);
  (buffer as unknown as { resize(length: number): void }).resize(2);
  return bytes;
}

test.each<[what: string, bytes: Uint8Array]>([
  ['transferred to another thread', detached()],
  ['cut off by a resize', cutOff()],
])('throws ERR_INVALID_ARG_VALUE for memory that was %s', (_what, bytes) => {
  expect(() => plainBytes('state', bytes)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
  );
});

test.each<[what: string, value: unknown]>([
  ['undefined', undefined],
  ['null', null],
  ['a text', 'text'],
  ['an array', [1, 2]],
  ['a Uint16Array', new Uint16Array(1)],
  ['a DataView', new DataView(new ArrayBuffer(1))],
  ['an ArrayBuffer', new ArrayBuffer(1)],
  ['an object with its prototype', Object.create(Uint8Array.prototype)],
  ['an object that claims to be one', { [Symbol.toStringTag]: 'Uint8Array', length: 1 }],
])('throws ERR_INVALID_ARG_TYPE for %s', (_what, value) => {
  expect(() => plainBytes('state', value)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
  );
});
