// The bytes of a Uint8Array, whatever its class says of itself, and whatever memory it looks at.
import { util } from './lazy-builtins.ts';
import { invalidType, invalidValue } from './validate.ts';

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

/** By the getter of all typed arrays, because a class may have one of its own with another answer. */
function own<Name extends 'buffer' | 'byteOffset' | 'byteLength'>(bytes: Uint8Array, name: Name) {
  return Reflect.get(TypedArray, name, bytes) as Uint8Array[Name];
}

/** Whether another thread can write to it, or its length can change. */
function isShifting(buffer: ArrayBufferLike): boolean {
  return !(buffer instanceof ArrayBuffer) || (buffer as { resizable?: boolean }).resizable === true;
}

/**
 * A plain Uint8Array of the same bytes: of the same memory, or a copy where that is shared between
 * threads or can be resized. Throws as of the argument `name` for anything else, and for one whose
 * memory is gone: transferred to another thread, or cut off by a resize.
 */
export function plainBytes(name: string, bytes: unknown): Uint8Array {
  if (!util().types.isUint8Array(bytes)) {
    throw invalidType(name, 'an instance of Uint8Array', bytes);
  }
  const buffer = own(bytes, 'buffer');
  try {
    return isShifting(buffer)
      ? new Uint8Array(bytes)
      : new Uint8Array(buffer, own(bytes, 'byteOffset'), own(bytes, 'byteLength'));
  } catch {
    throw invalidValue(name, 'a Uint8Array that has its memory still', bytes);
  }
}
