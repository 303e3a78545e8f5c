// Puts `Connection: close` into the head of an HTTP/1 response, however the program builds that head.
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * A response with the undocumented members that Node's own code relies on. Node 20 to 26 have all of them;
 * another runtime may have none.
 */
export interface HttpResponse extends ServerResponse {
  readonly req: IncomingMessage;
  /** The head (status line and headers) as text, once it is built. */
  _header?: string | null;
  readonly _headerSent?: boolean;
  /** True when the connection ends with this response. */
  _last?: boolean;
  /** The pieces that wait until earlier responses are sent. The first piece begins with the head. */
  readonly outputData?: readonly { data: unknown }[];
  /** Builds the head. Every public way to build one calls this function. */
  _storeHeader?(this: HttpResponse, ...args: unknown[]): void;
}

const CONNECTION_HEADERS = /^(?:connection|keep-alive):/i;

/** The tokens of a `Connection:` line, without `close` and `keep-alive`. */
function otherTokensOf(line: string): string[] {
  if (!/^connection:/i.test(line)) return [];
  const tokens = line.slice(line.indexOf(':') + 1).split(',');
  return tokens
    .map((token) => token.trim())
    .filter((token) => !/^(?:close|keep-alive|)$/i.test(token));
}

/** Replaces the head's `Connection` and `Keep-Alive` lines by one `Connection: close` line, or appends it. */
function withConnectionClose(head: string): string {
  const [status = '', ...lines] = head.split('\r\n');
  const tokens = [...lines.flatMap(otherTokensOf), 'close'];
  const place = lines.findIndex((line) => CONNECTION_HEADERS.test(line));
  const kept = lines.filter((line) => !CONNECTION_HEADERS.test(line));
  // The removed lines stood at `place` or after it. A head ends with two line breaks.
  const end = kept.length - 2;
  kept.splice(place < 0 ? end : Math.min(place, end), 0, `Connection: ${tokens.join(', ')}`);
  return [status, ...kept].join('\r\n');
}

/** The first waiting piece of the response, if that piece begins with the head. */
function waitingHeadOf(response: HttpResponse): { data: string } | undefined {
  const piece = response.outputData?.[0];
  const isHead = typeof piece?.data === 'string' && piece.data.startsWith(response._header ?? '\n');
  return isHead ? (piece as { data: string }) : undefined;
}

/** True when the head is built and still in this process. */
export function hasUnsentHead(response: HttpResponse): boolean {
  if (typeof response._header !== 'string') return false;
  return !response._headerSent || waitingHeadOf(response) !== undefined;
}

/**
 * Puts `Connection: close` into an unsent head. Returns
 * - (true) the head says `Connection: close`, and Node closes the connection after the response;
 * - (false) nothing was changed: there is no head, or its status is 101, after which the connection speaks
 *   another protocol.
 */
export function addConnectionClose(response: HttpResponse): boolean {
  const head = response._header;
  if (typeof head !== 'string' || response.statusCode === 101) return false;
  const newHead = withConnectionClose(head);
  const waiting = response._headerSent ? waitingHeadOf(response) : undefined;
  if (waiting !== undefined) waiting.data = newHead + waiting.data.slice(head.length);
  response._header = newHead;
  response._last = true;
  return true;
}

/**
 * Calls `onBuilt` after the head is built and before it is sent. This wraps Node's internal function, because
 * a program may replace `writeHead()`, remove the header, or call none of the public functions.
 */
export function onHeadBuilt(response: HttpResponse, onBuilt: () => void): void {
  const { _storeHeader: storeHeader, shouldKeepAlive } = response;
  // Where the internal function is missing, unused (Bun) or can't be wrapped, this line closes the connection.
  response.shouldKeepAlive = false;
  if (storeHeader === undefined) return;
  const storeAndReport = function (this: HttpResponse, ...args: unknown[]) {
    response.shouldKeepAlive = shouldKeepAlive;
    Reflect.apply(storeHeader, this, args);
    onBuilt();
  };
  // An assignment would fail if the prototype is frozen.
  const property = { configurable: true, writable: true, value: storeAndReport };
  Reflect.defineProperty(response, '_storeHeader', property);
}
