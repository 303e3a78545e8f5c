// An entry that was read from the journal.

/** The value of a field: text, or bytes where it is no UTF-8. */
export type RecordValue = string | Uint8Array;

/** An entry that {@link readJournal} has read. */
export interface JournalRecord {
  /** Where the entry is: for `after` of the next {@link readJournal}. */
  readonly cursor: string;
  /** When journald received the entry, to the millisecond. */
  readonly time: Date;
  /** When journald received the entry, in microseconds since 1970. */
  readonly realtime: bigint;
  /** When journald received the entry, in microseconds since the boot that the field `_BOOT_ID` names. */
  readonly monotonic: bigint;
  /**
   * The fields by their names. A field that the entry has several times is a list.
   *
   * Anybody may write an entry with any field, except for those whose names begin with `_`: these are journald's own.
   */
  readonly fields: ReadonlyMap<string, RecordValue | readonly RecordValue[]>;
}
