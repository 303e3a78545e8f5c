// Sources of choices for arbitrary values: a seed, or the bytes of a fuzzer.

class Choices {
  /** A whole number from 0 to `end - 1`. */
  below(end) {
    return this.uint32() % end;
  }

  chance(percent) {
    return this.below(100) < percent;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  bytes(length) {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** Any double, of all bit patterns. */
  double() {
    return new Float64Array(Uint32Array.of(this.uint32(), this.uint32()).buffer)[0];
  }
}

/** The same choices for the same seed: mulberry32. */
export class Random extends Choices {
  #state;

  constructor(seed) {
    super();
    this.#state = seed >>> 0;
  }

  uint32() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}

/** Takes the choices from bytes, and zeros after the end of the bytes. */
export class Spelled extends Choices {
  #bytes;
  #at = 0;

  constructor(bytes) {
    super();
    this.#bytes = bytes;
  }

  #byte() {
    return this.#bytes[this.#at++] ?? 0;
  }

  uint32() {
    return (this.#byte() | (this.#byte() << 8) | (this.#byte() << 16) | (this.#byte() << 24)) >>> 0;
  }

  /** Takes as few bytes as possible, so that a fuzzer that changes one byte changes one choice. */
  below(end) {
    return (end <= 256 ? this.#byte() : this.uint32()) % end;
  }
}
