// How the service manager reads a message. test/manager/status.test.ts makes sure of it.

/** What it ignores a message above (NOTIFY_BUFFER_MAX). */
export const LIMIT = 4096;

export const size = (message: string) => Buffer.byteLength(message);

/**
 * The assignments in a message: they end at \n and \r, a backslash makes the next character part of
 * the assignment whatever it is, and a message that ends in a backslash is dropped whole, as is one
 * with a null byte or of more than 4096 bytes.
 * @see manager_invoke_notify_message() and strv_split_newlines() of systemd
 */
export function read(message: string): string[] | undefined {
  if (message.includes('\0') || size(message) > LIMIT) return undefined;
  const assignments: string[] = [];
  let assignment = '';
  const characters = [...message][Symbol.iterator]();
  for (const character of characters) {
    if (character === '\\') {
      const { value, done } = characters.next();
      if (done) return undefined;
      assignment += value;
    } else if (character === '\n' || character === '\r') {
      assignments.push(assignment);
      assignment = '';
    } else {
      assignment += character;
    }
  }
  return [...assignments, assignment].filter((text) => text !== '');
}

/** What a terminal would not print, but obey, hide or turn around. */
const isUnprintable = (character: string) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character);

/** What the status is meant to become of a character. */
function legibleCharacter(character: string): string {
  if (['\n', '\r', '\t', '\0'].includes(character)) return ' ';
  if (/\p{Noncharacter_Code_Point}/u.test(character)) return '\ufffd';
  if (!isUnprintable(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** What the status is meant to become of a text, but for its length. */
export function legible(text: string): string {
  return Array.from(text.toWellFormed(), legibleCharacter).join('');
}

/**
 * The status after a message: the first one in it, none where that is no text by systemd's rules;
 * undefined when the message leaves the status as it was.
 */
export function statusIn(message: string): string | undefined {
  const [first] = read(message)?.filter((assignment) => assignment.startsWith('STATUS=')) ?? [];
  const status = first?.slice('STATUS='.length);
  return status !== undefined && /\p{Noncharacter_Code_Point}/u.test(status) ? '' : status;
}
