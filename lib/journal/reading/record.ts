// An entry that was read from the journal.

/** The value of a field: text, or bytes where it is no UTF-8. */
export type RecordValue = string | Uint8Array;

/** An entry that {@link readJournal} has read. */
export interface JournalRecord {
  /** Where the entry is: for `after` of the next {@link readJournal}. */
  readonly cursor: string;
  /** When journald has received the entry, to the millisecond. */
  readonly time: Date;
  /** The same in microseconds since 1970. */
  readonly realtime: bigint;
  /** The same in microseconds since the boot (`_BOOT_ID`). */
  readonly monotonic: bigint;
  /**
   * The fields by their names. A field that the entry has several times is a list.
   *
   * Anybody may write an entry with any field, except for those whose names begin with `_`: these are journald's own.
   */
  readonly fields: ReadonlyMap<string, RecordValue | readonly RecordValue[]>;
}
