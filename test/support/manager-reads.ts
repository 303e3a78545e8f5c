// A reader of notification messages that reads as the manager does, which test/manager/status.test.ts proves.

/** The most bytes of a message; the manager ignores longer messages (NOTIFY_BUFFER_MAX). */
export const LIMIT = 4096;

export const size = (message: string) => Buffer.byteLength(message);

/**
 * Splits a message into its assignments:
 * - \n and \r end an assignment;
 * - a backslash makes the next character part of the assignment, even if that is a line break;
 * - (undefined) the manager drops the message, because it ends in a backslash, has a null byte or more than 4096 bytes.
 *
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

/** True for characters that control a terminal, are invisible, or change the direction of text. */
const isUnprintable = (character: string) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character);

/** The characters that notify.status() sends for one character. */
function legibleCharacter(character: string): string {
  if (['\n', '\r', '\t', '\0'].includes(character)) return ' ';
  if (/\p{Noncharacter_Code_Point}/u.test(character)) return '\ufffd';
  if (!isUnprintable(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** The status that notify.status() sends for a text that is not too long. */
export function legible(text: string): string {
  return Array.from(text.toWellFormed(), legibleCharacter).join('');
}

/**
 * The status that a message sets, which is its first STATUS=. Returns
 * - the status, empty if its characters are not valid for systemd;
 * - (undefined) the message sets no status.
 */
export function statusIn(message: string): string | undefined {
  const [first] = read(message)?.filter((assignment) => assignment.startsWith('STATUS=')) ?? [];
  const status = first?.slice('STATUS='.length);
  return status !== undefined && /\p{Noncharacter_Code_Point}/u.test(status) ? '' : status;
}
