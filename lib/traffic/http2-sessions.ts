// The HTTP/2 sessions of a server that stops. Each may take new streams for a second, and is then closed.
import type { Http2Session } from 'node:http2';
import { now } from '../base/clock.ts';
import { IDLE_GRACE } from './idle-connections.ts';
import type { WarnOnError } from './warn-on-error.ts';

/** Closes each session {@link IDLE_GRACE} after the session was added. */
export class DrainingSessions {
  readonly #warnOnError: WarnOnError;
  /** When each session was added, in milliseconds of {@link now}. */
  readonly #addedAt = new Map<Http2Session, number>();

  constructor(warnOnError: WarnOnError) {
    this.#warnOnError = warnOnError;
  }

  add(session: Http2Session): void {
    this.#addedAt.set(session, now());
  }

  /** Closes the sessions whose time is over, after the event loop has read what the clients have sent. */
  closeDue(): void {
    const time = now();
    const due = [...this.#addedAt].filter(([, addedAt]) => time - addedAt >= IDLE_GRACE);
    if (due.length > 0) setImmediate(() => this.#close(due.map(([session]) => session)));
  }

  /**
   * Sends the first GOAWAY of each session. No earlier GOAWAY announces the end, because after any GOAWAY that Node
   * can send, Node refuses new streams, so streams on their way would be lost. The GOAWAY of `close()` names the last
   * stream that was taken (RFC 9113, 6.8).
   */
  #close(sessions: readonly Http2Session[]): void {
    for (const session of sessions) {
      this.#addedAt.delete(session);
      if (!session.destroyed) this.#warnOnError(() => session.close());
    }
  }
}
