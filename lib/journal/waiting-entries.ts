// The entries that wait for journald, in their order.
import type { Account } from './account.ts';
import type { EntryBytes } from './entry-bytes.ts';

/** The bytes of all entries that wait. A first one may have more. */
const MOST_BYTES = 64 * 1024 * 1024;

export interface WaitingEntry extends EntryBytes {
  readonly account: Account;
}

export class WaitingEntries {
  /** Those before {@link #first} have gone. */
  #entries: (WaitingEntry | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  /** How many entries have come, and how many have gone, since the start. */
  #come = 0;
  #gone = 0;

  get size(): number {
    return this.#entries.length - this.#first;
  }

  get come(): number {
    return this.#come;
  }

  get gone(): number {
    return this.#gone;
  }

  hasRoomFor({ length }: EntryBytes, account: Account): boolean {
    return !account.isFull && (this.size === 0 || this.#bytes + length <= MOST_BYTES);
  }

  /** Adds a copy of an entry. */
  add({ buffer, length }: EntryBytes, account: Account): void {
    this.#entries.push({ buffer: Buffer.from(buffer.subarray(0, length)), length, account });
    this.#bytes += length;
    this.#come++;
    account.waiting++;
  }

  /** The oldest one; undefined when none waits. */
  get oldest(): WaitingEntry | undefined {
    return this.#entries[this.#first];
  }

  /** Removes the oldest one. */
  remove(): void {
    const { oldest } = this;
    if (oldest === undefined) return;
    this.#bytes -= oldest.length;
    this.#gone++;
    oldest.account.waiting--;
    this.#entries[this.#first++] = undefined;
    if (this.#first < this.#entries.length / 2) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}
