// The connections of a server of net, tls, http, https or http2, and how they end.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { deferred } from '../base/deferred.ts';
import {
  closeAfterLastResponse,
  closesAfterLastResponse,
  type HttpSocket,
} from './http1-connection.ts';
import { DrainingSessions } from './http2-sessions.ts';
import { type HttpServer, IdleConnections } from './idle-connections.ts';
import type { LayeredSocket } from './lingering-close.ts';
import { OpenSet } from './open-set.ts';
import { endRequestTimer, stopListening } from './stop-listening.ts';
import type { OpenConnection, Traffic } from './traffic.ts';
import { createWarnOnError } from './warn-on-error.ts';

/** The milliseconds between two checks of the connections during the stop. */
const CHECK_INTERVAL = 250;

/** A server with Node's own count of its connections. */
interface CountingServer extends Server {
  readonly _connections?: number;
  /** True if the server has handed sockets to child processes. Once it is closed, its count is then one too high. */
  readonly _usingWorkers?: boolean;
}

/** True if the server speaks HTTP. Only then can a connection be idle, so that a close loses nothing. */
function isHttpServer(server: Server): boolean {
  return 'closeIdleConnections' in server || 'updateSettings' in server;
}

/** The handle of the socket below a session. `session.socket` is a proxy that passes reads on to that socket. */
function handleOfSession({ socket }: Http2Session): unknown {
  try {
    return (socket as LayeredSocket)._handle;
  } catch {
    return undefined; // the session has just lost its socket
  }
}

/** The connections of one server. */
export class ConnectionTraffic implements Traffic {
  readonly endsLast = false;
  readonly #warnOnError = createWarnOnError();
  readonly #server: HttpServer & CountingServer;
  readonly #isHttp: boolean;
  /** The sockets of 'connection' events, whether the server or the program has emitted them. */
  readonly #accepted: OpenSet<Socket>;
  /** The TLS sockets, each above an accepted one. */
  readonly #secure = new OpenSet<Socket>();
  readonly #sessions = new OpenSet<Http2Session>();
  /** Functions that remove this object's listeners from the server, which may serve again. */
  readonly #removeListeners: (() => void)[] = [];
  /** The idle connections of an HTTP server, from the beginning of the stop. */
  #idle: IdleConnections | undefined;
  readonly #drainingSessions = new DrainingSessions(this.#warnOnError);
  #isClosed = false;
  #isCut = false;
  readonly #ended = deferred<void>();

  constructor(server: HttpServer, onActivity: () => void) {
    this.#server = server;
    this.#isHttp = isHttpServer(server);
    this.#accepted = new OpenSet(() => {
      if (this.#accepted.size === 0) this.#checkEnd();
      onActivity();
    });
    this.#on('connection', (socket: Socket) => {
      this.#accepted.add(socket);
      this.#drainSocket(socket);
      onActivity();
    });
    this.#on('secureConnection', (socket: Socket) => {
      this.#secure.add(socket);
      this.#drainSocket(socket);
    });
    this.#on('session', (session: Http2Session) => {
      this.#sessions.add(session);
      if (this.#idle !== undefined) this.#drainingSessions.add(session);
    });
  }

  #on(event: string, listen: (...args: never[]) => void, how: 'on' | 'prependListener' = 'on') {
    const listener = listen as () => void;
    this.#server[how](event, listener);
    this.#removeListeners.push(() => this.#server.off(event, listener));
  }

  get connections(): number {
    // The program may keep 'connection' events from this object. Node counts those connections too.
    const { _connections = 0, _usingWorkers = false } = this.#server;
    return Math.max(this.#accepted.present.size, _usingWorkers ? 0 : _connections);
  }

  /** All sockets: accepted ones, and the TLS sockets above them. */
  get #sockets(): readonly HttpSocket[] {
    return [...this.#accepted.present, ...this.#secure.present] as HttpSocket[];
  }

  /** The sessions, and the sockets that have neither a TLS socket nor a session above them. */
  get open(): readonly OpenConnection[] {
    const sessions = [...this.#sessions.present];
    const sockets = this.#sockets as readonly LayeredSocket[];
    const below = new Set<unknown>(sockets.map(({ _parent }) => _parent));
    const handles = new Set(sessions.map(handleOfSession));
    const hasSession = ({ _handle }: LayeredSocket) =>
      _handle !== undefined && handles.has(_handle);
    return [...sessions, ...sockets.filter((socket) => !below.has(socket) && !hasSession(socket))];
  }

  async drain(): Promise<void> {
    const isClosed = stopListening(this.#server, () => {
      this.#isClosed = true;
      this.#checkEnd();
    });
    if (isClosed) this.#isClosed = true;
    if (this.#isHttp) this.#drainHttp();
    const timer = setInterval(() => this.#checkAll(), CHECK_INTERVAL);
    this.#checkEnd();
    await this.#ended.promise;
    clearInterval(timer);
    await new Promise(setImmediate); // Node emits the server's own 'close' event meanwhile
    for (const removeListener of this.#removeListeners) removeListener();
    if (this.#isHttp) endRequestTimer(this.#server);
  }

  /** Ends each HTTP connection after its last response, or once it has been idle for a while. */
  #drainHttp(): void {
    this.#idle = new IdleConnections(this.#server, () => this.#sockets, this.#warnOnError);
    this.#closeAfterNextResponse();
    for (const socket of this.#sockets) this.#drainSocket(socket);
    for (const session of this.#sessions.present) this.#drainingSessions.add(session);
  }

  /** Ends a socket that was accepted before or during the stop. Does nothing before the stop. */
  #drainSocket(socket: HttpSocket): void {
    if (this.#isCut) this.#warnOnError(() => socket.destroy());
    const idle = this.#idle;
    if (idle === undefined) return;
    this.#warnOnError(() => {
      idle.add(socket);
      if (socket.parser) closeAfterLastResponse(socket, idle, this.#warnOnError);
    });
  }

  /** Does for sockets without `parser`, as in other runtimes, what closeAfterLastResponse() does for Node's. */
  #closeAfterNextResponse(): void {
    // An http2 server treats its streams differently once it has a 'request' listener, so none is added as its first.
    if (this.#server.listenerCount('request') === 0) return;
    const listener = ({ httpVersionMajor, socket }: IncomingMessage, response: ServerResponse) => {
      if (httpVersionMajor > 1 || closesAfterLastResponse(socket)) return;
      if (!response.headersSent) response.shouldKeepAlive = false;
    };
    this.#on('request', listener, 'prependListener');
  }

  #checkAll(): void {
    this.#idle?.closeDue();
    this.#drainingSessions.closeDue();
    this.#checkEnd();
  }

  #checkEnd(): void {
    if (this.#isCut || (this.#isClosed && this.connections === 0)) this.#ended.resolve();
  }

  cut(): void {
    this.#isCut = true;
    for (const session of this.#sessions.present) this.#warnOnError(() => session.destroy());
    for (const socket of this.#sockets.toReversed()) this.#warnOnError(() => socket.destroy());
    this.#checkEnd();
  }
}
