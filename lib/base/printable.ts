// Text that comes from outside, made fit for a terminal and for a line of a log.

/**
 * What would let a text write to the terminal, forge a line of a log, or hide: control characters (C1
 * too), format characters (those of direction too), the separators of lines and paragraphs, and halves
 * of a character. As a text, because V8 looks such classes up when it reads the file, which takes it a
 * while.
 */
const UNPRINTABLE = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]`;

const PLAIN = /^[ -~]*$/;

function escapeCharacter(character: string): string {
  const hex = (character.codePointAt(0) as number).toString(16);
  return hex.length > 2 ? `\\u{${hex}}` : `\\x${hex.padStart(2, '0')}`;
}

/** On one line, with `\x1b` or `\u{202e}` in the place of each character that can't be printed. */
export function visible(text: string): string {
  return PLAIN.test(text) ? text : text.replace(new RegExp(UNPRINTABLE, 'gu'), escapeCharacter);
}

/** The same with backslashes doubled, so that an escape differs from a text that looks like one. */
export function printable(text: string): string {
  return visible(text.replaceAll('\\', '\\\\'));
}
