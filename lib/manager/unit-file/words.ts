// Words of a setting: blanks separate them, quotes keep blanks, and C escapes stand for characters.

/** Quotes that do not end, a backslash at the end, or an unknown escape. systemd ignores the line from there on. */
export class BrokenQuoting extends Error {}

/** An escape that systemd does not know: it keeps its backslash, or ends the reading of the line. */
export type UnknownEscapes = 'keep' | 'refuse';

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

/** Reads the escape after the backslash at `at`, see systemd.syntax(7). @throws BrokenQuoting */
function readEscape(
  text: string,
  at: number,
  unknownEscapes: UnknownEscapes,
): readonly [piece: Piece, next: number] {
  const letter = text[at] as string;
  if (Object.hasOwn(ESCAPES, letter)) return [ESCAPES[letter] as string, at + 1];
  for (const [pattern, base, kind] of NUMBERS) {
    pattern.lastIndex = at;
    const [all, digits = ''] = pattern.exec(text) ?? [];
    const value = Number.parseInt(digits, base);
    if (all === undefined || value === 0 || value > 0x10ffff) continue;
    return [kind === 'byte' ? value : String.fromCodePoint(value), at + all.length];
  }
  if (unknownEscapes === 'refuse') throw new BrokenQuoting(`\\${letter} is no escape`);
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
export function takeWord(
  text: string,
  from = 0,
  unknownEscapes: UnknownEscapes = 'keep',
): Word | undefined {
  let at = skipBlanks(text, from);
  if (at === text.length) return undefined;
  const pieces: Piece[] = [];
  let quote = '';
  for (; at < text.length && (quote !== '' || !BLANK.test(text[at] as string)); ) {
    const character = text[at] as string;
    at++;
    if (character === '\\') {
      if (at === text.length) throw new BrokenQuoting('a backslash is at the end');
      const [piece, next] = readEscape(text, at, unknownEscapes);
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

/** The words of a text, one after the other. @throws BrokenQuoting after the words before the broken one */
export function* readWords(text: string, unknownEscapes?: UnknownEscapes): Generator<string> {
  for (let at = 0; ; ) {
    const taken = takeWord(text, at, unknownEscapes);
    if (taken === undefined) return;
    yield taken.word;
    at = taken.next;
  }
}

/** All words of a text. @throws BrokenQuoting */
export const splitWords = (text: string): string[] => [...readWords(text)];

/**
 * Splits the value of a variable: quotes keep blanks, up to the end if they are not closed. A backslash keeps the next
 * character as it is, and is no C escape.
 */
export function splitVariable(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  let isEscaped = false;
  for (const character of text) {
    const isQuote = quote === '' ? character === '"' || character === "'" : character === quote;
    if (!isEscaped && quote === '' && BLANK.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (!isEscaped && (isQuote || character === '\\')) {
      word ??= '';
      isEscaped = !isQuote;
      if (isQuote) quote = quote === '' ? character : '';
    } else {
      word = (word ?? '') + character;
      isEscaped = false;
    }
  }
  return word === undefined ? words : [...words, word];
}

/** Splits at blanks alone: quotes and backslashes are characters as any other. */
export const splitAtBlanks = (text: string): string[] =>
  text.split(/[ \t\n\r]+/).filter((word) => word !== '');
