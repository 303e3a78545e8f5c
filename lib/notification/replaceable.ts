// Messages of which only one has to wait: a status, a ping of the watchdog, an extension of a timeout.
//
// A service sends these again and again. While the manager does not read, a newer one takes the place of
// the waiting one, so that the queue does not grow.
import type { Message } from './message.ts';

/**
 * A STATUS= and nothing else. A line break would begin another assignment, and the manager drops a
 * message that ends within an escape sequence.
 */
const STATUS = /^STATUS=(?:[^\\\n\r]|\\[^\n\r])*$/;

const PING = 'WATCHDOG=1';

/** A number of more digits may be too large for the manager, which then ignores the message. */
const EXTENSION = /^EXTEND_TIMEOUT_USEC=(\d{1,18})$/;

type Kind = 'status' | 'ping' | 'extension';

function kindOf(state: string): Kind | undefined {
  if (state === PING) return 'ping';
  if (STATUS.test(state)) return 'status';
  return EXTENSION.test(state) ? 'extension' : undefined;
}

function extensionUsec(state: string): number {
  return Number(EXTENSION.exec(state)?.[1]);
}

/** True for a message that may take the place of a waiting one of its kind. */
export function isReplaceable(message: Message): boolean {
  if (message.fds.length > 0 || Object.hasOwn(message, 'onLost')) return false;
  return kindOf(message.state) !== undefined;
}

/**
 * Merges the states of two replaceable messages that the manager would read one right after the other.
 *
 * @returns
 * - the one state that has the effect of both: the newer status; the longer extension, because the
 * manager never shortens a timeout
 * - undefined: the states are of different kinds, so both have to be sent
 */
export function mergeStates(older: string, newer: string): string | undefined {
  const kind = kindOf(newer);
  if (kindOf(older) !== kind) return undefined;
  if (kind === 'extension' && extensionUsec(older) > extensionUsec(newer)) return older;
  return newer;
}
