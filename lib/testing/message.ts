// The messages of a unit as a test sees them.
import type { Judgement } from '../manager/notification.ts';
import type { ReceivedMessage } from '../manager/world.ts';

/** One line of a {@link Message}. */
export interface Assignment {
  readonly key: string;
  readonly value: string;
  /**
   * - `taken`: the manager did what it says.
   * - `ignored`: the manager knows it, and did not do what it says; `why` has the reason.
   * - `unknown`: the manager takes no notice of it, as of READY=0 or X_ANYTHING=….
   */
  readonly outcome: 'taken' | 'ignored' | 'unknown';
  readonly why?: string;
}

/** A notification that the unit has sent. */
export interface Message {
  /** When it came, in milliseconds since the unit was made. */
  readonly at: number;
  /** The process that has sent it. */
  readonly pid: number;
  /** The text as it came. */
  readonly text: string;
  readonly assignments: readonly Assignment[];
  /** How many descriptors came along. */
  readonly fds: number;
  /**
   * - `taken`: at least one of its assignments was.
   * - `ignored`: none of them was.
   * - `dropped`: the manager did not even look at them; `why` has the reason.
   */
  readonly outcome: 'taken' | 'ignored' | 'dropped';
  readonly why?: string;
}

/** @param begun - when the unit was made: microseconds of CLOCK_MONOTONIC */
export function describeMessage(
  received: ReceivedMessage,
  { outcome, why, assignments }: Judgement,
  begun: bigint,
): Message {
  return Object.freeze({
    at: Number(received.at - begun) / 1000,
    pid: received.pid,
    text: received.bytes.toString(),
    assignments: assignments.map(({ key, value, outcome, why }) => ({
      key,
      value,
      outcome,
      ...(why === undefined ? {} : { why }),
    })),
    fds: received.fds.length,
    outcome,
    ...(why === undefined ? {} : { why }),
  });
}
