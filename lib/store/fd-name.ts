// Names in the fd store: which are allowed, and how a message names one.
import { isFdName } from '../base/fd-names.ts';
import { invalidType, invalidValue } from '../base/validate.ts';
import { escapeBackslashes } from '../notification/text.ts';

export function validateFdName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw invalidType('name', 'of type string', name);
  if (name !== '' && isFdName(storedName(name))) return;
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
