// The bytes of a Uint8Array that a caller passed, safe from its class and from other threads.
import { util } from './lazy-builtins.ts';
import { invalidType, invalidValue } from './validate.ts';

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

/** Reads a property by the getter of all typed arrays, because a subclass may override it with a wrong answer. */
function ownProperty<Name extends 'buffer' | 'byteOffset' | 'byteLength'>(
  bytes: Uint8Array,
  name: Name,
) {
  return Reflect.get(TypedArray, name, bytes) as Uint8Array[Name];
}

/** True when another thread can write to the memory, or its length can change. */
function canChange(buffer: ArrayBufferLike): boolean {
  return !(buffer instanceof ArrayBuffer) || (buffer as { resizable?: boolean }).resizable === true;
}

/**
 * A plain Uint8Array with the same bytes.
 *
 * - Plain memory: the result uses the same memory.
 * - Memory that threads share, or that can be resized: the result is a copy.
 *
 * @param name - the argument that an error names
 * @throws TypeError ERR_INVALID_ARG_TYPE when `bytes` is no Uint8Array
 * @throws TypeError ERR_INVALID_ARG_VALUE when its memory was transferred to another thread, or cut off by a resize
 */
export function plainBytes(name: string, bytes: unknown): Uint8Array {
  if (!util().types.isUint8Array(bytes)) {
    throw invalidType(name, 'an instance of Uint8Array', bytes);
  }
  const buffer = ownProperty(bytes, 'buffer');
  try {
    return canChange(buffer)
      ? new Uint8Array(bytes)
      : new Uint8Array(buffer, ownProperty(bytes, 'byteOffset'), ownProperty(bytes, 'byteLength'));
  } catch {
    throw invalidValue(
      name,
      'a Uint8Array whose memory was neither transferred nor cut off',
      bytes,
    );
  }
}
