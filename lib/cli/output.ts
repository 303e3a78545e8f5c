// What the command line prints. Text from outside never reaches the terminal as it is: every piece is escaped here.
import type { WriteStream } from 'node:tty';
import { escapeUnprintable } from '../base/printable.ts';

/** The colours. None is white, black or yellow, because each of these is invisible on some terminal. */
const STYLES = {
  good: '32', // green
  bad: '31', // red
  strong: '1',
  faint: '2',
} as const;

export type Style = keyof typeof STYLES;

/** A text with a style, for {@link Output.print}. */
export interface Styled {
  readonly style: Style;
  readonly text: string;
}

export type Piece = string | Styled;

export const styled = (style: Style, text: string): Styled => ({ style, text });

/** The columns of a page that is not printed to a terminal. */
const DEFAULT_WIDTH = 80;

/** True for a terminal with colours, unless the user wants none: NO_COLOR, TERM=dumb (https://no-color.org). */
function hasColors(stream: NodeJS.WritableStream): boolean {
  const terminal = stream as WriteStream;
  return terminal.isTTY === true && terminal.hasColors();
}

/** Writes lines to a stream. */
export class Output {
  /** True: {@link Output.json} is used in place of {@link Output.print}. */
  readonly isJson: boolean;
  readonly #stream: NodeJS.WritableStream;
  readonly #isColored: boolean;

  constructor(stream: NodeJS.WritableStream, isJson = false) {
    this.#stream = stream;
    this.isJson = isJson;
    this.#isColored = hasColors(stream);
  }

  /** How many characters a line has room for. */
  get width(): number {
    const { isTTY, columns } = this.#stream as WriteStream;
    return isTTY === true && columns > 0 ? columns : DEFAULT_WIDTH;
  }

  /** How long a line of a table may be. Without a terminal nothing is cut, so that a script gets every character. */
  get tableWidth(): number {
    return (this.#stream as WriteStream).isTTY === true ? this.width : Number.POSITIVE_INFINITY;
  }

  /** Prints one line. A line break within a piece is printed as an escape, like all that is unprintable. */
  print(...pieces: readonly Piece[]): void {
    this.#stream.write(`${pieces.map((piece) => this.#paint(piece)).join('')}\n`);
  }

  /** Prints a text of several lines. */
  printText(text: string, style?: Style): void {
    for (const line of text.replace(/\n$/, '').split('\n')) {
      this.print(style === undefined ? line : styled(style, line));
    }
  }

  /** Prints an object as one line of JSON. Characters that could control a terminal are escaped, as JSON allows. */
  json(value: unknown): void {
    const escaped = JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
      Array.from({ length: character.length }, (_, at) =>
        escapeUnit(character.charCodeAt(at)),
      ).join(''),
    );
    this.#stream.write(`${escaped}\n`);
  }

  #paint(piece: Piece): string {
    if (typeof piece === 'string') return escapeUnprintable(piece);
    const text = escapeUnprintable(piece.text);
    return this.#isColored ? `\u001b[${STYLES[piece.style]}m${text}\u001b[0m` : text;
  }
}

const escapeUnit = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`;

/**
 * Breaks a text at blanks into lines of at most `width` characters. A longer word has a line of its own. Quotes and
 * brackets keep what is in them on one line.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.match(/(?:'[^']*'|\[[^\]]*\]|\S)+/g) ?? []) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
