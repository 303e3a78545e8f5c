// Encodes text from outside as the value of an assignment: as one line, which can't forge another assignment.
import { escapeUnprintable } from '../base/printable.ts';

/**
 * Doubles each backslash, because the manager takes a single one as the start of an escape sequence.
 * The manager has no other quoting.
 */
export function escapeBackslashes(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

/** A string, because V8 expands such a class when it compiles a regular expression, which is slow. */
const NONCHARACTER = String.raw`\p{Noncharacter_Code_Point}`;

/** A quick test first: text in most languages has no character of this range. */
const MAYBE_NONCHARACTER = /[\ud800-\uffff]/;

/**
 * Returns the text on one line. U+FFFD replaces lone surrogates and Unicode's noncharacters, because
 * the manager clears a status that has any (unichar_is_valid() of systemd).
 */
function toOneLine(text: string): string {
  const line = text.toWellFormed().replace(/[\n\r\t\0]/g, ' ');
  if (!MAYBE_NONCHARACTER.test(line)) return line;
  return line.replace(new RegExp(NONCHARACTER, 'gu'), '\ufffd');
}

/** `systemctl status` prints a status byte for byte, so control characters are escaped here. */
function encodeCharacters(line: string): string {
  return escapeBackslashes(escapeUnprintable(line));
}

/**
 * True for printable ASCII without a backslash, which is sent as it is. Most texts are. This loop takes
 * half the time of a regular expression.
 */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7e || unit === 0x5c) return false;
  }
  return true;
}

/**
 * Encodes the text of STATUS=, and cuts it so that it fits.
 *
 * @param room - how many bytes the message has left
 */
export function encodeStatusText(text: string, room: number): string {
  if (text.length <= room && isPlain(text)) return text;
  // A character has at least as many bytes as UTF-16 units, so nothing beyond `room` units can fit.
  const line = toOneLine(text.slice(0, room + 1));
  const encoded = encodeCharacters(line);
  return Buffer.byteLength(encoded) <= room ? encoded : encodeAsMuchAsFits(line, room);
}

/** Encodes character by character, so that the cut is between two characters. */
function encodeAsMuchAsFits(line: string, room: number): string {
  let encoded = '';
  let left = room;
  for (const character of line) {
    const next = encodeCharacters(character);
    left -= Buffer.byteLength(next);
    if (left < 0) break;
    encoded += next;
  }
  return encoded;
}
