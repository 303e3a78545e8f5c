// Receives the messages of a socket: many by one system call, into the same memory, from which they are copied.
import { nativeSockets } from '../addon/sockets.ts';
import { decodeAddressAt } from '../descriptor/address.ts';
import { FAMILY_SIZE } from '../sd/sockaddr.ts';
import type { UnixAddress } from './address.ts';
import { ReceivedMessage } from './message.ts';

// A record of the add-on (Record in native/sockets/messages.cc): ints, the sender's address, the bytes.
const LENGTH = 0;
const FLAGS = 1;
const PID = 2;
const UID = 3;
const GID = 4;
const ADDRESS_LENGTH = 5;
const FD_COUNT = 6;
const FDS = 7;
const ADDRESS_AT = (FDS + 253) * 4;
const DATA_AT = ADDRESS_AT + 112;

// Of recvmsg(2).
const MSG_CTRUNC = 0x8;
const NO_UID = -1;

/** What the kernel writes for a sender of which it has kept nothing (kernel.overflowuid). */
const OVERFLOW_ID = 65_534;

/** Of one system call. */
const MOST_AT_ONCE = 64;

/** The memory takes only as much as messages have filled, because the kernel gives the pages at their first use. */
const MEMORY_SIZE = 4 << 20;

interface Memory {
  /** No Buffer, because a copy of a part of it must be none. */
  readonly bytes: Uint8Array;
  readonly buffer: Buffer;
  readonly ints: Int32Array;
}

let memory: Memory | undefined;

/** The memory of this thread, with room for at least one message of this size. */
function memoryFor(size: number): Memory {
  const needed = DATA_AT + size;
  if (memory !== undefined && memory.bytes.length >= needed) return memory;
  const buffer = Buffer.allocUnsafeSlow(Math.max(MEMORY_SIZE, needed));
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
  const ints = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  memory = { bytes, buffer, ints };
  return memory;
}

/** Most messages in a row are of one sender. */
let last: { readonly bytes: Buffer; readonly address: UnixAddress } | undefined;

function senderAt(memory: Memory, at: number, length: number): UnixAddress | undefined {
  if (length <= FAMILY_SIZE) return undefined;
  const end = at + length;
  const { buffer } = memory;
  if (last === undefined || buffer.compare(last.bytes, 0, last.bytes.length, at, end) !== 0) {
    const address = decodeAddressAt(memory, at, end) as UnixAddress;
    last = { bytes: Buffer.from(buffer.subarray(at, end)), address };
  }
  return last.address;
}

function copyOf(bytes: Buffer, at: number, length: number): Buffer {
  const copy = Buffer.allocUnsafe(length);
  bytes.copy(copy, 0, at, at + length);
  return copy;
}

/** True for a datagram that was sent before the socket had SO_PASSCRED. It must not pass for one of the user `nobody`. */
const isNobody = (pid: number, uid: number, gid: number) =>
  pid === 0 && uid === OVERFLOW_ID && gid === OVERFLOW_ID;

function messageAt(memory: Memory, at: number, { most, hasSenders }: Receiving): ReceivedMessage {
  const { buffer, ints } = memory;
  const int = at >> 2;
  const length = ints[int + LENGTH] as number;
  const pid = ints[int + PID] as number;
  const uid = ints[int + UID] as number;
  const gid = ints[int + GID] as number;
  // In a connection only the end has none.
  const isUnknown = uid === NO_UID || (hasSenders && isNobody(pid, uid, gid));
  const fdCount = ints[int + FD_COUNT] as number;
  const message = new ReceivedMessage(
    copyOf(buffer, at + DATA_AT, Math.min(length, most)),
    hasSenders
      ? senderAt(memory, at + ADDRESS_AT, ints[int + ADDRESS_LENGTH] as number)
      : undefined,
    isUnknown ? undefined : { pid, uid: uid >>> 0, gid: gid >>> 0 },
    length > most ? length : undefined,
    ((ints[int + FLAGS] as number) & MSG_CTRUNC) !== 0,
  );
  if (fdCount > 0) message.give(Array.from(ints.subarray(int + FDS, int + FDS + fdCount)));
  return message;
}

/** How a socket receives. */
export interface Receiving {
  /** The most bytes of a message. */
  readonly most: number;
  /** False: descriptors that come along are closed. */
  readonly keepsFds: boolean;
  /** False for a connection, all of whose messages are of one sender. */
  readonly hasSenders: boolean;
}

/** Messages from one system call. */
export interface Batch {
  readonly messages: readonly ReceivedMessage[];
  /** True when as many came as there was room for, so that more may wait. */
  readonly isFull: boolean;
}

/**
 * Receives the messages that wait in a socket: at most 64, and as many as the memory has room for. Does not wait. From a
 * seqpacket socket that has ended come messages without bytes and credentials.
 *
 * @returns the messages, or a negative errno
 */
export function receive(fd: number, receiving: Receiving): Batch | number {
  const { most, keepsFds } = receiving;
  const size = (most + 3) & ~3; // the records consist of whole ints
  const step = DATA_AT + size;
  const memory = memoryFor(size);
  const count = nativeSockets().recvmmsg(fd, memory.bytes, size, keepsFds);
  if (count < 0) return count;
  const messages: ReceivedMessage[] = [];
  for (let i = 0; i < count; i++) messages.push(messageAt(memory, i * step, receiving));
  return {
    messages,
    isFull: count === Math.min(MOST_AT_ONCE, Math.floor(memory.bytes.length / step)),
  };
}
