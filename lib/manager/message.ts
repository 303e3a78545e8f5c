// A message to the notification socket: when it is valid, and how it falls into lines.
import type { ReceivedMessage } from './world.ts';

/** NOTIFY_BUFFER_MAX of systemd, in bytes. */
const LONGEST_MESSAGE = 4096;

/**
 * The lines of a message. Each byte is a character of the string (latin1), because a value may be any bytes, and
 * systemd compares bytes too. {@link decodeValue} makes text of a value.
 */
export type Lines = readonly string[];

/** Why the manager drops a message. */
export interface Dropped {
  readonly why: string;
}

/** Splits a message into lines, or tells why the manager drops it. */
export function splitMessage({ bytes, lost, pid }: ReceivedMessage): Lines | Dropped {
  if (pid <= 0) return { why: 'it came without the credentials of its sender' };
  if (lost === 'bytes' || bytes.length > LONGEST_MESSAGE)
    return { why: `it has more than ${LONGEST_MESSAGE} bytes` };
  if (lost === 'descriptors')
    return { why: 'its descriptors did not all come: its receiver can open no more of them' };
  // One null byte may end the message, because C programs count it by mistake.
  const text = bytes.toString('latin1').replace(/\0$/, '');
  if (text.includes('\0')) return { why: 'it has a null byte before its end' };
  return splitLines(text);
}

/** Characters of one line, of which a backslash escapes the next one, a line break too. */
const LINE = /(?:\\.|[^\\\n\r])+/gs;

/** True for a text whose last character is a backslash that escapes nothing. */
export const endsInBackslash = (text: string): boolean => /^(?:\\.|[^\\])*\\$/s.test(text);

/**
 * Splits at line feeds and carriage returns, of which a run counts as one. A backslash is removed, and the character
 * after it stays as it is (extract_first_word() of systemd without flags).
 */
function splitLines(text: string): Lines | Dropped {
  if (endsInBackslash(text)) return { why: 'it ends in a backslash' };
  return (text.match(LINE) ?? []).map((line) => line.replace(/\\(.)/gs, '$1'));
}

/** The key of a line: all of it where it has no `=`. */
export function keyOf(line: string): string {
  return line.split('=', 1)[0] as string;
}

/** The value of the first line with this key; undefined if there is none. */
export function findValue(lines: Lines, key: string): string | undefined {
  return lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
}

/** What systemd takes for no characters (unichar_is_valid): U+FDD0 to U+FDEF, and the last two of each plane. */
const NONCHARACTER = /\p{Noncharacter_Code_Point}/u;

/** The value as text; undefined if it is not the UTF-8 that systemd accepts. */
export function decodeValue(value: string): string | undefined {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    const text = decoder.decode(Buffer.from(value, 'latin1'));
    return NONCHARACTER.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
