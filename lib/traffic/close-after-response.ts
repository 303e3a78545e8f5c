// Answers of HTTP/1 that say `Connection: close`, however the program makes their head.
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * What Node's own code relies on, and does not document. Node 20 to 26 have all of it; another runtime may
 * have none.
 */
export interface Answer extends ServerResponse {
  readonly req: IncomingMessage;
  /** The head as text, once it is made. */
  _header?: string | null;
  readonly _headerSent?: boolean;
  /** Whether the connection ends with this answer. */
  _last?: boolean;
  /** What waits for the answer's turn on its connection; the head begins the first piece. */
  readonly outputData?: readonly { data: unknown }[];
  /** Makes the head. Every way to make one leads here. */
  _storeHeader?(this: Answer, ...args: unknown[]): void;
}

const NOT_KEPT = /^(?:connection|keep-alive):/i;

/** The tokens of a `Connection:` line but for those that say what becomes of the connection. */
function otherTokens(line: string): string[] {
  if (!/^connection:/i.test(line)) return [];
  const tokens = line.slice(line.indexOf(':') + 1).split(',');
  return tokens
    .map((token) => token.trim())
    .filter((token) => !/^(?:close|keep-alive|)$/i.test(token));
}

/** The head with `Connection: close` in the place of what it says of the connection, or at its end. */
function withClose(head: string): string {
  const [status = '', ...lines] = head.split('\r\n');
  const tokens = [...lines.flatMap(otherTokens), 'close'];
  const place = lines.findIndex((line) => NOT_KEPT.test(line));
  const kept = lines.filter((line) => !NOT_KEPT.test(line));
  // Lines that are taken out come at that place or after it. A head ends with two line breaks.
  const end = kept.length - 2;
  kept.splice(place < 0 ? end : Math.min(place, end), 0, `Connection: ${tokens.join(', ')}`);
  return [status, ...kept].join('\r\n');
}

/** The first piece of what waits, if it begins with the head. */
function waitingHead(answer: Answer): { data: string } | undefined {
  const piece = answer.outputData?.[0];
  const begins = typeof piece?.data === 'string' && piece.data.startsWith(answer._header ?? '\n');
  return begins ? (piece as { data: string }) : undefined;
}

/** Whether the answer has a head that is still in this process. */
export function hasUnsentHead(answer: Answer): boolean {
  if (typeof answer._header !== 'string') return false;
  return !answer._headerSent || waitingHead(answer) !== undefined;
}

/** Has an unsent head say that the connection ends with this answer; false where that would be wrong. */
export function sayClose(answer: Answer): boolean {
  const head = answer._header;
  // After 101 the connection is one of another protocol.
  if (typeof head !== 'string' || answer.statusCode === 101) return false;
  const last = withClose(head);
  const waiting = answer._headerSent ? waitingHead(answer) : undefined;
  if (waiting !== undefined) waiting.data = last + waiting.data.slice(head.length);
  answer._header = last;
  answer._last = true;
  return true;
}

/**
 * Calls `onHead` once the head is made, and before it is sent. It is Node's function that is followed, not the
 * public ones: a program may have its own `writeHead()`, remove the header, or never call any of them.
 */
export function whenHeadIsMade(answer: Answer, onHead: () => void): void {
  const { _storeHeader: store, shouldKeepAlive } = answer;
  // Where the function is not there, not called (Bun), or can't be followed, this makes the answer say close.
  answer.shouldKeepAlive = false;
  if (store === undefined) return;
  const storeAndTell = function (this: Answer, ...args: unknown[]) {
    answer.shouldKeepAlive = shouldKeepAlive;
    Reflect.apply(store, this, args);
    onHead();
  };
  // Not by assignment, which a frozen prototype refuses.
  const property = { configurable: true, writable: true, value: storeAndTell };
  Reflect.defineProperty(answer, '_storeHeader', property);
}
