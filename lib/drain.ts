// The connections of a server, and how they come to their end without the loss of a request.
import type { Socket as DgramSocket } from 'node:dgram';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { net } from './builtin.ts';
import { isDgramSocket } from './handle.ts';
import { makeLast } from './last-answer.ts';

/** What goes over a server or a socket of dgram. */
export interface Traffic {
  /** How many connections are open. */
  readonly connections: number;
  /**
   * Takes no more connections, at once, and resolves when the last one has ended by itself. Datagrams are
   * read until `answered` resolves: what has been read, no other process can answer.
   */
  drain(answered: Promise<void>): Promise<void>;
  /** Ends what is open. */
  cut(): void;
}

/** What all servers of HTTP have from Node, some of it only those of one version. */
interface HttpServer extends Server {
  closeIdleConnections?(): void;
}

/** A socket of an HTTP/1 server has the response that it waits for; Node's own code relies on it. */
interface HttpSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null;
}

/**
 * A kept-alive connection that is closed may have its next request on the way. So it stays open for
 * this long, in milliseconds, and an answer meanwhile says that it is the last one.
 */
const GRACE = 1_000;

/** The last stream of a GOAWAY that takes all on their way, before the one that counts (RFC 9113, 6.8). */
const ANY_STREAM = 2 ** 31 - 1;

/** Whether a connection may be idle, and closed without loss: none of another protocol ever is. */
function isHttp(server: Server): boolean {
  return 'closeIdleConnections' in server || 'updateSettings' in server;
}

function addUntilClosed<T extends NodeJS.EventEmitter>(set: Set<T>, item: T, onClose = () => {}) {
  set.add(item);
  item.once('close', () => {
    set.delete(item);
    onClose();
  });
}

/** Lets `close` close none of these. */
function sparing(sockets: readonly Socket[], close: () => void): void {
  const destroys = sockets.map(({ destroy }) => destroy);
  for (const socket of sockets) socket.destroy = () => socket;
  close();
  for (const [i, socket] of sockets.entries()) socket.destroy = destroys[i] as Socket['destroy'];
}

class ConnectionTraffic implements Traffic {
  readonly #server: HttpServer;
  /** As they were accepted. */
  readonly #accepted = new Set<Socket>();
  /** Those of TLS, above the accepted ones. */
  readonly #secure = new Set<HttpSocket>();
  /** Those of HTTP/2. */
  readonly #sessions = new Set<Http2Session>();
  /** What takes the listeners off the server again, which may serve once more. */
  readonly #takeOff: (() => void)[] = [];
  #draining = false;
  #onLast: () => void = () => {};

  constructor(server: HttpServer, onActivity: () => void) {
    this.#server = server;
    this.#on('connection', (socket: Socket) => {
      addUntilClosed(this.#accepted, socket, () => {
        if (this.#accepted.size === 0) this.#onLast();
        onActivity();
      });
      onActivity();
    });
    this.#on('secureConnection', (socket: Socket) => addUntilClosed(this.#secure, socket));
    this.#on('session', (session: Http2Session) => {
      addUntilClosed(this.#sessions, session);
      if (this.#draining) session.goaway(0, ANY_STREAM);
    });
  }

  #on(event: string, listen: (...args: never[]) => void, how: 'on' | 'prependListener' = 'on') {
    const listener = listen as () => void;
    this.#server[how](event, listener);
    this.#takeOff.push(() => this.#server.off(event, listener));
  }

  get connections(): number {
    return this.#accepted.size;
  }

  async drain(): Promise<void> {
    this.#draining = true;
    // Not http's close(), which cuts idle connections at once; Bun's http has no other. Without a
    // listener it is done.
    const { close } = this.#server instanceof net().Server ? net().Server.prototype : this.#server;
    const closed = new Promise<void>((resolve) => {
      close.call(this.#server, () => resolve());
    });
    const ended = new Promise<void>((resolve) => {
      this.#onLast = resolve;
      if (this.#accepted.size === 0) resolve();
    });
    const sweeps = isHttp(this.#server) ? this.#sayLast() : undefined;
    await Promise.all([closed, ended]);
    clearInterval(sweeps);
    for (const takeOff of this.#takeOff) takeOff();
  }

  /** Each answer from now on is its connection's last one; what then is idle is closed in a while. */
  #sayLast(): NodeJS.Timeout {
    // After the event loop has read what came, for it may have had no time to.
    const sweeps = setInterval(() => setImmediate(() => this.#closeIdle()), GRACE);
    const isLast = (response: ServerResponse) => {
      if (!response.headersSent) makeLast(response);
      // It promised to keep the connection alive, which then has its own while.
      else response.once('close', () => sweeps.refresh());
    };
    for (const event of ['request', 'checkContinue', 'checkExpectation']) {
      // With nobody else to listen, these last two would no longer lead to a request.
      if (event !== 'request' && this.#server.listenerCount(event) === 0) continue;
      const listener = (request: IncomingMessage, response: ServerResponse) => {
        if (request.httpVersionMajor < 2) isLast(response);
      };
      this.#on(event, listener, 'prependListener');
    }
    for (const { _httpMessage: response } of [...this.#accepted, ...this.#secure] as HttpSocket[]) {
      if (response) isLast(response);
    }
    for (const session of this.#sessions) {
      if (!session.destroyed) session.goaway(0, ANY_STREAM); // it may be about to say 'close'
    }
    return sweeps;
  }

  #closeIdle(): void {
    const sockets: readonly HttpSocket[] = [...this.#accepted, ...this.#secure];
    // To Node a connection is idle as soon as its answer has ended, though it may take long to be sent.
    const answering = sockets.filter(({ _httpMessage: response }) => response);
    sparing(answering, () => this.#server.closeIdleConnections?.());
    for (const session of this.#sessions) session.close();
    // To Node a connection is not idle that has never sent anything.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  cut(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of [...this.#secure, ...this.#accepted]) socket.destroy();
  }
}

/** Datagrams have no connections; what has not been read is for who reads next. */
class DatagramTraffic implements Traffic {
  readonly connections = 0;
  readonly #socket: DgramSocket;
  readonly #closed: Promise<void>;
  #open = true;

  constructor(socket: DgramSocket, onActivity: () => void) {
    this.#socket = socket;
    socket.on('message', onActivity);
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#open = false;
        resolve();
      });
    });
  }

  async drain(answered: Promise<void>): Promise<void> {
    await Promise.race([answered, this.#closed]);
    await new Promise(setImmediate); // dgram's send() puts off what it sends, and forgets it when closed
    this.cut();
    await this.#closed;
  }

  cut(): void {
    if (this.#open) this.#socket.close();
    this.#open = false;
  }
}

/**
 * Watches a server from before it listens.
 *
 * @param onActivity - told of every connection and its end, and of every datagram
 */
export function watchTraffic(server: Server | DgramSocket, onActivity: () => void): Traffic {
  return isDgramSocket(server)
    ? new DatagramTraffic(server, onActivity)
    : new ConnectionTraffic(server, onActivity);
}
