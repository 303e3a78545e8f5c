// Words of a setting: blanks separate them, quotes keep blanks, and C escapes stand for characters.

/** Quotes that do not end, or a backslash at the end. systemd ignores the whole line. */
export class BrokenQuoting extends Error {}

const BLANK = /[ \t\n\r]/;

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

/** The digits after the backslash: a byte in base 16 or 8, or a character's number. */
const NUMBERS: readonly (readonly [RegExp, number, 'byte' | 'character'])[] = [
  [/x([\da-fA-F]{2})/y, 16, 'byte'],
  [/u([\da-fA-F]{4})/y, 16, 'character'],
  [/U([\da-fA-F]{8})/y, 16, 'character'],
  [/([0-3][0-7]{2})/y, 8, 'byte'],
];

/** A piece of a word: text, or one byte that may be a part of a character. */
type Piece = string | number;

/**
 * Reads the escape after the backslash at `at`. An escape that systemd does not know keeps its backslash, see
 * systemd.syntax(7).
 */
function readEscape(text: string, at: number): readonly [piece: Piece, next: number] {
  const letter = text[at] as string;
  if (Object.hasOwn(ESCAPES, letter)) return [ESCAPES[letter] as string, at + 1];
  for (const [pattern, base, kind] of NUMBERS) {
    pattern.lastIndex = at;
    const [all, digits = ''] = pattern.exec(text) ?? [];
    const value = Number.parseInt(digits, base);
    if (all === undefined || value === 0 || value > 0x10ffff) continue;
    return [kind === 'byte' ? value : String.fromCodePoint(value), at + all.length];
  }
  return [`\\${letter}`, at + 1];
}

function join(pieces: readonly Piece[]): string {
  if (pieces.every((piece) => typeof piece === 'string')) return pieces.join('');
  const bytes = pieces.map((piece) =>
    typeof piece === 'number' ? Buffer.of(piece) : Buffer.from(piece),
  );
  return Buffer.concat(bytes).toString();
}

export interface Word {
  readonly word: string;
  /** Where the rest begins: at the next word, or at the end. */
  readonly next: number;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && BLANK.test(text[at] as string)) at++;
  return at;
}

/**
 * Takes the word that begins at `from`, or after blanks there. Quotes may also begin within a word.
 *
 * - undefined: there is no further word.
 * @throws BrokenQuoting when a quote is not closed.
 */
export function takeWord(text: string, from = 0): Word | undefined {
  let at = skipBlanks(text, from);
  if (at === text.length) return undefined;
  const pieces: Piece[] = [];
  let quote = '';
  for (; at < text.length && (quote !== '' || !BLANK.test(text[at] as string)); ) {
    const character = text[at] as string;
    at++;
    if (character === '\\') {
      if (at === text.length) throw new BrokenQuoting('a backslash is at the end');
      const [piece, next] = readEscape(text, at);
      pieces.push(piece);
      at = next;
    } else if (quote === '' ? character === '"' || character === "'" : character === quote) {
      quote = quote === '' ? character : '';
    } else {
      pieces.push(character);
    }
  }
  if (quote !== '') throw new BrokenQuoting(`the quote ${quote} is not closed`);
  return { word: join(pieces), next: skipBlanks(text, at) };
}

/** All words of a text. @throws BrokenQuoting */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  for (let word = takeWord(text); word !== undefined; word = takeWord(text, word.next)) {
    words.push(word.word);
  }
  return words;
}
