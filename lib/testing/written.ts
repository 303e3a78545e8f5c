// What a program has written: a text that does not grow without end.
import { formatCount } from '../base/format-count.ts';

/** So many characters are kept at least. V8 throws when a text has more than 2^29, and a program may write for ever. */
const MOST_KEPT = 2 ** 24;

export class Written {
  #text = '';
  #dropped = 0;

  add(text: string): void {
    this.#text += text;
    if (this.#text.length <= 2 * MOST_KEPT) return;
    this.#dropped += this.#text.length - MOST_KEPT;
    this.#text = this.#text.slice(-MOST_KEPT);
  }

  /** The text. When its beginning is missing, the first line says so. */
  get text(): string {
    if (this.#dropped === 0) return this.#text;
    return `(${formatCount(this.#dropped, 'character')} before these)\n${this.#text}`;
  }
}
