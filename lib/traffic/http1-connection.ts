// An HTTP/1 connection of a server that stops: its last answer says `Connection: close`.
import type { Socket } from 'node:net';
import { type Answer, hasUnsentHead, sayClose, whenHeadIsMade } from './close-after-response.ts';
import { type Attempt, closeAfter, discard, type Request } from './lingering-close.ts';

/** What reads the requests of a connection. */
interface Parser {
  /** The newest request. */
  readonly incoming?: Request | null;
  onIncoming?: (request: Request) => number;
}

/** What Node's own code relies on, and does not document. */
export interface HttpSocket extends Socket {
  /** The answer whose turn it is. Requests are answered in their order. */
  _httpMessage?: Answer | null;
  /** Null once the connection is of another protocol. Sockets of other runtimes have none. */
  readonly parser?: Parser | null;
}

export interface IdleListener {
  add(socket: Socket): void;
  delete(socket: Socket): void;
}

/**
 * Requests that come after `Connection: close` was said are not answered (RFC 9112, 9.6), so that the client may
 * send them again elsewhere. The program does not get them.
 */
function ignoreRequests(parser: Parser | null | undefined): void {
  if (!parser) return;
  parser.onIncoming = (request) => {
    (request as { upgrade?: boolean }).upgrade = false;
    discard(request);
    return 0; // the body is read as any other
  };
}

/** Follows the answers of a connection from when the server stops. */
class Http1Connection {
  readonly #socket: HttpSocket;
  readonly #idle: IdleListener;
  readonly #attempt: Attempt;
  /** The answer that has said `Connection: close`. */
  #last: Answer | undefined;

  constructor(socket: HttpSocket, idle: IdleListener, attempt: Attempt) {
    this.#socket = socket;
    this.#idle = idle;
    this.#attempt = attempt;
  }

  /** It is this answer's turn. Null: all requests that have come are answered. */
  turnOf(answer: Answer | null | undefined): void {
    if (answer) {
      this.#idle.delete(this.#socket);
      // Before Node's own listener, which closes the connection if this is its last answer.
      answer.prependListener('finish', () => this.#attempt(() => this.#onSent(answer)));
      const say = () => this.#attempt(() => this.#sayClose(answer));
      if (hasUnsentHead(answer)) say();
      else if (!answer.headersSent) whenHeadIsMade(answer, say);
    } else if (this.#last === undefined) this.#idle.add(this.#socket);
  }

  /**
   * Whether no request has come after the one that this answers. All that the program was given are answered,
   * so the last one says that it is the last.
   */
  #isNewest(answer: Answer): boolean {
    const { parser } = this.#socket;
    // The newest was an upgrade, which the program has taken or answers with one that it has made itself.
    if (!parser) return (answer.req as { upgrade?: unknown }).upgrade === true;
    return !parser.incoming || parser.incoming === answer.req;
  }

  #sayClose(answer: Answer): void {
    if (this.#isNewest(answer) && sayClose(answer)) this.#isLast(answer);
  }

  #isLast(answer: Answer): void {
    this.#last = answer;
    ignoreRequests(this.#socket.parser);
  }

  #onSent(answer: Answer): void {
    if (!answer._last || (this.#last !== answer && !this.#isNewest(answer))) return;
    answer._last = false;
    this.#isLast(answer);
    const close = () => closeAfter(answer.req, this.#socket, this.#attempt);
    process.nextTick(() => this.#attempt(close)); // after Node's own listener
  }
}

const followed = new WeakSet<Socket>();

/** Whether {@link endAfterLastAnswer} sees to the answers of a connection. */
export function isFollowed(socket: Socket): boolean {
  return followed.has(socket);
}

/** Follows the answers of a connection, and those under way. Node tells nobody whose turn it is, and sets it. */
export function endAfterLastAnswer(socket: HttpSocket, idle: IdleListener, attempt: Attempt): void {
  const connection = new Http1Connection(socket, idle, attempt);
  let current = socket._httpMessage;
  const follow = () => attempt(() => connection.turnOf(current));
  Object.defineProperty(socket, '_httpMessage', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set(answer: Answer | null | undefined) {
      current = answer;
      follow();
    },
  });
  followed.add(socket);
  follow();
}
