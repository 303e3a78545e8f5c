// Text from outside this package, escaped for one line of a terminal or of a log.

/**
 * The characters by which a text could control the terminal, forge a line of a log, or be invisible: control
 * characters (C1 too), format characters (also those that change the direction of writing), the separators of lines
 * and paragraphs, and unpaired surrogates. The pattern is a string, because V8 takes long to compile such classes, and
 * would compile a literal when it loads the file.
 */
const UNPRINTABLE = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]`;

const ASCII_ONLY = /^[ -~]*$/;

function escapeCharacter(character: string): string {
  const hex = (character.codePointAt(0) as number).toString(16);
  return hex.length > 2 ? `\\u{${hex}}` : `\\x${hex.padStart(2, '0')}`;
}

/** The text on one line, with an escape such as `\x1b` or `\u{202e}` in place of each unprintable character. */
export function escapeUnprintable(text: string): string {
  return ASCII_ONLY.test(text)
    ? text
    : text.replace(new RegExp(UNPRINTABLE, 'gu'), escapeCharacter);
}

/**
 * Like {@link escapeUnprintable}, and doubles each backslash. So a reader can tell an escape from a text that contained
 * the same characters as an escape.
 */
export function escapeUnambiguously(text: string): string {
  return escapeUnprintable(text.replaceAll('\\', '\\\\'));
}
