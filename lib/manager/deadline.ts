// A time at which something has taken too long, in microseconds of CLOCK_MONOTONIC.

/** A time of 64 bits that never comes (USEC_INFINITY of systemd). */
export const NEVER = 2n ** 64n - 1n;

/** A time span of a unit, in milliseconds, in microseconds; undefined without end. */
export function toUsec(milliseconds: number): bigint | undefined {
  return Number.isFinite(milliseconds) ? BigInt(Math.round(milliseconds * 1000)) : undefined;
}

export class Deadline {
  #at: bigint | undefined;

  /** undefined: never. */
  get at(): bigint | undefined {
    return this.#at;
  }

  /** Sets it to a time span from `now`. A span of undefined never ends. */
  set(now: bigint, span: bigint | undefined): void {
    this.#at = span === undefined ? undefined : now + span;
  }

  clear(): void {
    this.#at = undefined;
  }

  /** Moves it to a later time. A time that is not later changes nothing, and a deadline that is not set stays so. */
  extend(until: bigint): void {
    if (this.#at !== undefined && this.#at < until) this.#at = until;
  }

  isOver(now: bigint): boolean {
    return this.#at !== undefined && this.#at <= now;
  }
}

/** The earliest of these deadlines. */
export function earliest(...deadlines: readonly Deadline[]): bigint | undefined {
  const times = deadlines.flatMap(({ at }) => (at === undefined ? [] : [at]));
  return times.reduce<bigint | undefined>(
    (first, time) => (first === undefined || time < first ? time : first),
    undefined,
  );
}

/** The units of a time span, in microseconds. */
const SPANS: readonly (readonly [name: string, usec: bigint])[] = [
  ['h', 3_600_000_000n],
  ['min', 60_000_000n],
  ['s', 1_000_000n],
  ['ms', 1000n],
  ['us', 1n],
];

/** A time span as the manager logs it, such as `1min 30s`. */
export function formatSpan(usec: bigint): string {
  let rest = usec;
  const parts: string[] = [];
  for (const [name, size] of SPANS) {
    if (rest >= size) parts.push(`${rest / size}${name}`);
    rest %= size;
  }
  return parts.join(' ') || '0';
}
