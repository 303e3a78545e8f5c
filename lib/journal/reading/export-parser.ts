// ExportParser: reads the export format of the journal, whose values may be any bytes.
//
// A line is NAME=value. A value that a line can't hold comes as NAME, a line break, its length in 8 bytes, its bytes, and a line
// break. An empty line ends an entry.
import { isUtf8 } from 'node:buffer';
import { journalctlError } from './journalctl-error.ts';
import type { JournalRecord, RecordValue } from './record.ts';

const LINE_BREAK = 0x0a;
const EQUALS = 0x3d;
const LENGTH_SIZE = 8;

/** journald stores no longer value (768 MiB), so a longer one is no value but damage. */
const LONGEST_VALUE = 768 * 1024 * 1024;

/** V8 has no longer string: 512 MiB. */
const LONGEST_TEXT = 0x1fff_ffe8;

function malformed(what: string): Error {
  return journalctlError(`journalctl has not written the export format: ${what}`);
}

function textOrBytes(bytes: Buffer): RecordValue {
  // A copy, because a value must not keep the memory of all others.
  return bytes.length <= LONGEST_TEXT && isUtf8(bytes) ? bytes.toString() : Uint8Array.from(bytes);
}

type ParsedFields = Map<string, RecordValue | RecordValue[]>;

function addField(fields: ParsedFields, name: string, value: RecordValue): void {
  const known = fields.get(name);
  if (known === undefined) fields.set(name, value);
  else if (Array.isArray(known)) known.push(value);
  else fields.set(name, [known, value]);
}

/** Takes the value of a field that journalctl itself has added. */
function takeOwn(fields: ParsedFields, name: string, pattern: RegExp): string {
  const value = fields.get(name);
  fields.delete(name);
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw malformed(`an entry without ${name}`);
}

function toRecord(fields: ParsedFields): JournalRecord {
  const cursor = takeOwn(fields, '__CURSOR', /^./);
  const realtime = BigInt(takeOwn(fields, '__REALTIME_TIMESTAMP', /^\d{1,20}$/));
  const monotonic = BigInt(takeOwn(fields, '__MONOTONIC_TIMESTAMP', /^\d{1,20}$/));
  // From systemd 254 on.
  fields.delete('__SEQNUM');
  fields.delete('__SEQNUM_ID');
  return { cursor, time: new Date(Number(realtime / 1000n)), realtime, monotonic, fields };
}

export class ExportParser {
  /** What has come and is not part of a whole field. Joined only when there is enough for one. */
  #chunks: Buffer[] = [];
  #size = 0;
  /** How many bytes are needed to go on; 0: a line break. */
  #needed = 0;
  #fields: ParsedFields = new Map();

  /** True between two entries. */
  get isAtStart(): boolean {
    return this.#size === 0 && this.#fields.size === 0;
  }

  /**
   * Takes the next bytes, and returns the entries that are whole now.
   *
   * @throws SystemdError ERR_SYSTEMD_JOURNALCTL when the bytes are not of the export format
   */
  push(chunk: Buffer): JournalRecord[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > LONGEST_VALUE + chunk.length + LENGTH_SIZE)
      throw malformed('a line without an end');
    const isEnough = this.#needed > 0 ? this.#size >= this.#needed : chunk.includes(LINE_BREAK);
    return isEnough ? this.#parse() : [];
  }

  #parse(): JournalRecord[] {
    const bytes =
      this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const records: JournalRecord[] = [];
    let at = 0;
    this.#needed = 0;
    for (let next = this.#parseLine(bytes, at, records); next > at; ) {
      at = next;
      next = this.#parseLine(bytes, at, records);
    }
    const rest = bytes.subarray(at);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    return records;
  }

  /** Returns the place behind the next line or framed field, or `at` when that has not come as a whole. */
  #parseLine(bytes: Buffer, at: number, records: JournalRecord[]): number {
    const end = bytes.indexOf(LINE_BREAK, at);
    if (end < 0) return at;
    if (end === at) {
      this.#endEntry(records);
      return at + 1;
    }
    const equals = bytes.indexOf(EQUALS, at);
    if (equals < 0 || equals > end) return this.#parseFramed(bytes, at, end);
    addField(
      this.#fields,
      bytes.toString('latin1', at, equals),
      bytes.toString('utf8', equals + 1, end),
    );
    return end + 1;
  }

  #parseFramed(bytes: Buffer, at: number, end: number): number {
    const start = end + 1 + LENGTH_SIZE;
    if (bytes.length < start) return this.#wait(at, start);
    const size = bytes.readBigUInt64LE(end + 1);
    if (size > LONGEST_VALUE) throw malformed(`a value of ${size} bytes`);
    const last = start + Number(size);
    if (bytes.length <= last) return this.#wait(at, last + 1);
    if (bytes[last] !== LINE_BREAK) throw malformed('a value that is longer than its length');
    addField(
      this.#fields,
      bytes.toString('latin1', at, end),
      textOrBytes(bytes.subarray(start, last)),
    );
    return last + 1;
  }

  #wait(at: number, until: number): number {
    this.#needed = until - at;
    return at;
  }

  #endEntry(records: JournalRecord[]): void {
    if (this.#fields.size === 0) return; // empty lines between entries
    records.push(toRecord(this.#fields));
    this.#fields = new Map();
  }
}
