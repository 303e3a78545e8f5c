// The HTTP/1 connections of a server that stops. The last response on each connection says `Connection: close`.
import type { Socket } from 'node:net';
import {
  addConnectionClose,
  type HttpResponse,
  hasUnsentHead,
  onHeadBuilt,
} from './connection-close-header.ts';
import { closeLingering, discardBody, type HttpRequest } from './lingering-close.ts';
import type { WarnOnError } from './warn-on-error.ts';

/** Node's parser of the requests of one connection. */
interface Parser {
  /** The newest request. */
  readonly incoming?: HttpRequest | null;
  onIncoming?: (request: HttpRequest) => number;
}

/** A socket with the undocumented members that Node's own code relies on. */
export interface HttpSocket extends Socket {
  /** The response that is sent now. Node sends responses in the order of the requests. */
  _httpMessage?: HttpResponse | null;
  /** Null once the connection speaks another protocol. Sockets of other runtimes have no parser. */
  readonly parser?: Parser | null;
}

/** The idle connections, which {@link Http1Connection} keeps up to date. */
export interface IdleSockets {
  add(socket: Socket): void;
  delete(socket: Socket): void;
}

/**
 * Drops later requests before the program sees them. Requests that come after `Connection: close` was sent get
 * no response (RFC 9112, 9.6), so that the client may send them again elsewhere.
 */
function ignoreRequests(parser: Parser | null | undefined): void {
  if (!parser) return;
  parser.onIncoming = (request) => {
    (request as { upgrade?: boolean }).upgrade = false;
    discardBody(request);
    return 0; // Node then reads the body as usual
  };
}

/** Follows the responses of one connection from the beginning of the stop. */
class Http1Connection {
  readonly #socket: HttpSocket;
  readonly #idle: IdleSockets;
  readonly #warnOnError: WarnOnError;
  /** The response that has said `Connection: close`. */
  #last: HttpResponse | undefined;

  constructor(socket: HttpSocket, idle: IdleSockets, warnOnError: WarnOnError) {
    this.#socket = socket;
    this.#idle = idle;
    this.#warnOnError = warnOnError;
  }

  /** Handles a change of the response that is sent now. Null: every received request has got its response. */
  onCurrentResponse(response: HttpResponse | null | undefined): void {
    if (response) {
      this.#idle.delete(this.#socket);
      // This listener runs before Node's own, which closes the connection after the last response.
      response.prependListener('finish', () => this.#warnOnError(() => this.#onFinish(response)));
      const addClose = () => this.#warnOnError(() => this.#addCloseToLast(response));
      if (hasUnsentHead(response)) addClose();
      else if (!response.headersSent) onHeadBuilt(response, addClose);
    } else if (this.#last === undefined) this.#idle.add(this.#socket);
  }

  /**
   * True when no later request has come on this connection. Every request that the program was given gets a
   * response, so only the response to the newest request may be the last.
   */
  #answersNewestRequest(response: HttpResponse): boolean {
    const { parser } = this.#socket;
    // Without a parser the newest request was an upgrade, which the program takes or answers by itself.
    if (!parser) return (response.req as { upgrade?: unknown }).upgrade === true;
    return !parser.incoming || parser.incoming === response.req;
  }

  #addCloseToLast(response: HttpResponse): void {
    if (this.#answersNewestRequest(response) && addConnectionClose(response)) {
      this.#setLast(response);
    }
  }

  #setLast(response: HttpResponse): void {
    this.#last = response;
    ignoreRequests(this.#socket.parser);
  }

  #onFinish(response: HttpResponse): void {
    if (!response._last) return;
    if (this.#last !== response && !this.#answersNewestRequest(response)) return;
    response._last = false; // Node's own listener then leaves the connection open
    this.#setLast(response);
    const close = () => closeLingering(response.req, this.#socket, this.#warnOnError);
    process.nextTick(() => this.#warnOnError(close)); // after Node's own listener
  }
}

const followed = new WeakSet<Socket>();

/** True once {@link closeAfterLastResponse} was called for this socket. */
export function closesAfterLastResponse(socket: Socket): boolean {
  return followed.has(socket);
}

/**
 * Lets the last response of a connection say `Connection: close`, and closes the connection after it, whether or
 * not a response is under way. Node sets `_httpMessage` for each response and emits no event, so a setter
 * observes it.
 */
export function closeAfterLastResponse(
  socket: HttpSocket,
  idle: IdleSockets,
  warnOnError: WarnOnError,
): void {
  const connection = new Http1Connection(socket, idle, warnOnError);
  let current = socket._httpMessage;
  const follow = () => warnOnError(() => connection.onCurrentResponse(current));
  Object.defineProperty(socket, '_httpMessage', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set(response: HttpResponse | null | undefined) {
      current = response;
      follow();
    },
  });
  followed.add(socket);
  follow();
}
