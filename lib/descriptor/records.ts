// Records: the facts about descriptors, as bytes. One call of the add-on writes the records of a whole range of
// descriptors, because each call from JavaScript takes as long as a system call.
import { native } from '../addon/exports.ts';
import type { Memory } from './address.ts';

/** The word that the first record begins at. The word before it is the number of records. */
export const FIRST_RECORD = 1;

// The places of the 32-bit words at the beginning of a record. native/inspect.cc says what each word holds.
export const SIZE = 0;
export const RESULT = 1;
export const FD = 2;
export const DOMAIN = 3;
export const TYPE = 4;
export const PROTOCOL = 5;
export const LISTENING = 6;
export const FIRST_LENGTH = 7;
export const SECOND_LENGTH = 8;

/** The bytes of these words. The bytes of the first address or name follow them. */
export const HEAD_SIZE = 36;

/** The `DOMAIN` of a descriptor that is no socket. */
export const NO_SOCKET = -1;

/** The calls that may fail. When `RESULT` is negative, `DOMAIN` is a place in this list. */
export const CALLS = ['getsockopt', 'getsockname', 'fstat'] as const;

/** Room for the largest record: a name in /proc/self/fd has at most PATH_MAX bytes. */
const LARGEST = 4 + HEAD_SIZE + 4096;

/** Room for the record of most descriptors: with two Unix addresses, or a path of middle length. */
const USUAL = 320;

/** Records, one after another. */
export interface Records extends Memory {
  readonly words: Int32Array;
}

/** The records in this memory, which end at this byte. */
export function recordsIn(memory: ArrayBuffer, end = memory.byteLength): Records {
  return { bytes: new Uint8Array(memory, 0, end), words: new Int32Array(memory) };
}

let one: Records | undefined;

/** The record of one descriptor. It is valid until the next call. */
export function recordOf(fd: number): Records {
  one ??= recordsIn(new ArrayBuffer(LARGEST));
  native().inspect_fds(fd, 1, one.bytes);
  return one;
}

/** The records of `count` descriptors from `fd` on. Without room for all of them, it begins again with more room. */
export function recordsOf(fd: number, count: number, room = LARGEST + count * USUAL): Records {
  const memory = new ArrayBuffer(room);
  const records = recordsIn(memory, native().inspect_fds(fd, count, new Uint8Array(memory)));
  return records.words[0] === count ? records : recordsOf(fd, count, 2 * room);
}
