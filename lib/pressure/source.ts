// The types of what reports memory pressure, whatever the file is.

/** What a source tells. Both come from the event loop, and never during the call that opens the source. */
export interface SourceEvents {
  /** @param stalled - the microseconds of waiting for memory; undefined where the source does not tell */
  readonly onPressure: (stalled: number | undefined) => void;
  /** Nothing comes any more: the cgroup is gone, or the other end is closed. */
  readonly onEnd: () => void;
}

export interface Source {
  close(): void;
}
