// What an entry says of an error: ERROR_TYPE, ERROR_MESSAGE, ERROR_CODE, ERROR_STACK with the causes, and ERRNO.
import { messageOf, stackOf } from '../base/warn.ts';
import type { Entry } from './entry-bytes.ts';

/** An error whose causes go on is a circle, or has been wrapped by every layer of a program. */
const MOST_CAUSES = 8;

/** A property of an error; undefined when the error's own code throws. */
function read(error: unknown, name: 'name' | 'code' | 'errno' | 'cause'): unknown {
  try {
    return error instanceof Error ? (error as unknown as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}

/** The stack of an error, and those of its causes. */
function stackWithCauses(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at !== undefined && texts.length <= MOST_CAUSES; at = read(at, 'cause')) {
    texts.push(stackOf(at) ?? messageOf(at));
  }
  return texts.join('\nCaused by: ');
}

/** Adds the fields of an error, or of any other value that was thrown. None of the value's own code can make this throw. */
export function addError(entry: Entry, error: unknown): void {
  const name = read(error, 'name');
  const code = read(error, 'code');
  const errno = read(error, 'errno');
  if (typeof name === 'string') entry.add('ERROR_TYPE', name);
  entry.add('ERROR_MESSAGE', messageOf(error));
  if (typeof code === 'string' || typeof code === 'number') entry.add('ERROR_CODE', `${code}`);
  // systemd.journal-fields(7): the number as errno(3) has it, so without Node's sign.
  if (Number.isInteger(errno)) entry.add('ERRNO', `${Math.abs(errno as number)}`);
  if (stackOf(error) !== undefined) entry.add('ERROR_STACK', stackWithCauses(error));
}
