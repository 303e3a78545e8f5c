// Tells of dropped entries: by one process warning for many, because a warning is printed on standard error, which is the
// journal's too.
import { now } from '../base/clock.ts';
import { messageOf, warn, warnAtExit } from '../base/warn.ts';

const CODE = 'ERR_SYSTEMD_JOURNAL';

/** Milliseconds from one warning to the next. */
const BETWEEN_WARNINGS = 1_000;

export class Losses {
  #count = 0;
  #cause: unknown;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #isTellingAtExit = false;

  /** @param cause - the error of the entry itself; undefined when journald had no room */
  add(cause?: unknown): void {
    this.#count++;
    this.#cause ??= cause;
  }

  #take(): string {
    const count = this.#count === 1 ? '1 entry was' : `${this.#count} entries were`;
    const why =
      this.#cause === undefined ? 'systemd-journald did not read' : messageOf(this.#cause);
    this.#count = 0;
    this.#cause = undefined;
    this.#warnedAt = now();
    return `${count} dropped, and will not be in the journal: ${why}`;
  }

  /** Call this when journald reads again. */
  tell(): void {
    if (this.#count === 0 || now() - this.#warnedAt < BETWEEN_WARNINGS) return;
    warn(this.#take(), { code: CODE });
  }

  /**
   * Call this when the process ends. A listener for warnings may send an entry of the warning, which is lost too: it is counted, and
   * not told, because that would have no end.
   */
  tellAtExit(): void {
    if (this.#count === 0 || this.#isTellingAtExit) return;
    this.#isTellingAtExit = true;
    try {
      warnAtExit(this.#take(), { code: CODE });
    } finally {
      this.#isTellingAtExit = false;
    }
  }
}
