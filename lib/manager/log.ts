// The lines that the manager would log about a unit.

/** So many lines are kept, because a service may run for days. */
const MOST_LINES = 10_000;

export class Log {
  readonly #unit: string;
  readonly #lines: string[] = [];

  /** @param unit - the name that each line begins with */
  constructor(unit: string) {
    this.#unit = unit;
  }

  /** The oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  write(line: string): void {
    if (this.#lines.length >= MOST_LINES) this.#lines.shift();
    this.#lines.push(`${this.#unit}: ${line}`);
  }
}
