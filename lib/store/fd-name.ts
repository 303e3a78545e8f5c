// Names in the fd store: which are allowed, and how a message names one.
import { invalidType, invalidValue } from '../base/validate.ts';
import { escapeBackslashes } from '../notification/text.ts';

/**
 * Printable ASCII without the colon, which separates names in LISTEN_FDNAMES (fdname_is_valid() of
 * systemd).
 */
const FD_NAME = /^[ -9;-~]{1,255}$/;

export function validateFdName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw invalidType('name', 'of type string', name);
  if (FD_NAME.test(storedName(name))) return;
  const expected =
    '1 to 255 printable ASCII characters without a colon, where a backslash counts as two';
  throw invalidValue('name', expected, name);
}

/**
 * Returns the name as the manager stores it, with each backslash doubled. The manager writes stored
 * names into LISTEN_FDNAMES without escaping them, and libsystemd takes a backslash there as the begin
 * of an escape sequence.
 */
function storedName(name: string): string {
  return escapeBackslashes(name);
}

/**
 * Returns the FDNAME= line. Its backslashes are doubled once more, because the manager unescapes the
 * message too.
 */
export function fdNameLine(name: string): string {
  return `FDNAME=${escapeBackslashes(storedName(name))}`;
}
