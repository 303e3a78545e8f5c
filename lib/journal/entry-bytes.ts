// The bytes of an entry, in the native protocol of journald: systemd.io/JOURNAL_NATIVE_PROTOCOL.
//
// A field is `NAME=value` and a line break. A value with a line break is framed: the name and a line break, the length of
// the value as 64 bits (little-endian), the value, and a line break. Without the frame, the value's second line would be
// another field.

/** The memory in which entries are put together. It grows for a long one, and does not stay large. */
const LARGEST_KEPT = 256 * 1024;
let buffer = Buffer.allocUnsafeSlow(16 * 1024);

/** A text up to this length is given room for its longest encoding; a longer one is measured. */
const LONGEST_UNMEASURED = 16 * 1024;

/** A UTF-16 unit has at most three bytes of UTF-8. */
export const MOST_BYTES_OF_UNIT = 3;

/** An entry as bytes: the first `length` ones of the buffer, which the next entry overwrites. */
export interface EntryBytes {
  readonly buffer: Buffer;
  readonly length: number;
}

function roomFor(part: string | Uint8Array): number {
  if (typeof part !== 'string') return part.length;
  const most = part.length * MOST_BYTES_OF_UNIT;
  return part.length > LONGEST_UNMEASURED ? Buffer.byteLength(part) : most;
}

function putTogether(parts: readonly (string | Uint8Array)[], room: number): EntryBytes {
  const target = room <= buffer.length ? buffer : Buffer.allocUnsafeSlow(room);
  if (room <= LARGEST_KEPT) buffer = target;
  let length = 0;
  for (const part of parts) {
    if (typeof part === 'string') length += target.write(part, length);
    else {
      target.set(part, length);
      length += part.length;
    }
  }
  return { buffer: target, length };
}

/** An entry, field by field. */
export class Entry {
  /** Fields without a frame, which follow all of {@link #parts}. */
  #text: string;
  readonly #parts: (string | Uint8Array)[];
  #count: number;

  constructor(before?: Entry) {
    this.#text = before === undefined ? '' : before.#text;
    this.#parts = before === undefined ? [] : [...before.#parts];
    this.#count = before === undefined ? 0 : before.#count;
  }

  /** How many fields there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds a field. The name must be valid. Unpaired surrogates become U+FFFD. */
  add(name: string, value: string): void {
    if (value.includes('\n')) this.addBytes(name, Buffer.from(value));
    else {
      this.#text += `${name}=${value}\n`;
      this.#count++;
    }
  }

  /** Adds a field of bytes, which nobody may change any more. */
  addBytes(name: string, bytes: Uint8Array): void {
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(bytes.length));
    this.#parts.push(`${this.#text}${name}\n`, size, bytes);
    this.#text = '\n';
    this.#count++;
  }

  encode(): EntryBytes {
    const parts = [...this.#parts, this.#text];
    return putTogether(
      parts,
      parts.reduce((sum, part) => sum + roomFor(part), 0),
    );
  }
}
