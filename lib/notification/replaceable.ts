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

/** What a replaceable message says. */
export type Kind = 'status' | 'ping' | 'extension';

/** Tells for a message that may take the place of a waiting one what it says; undefined for any other. */
export function replaceableKind(message: Message): Kind | undefined {
  if (message.fds.length > 0 || Object.hasOwn(message, 'onLost')) return undefined;
  const { state } = message;
  if (state === PING) return 'ping';
  if (STATUS.test(state)) return 'status';
  return EXTENSION.test(state) ? 'extension' : undefined;
}

function extensionUsec(state: string): number {
  return Number(EXTENSION.exec(state)?.[1]);
}

/**
 * Merges the states of two replaceable messages of one kind that the manager would read one right after
 * the other. Returns the one state that has the effect of both: the newer status; the longer extension,
 * because the manager never shortens a timeout.
 */
export function mergeStates(kind: Kind, older: string, newer: string): string {
  if (kind === 'extension' && extensionUsec(older) > extensionUsec(newer)) return older;
  return newer;
}
