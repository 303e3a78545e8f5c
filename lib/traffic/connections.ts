// The connections of a server of net, tls, http, https or http2, and how they end.
import type { Server as HttpModuleServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { now } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import { http, net } from '../base/lazy-builtins.ts';
import { warn } from '../base/warn.ts';
import { endAfterLastAnswer, type HttpSocket, isFollowed } from './http1-connection.ts';
import { GRACE, type HttpServer, IdleConnections } from './idle-connections.ts';
import type { Attempt } from './lingering-close.ts';
import type { OpenConnection, Traffic } from './traffic.ts';

/** How often connections are looked at while they end, in milliseconds. */
const LOOK_INTERVAL = 250;

/** How many sockets there are at least before it is looked which of them have gone. */
const FEW = 64;

/** What Node counts by itself. */
interface CountingServer extends Server {
  readonly _connections?: number;
  /** Whether it has handed sockets to child processes. Once it is closed, its count is then one too high. */
  readonly _usingWorkers?: boolean;
}

/** What Node keeps in its sockets. */
interface OwnedSocket extends Socket {
  readonly _parent?: Socket | null;
  readonly _handle?: object | null;
}

/** Whether a connection may be idle, and closed without loss: none of another protocol ever is. */
function isHttp(server: Server): boolean {
  return 'closeIdleConnections' in server || 'updateSettings' in server;
}

/**
 * Whether a socket is no longer this process's, without a word: it was handed to a child process, which leaves
 * it without a handle, or ended after all its listeners had been removed.
 */
function isGone(socket: { readonly destroyed: boolean; readonly pending?: boolean }): boolean {
  return socket.destroyed || socket.pending === true;
}

/** The handle of the socket below a session. `session.socket` is a stand-in, which passes reads on to that socket. */
function handleOfSession({ socket }: Http2Session): unknown {
  try {
    return (socket as OwnedSocket)._handle;
  } catch {
    return undefined; // the session has just lost its socket
  }
}

/** Sockets or sessions, until they are closed or gone. */
class Open<T extends NodeJS.EventEmitter & { readonly destroyed: boolean }> {
  readonly #all = new Set<T>();
  readonly #onClose: () => void;
  #pruneAt = FEW;

  constructor(onClose = () => {}) {
    this.#onClose = onClose;
  }

  add(one: T): void {
    this.#all.add(one);
    one.once('close', () => {
      this.#all.delete(one);
      this.#onClose();
    });
    // Those that go without a 'close' event must not add up; to look at all for each new one would take too long.
    if (this.#all.size < this.#pruneAt) return;
    this.#pruneAt = Math.max(FEW, 2 * this.present.size);
  }

  /** How many, also those that have gone without a 'close' event. */
  get size(): number {
    return this.#all.size;
  }

  /** Those that have not gone. To look at all of them takes a while where they are thousands. */
  get present(): ReadonlySet<T> {
    for (const one of this.#all) if (isGone(one)) this.#all.delete(one);
    return this.#all;
  }
}

/**
 * What http's own close() does beside that of net: it ends the timer by which the server looks for requests
 * that take too long. The timer would hold the server in memory. By a stand-in, because the same call would
 * cut idle connections and emit 'close' again.
 */
function endRequestTimer(server: Server): void {
  if (server.listening) return; // the program has it listen again
  const nothing = () => false;
  const properties = {
    emit: { value: nothing },
    closeIdleConnections: { value: nothing },
    _usingWorkers: { value: false },
  };
  const standIn = Object.create(server, properties) as HttpModuleServer;
  http().Server.prototype.close.call(standIn);
}

/** The connections of one server. */
export class ConnectionTraffic implements Traffic {
  readonly endsLast = false;
  readonly #server: HttpServer & CountingServer;
  /** As they were accepted, or as the program has emitted them. */
  readonly #accepted: Open<Socket>;
  /** TLS sockets, each above an accepted one. */
  readonly #secure = new Open<Socket>();
  readonly #sessions = new Open<Http2Session>();
  /** What takes the listeners off the server again, which may serve once more. */
  readonly #takeOff: (() => void)[] = [];
  readonly #isHttp: boolean;
  #idle: IdleConnections | undefined;
  /** While it drains: since when the sessions of HTTP/2 may still take streams. */
  readonly #openSessions = new Map<Http2Session, number>();
  #isClosed = false;
  #isCut = false;
  #hasWarned = false;
  readonly #ended = deferred<void>();

  constructor(server: HttpServer, onActivity: () => void) {
    this.#server = server;
    this.#isHttp = isHttp(server);
    this.#accepted = new Open(() => {
      if (this.#accepted.size === 0) this.#lookWhetherEnded();
      onActivity();
    });
    this.#on('connection', (socket: Socket) => {
      this.#accepted.add(socket);
      this.#join(socket);
      onActivity();
    });
    this.#on('secureConnection', (socket: Socket) => {
      this.#secure.add(socket);
      this.#join(socket);
    });
    this.#on('session', (session: Http2Session) => {
      this.#sessions.add(session);
      if (this.#idle !== undefined) this.#openSessions.set(session, now());
    });
  }

  #on(event: string, listen: (...args: never[]) => void, how: 'on' | 'prependListener' = 'on') {
    const listener = listen as () => void;
    this.#server[how](event, listener);
    this.#takeOff.push(() => this.#server.off(event, listener));
  }

  get connections(): number {
    // Node's own count has those too whose 'connection' event the program has kept from getting here.
    const { _connections = 0, _usingWorkers = false } = this.#server;
    return Math.max(this.#accepted.present.size, _usingWorkers ? 0 : _connections);
  }

  /** All sockets, also those below others. */
  get #sockets(): readonly HttpSocket[] {
    return [...this.#accepted.present, ...this.#secure.present] as HttpSocket[];
  }

  get open(): readonly OpenConnection[] {
    const sessions = [...this.#sessions.present];
    const sockets = this.#sockets as readonly OwnedSocket[];
    const below = new Set<unknown>(sockets.map(({ _parent }) => _parent));
    const handles = new Set(sessions.map(handleOfSession));
    const hasSession = ({ _handle }: OwnedSocket) => _handle !== undefined && handles.has(_handle);
    return [...sessions, ...sockets.filter((one) => !below.has(one) && !hasSession(one))];
  }

  async drain(): Promise<void> {
    this.#stopListening();
    if (this.#isHttp) this.#closeByAnswers();
    const looks = setInterval(() => this.#look(), LOOK_INTERVAL);
    this.#lookWhetherEnded();
    await this.#ended.promise;
    clearInterval(looks);
    await new Promise(setImmediate); // Node emits the server's own 'close' meanwhile
    for (const takeOff of this.#takeOff) takeOff();
    if (this.#isHttp && this.#server instanceof net().Server) endRequestTimer(this.#server);
  }

  /** Not by http's close(), which cuts idle connections at once; Bun's http has no other. */
  #stopListening(): void {
    const server = this.#server;
    const isNodes = server instanceof net().Server;
    const { close } = isNodes ? net().Server.prototype : server;
    // Node's waits for connections of child processes too, which are no longer this service's.
    this.#isClosed = isNodes;
    close.call(server, () => {
      this.#isClosed = true;
      this.#lookWhetherEnded();
    });
  }

  #lookWhetherEnded(): void {
    if (this.#isCut || (this.#isClosed && this.connections === 0)) this.#ended.resolve();
  }

  /** Each connection ends with its next answer, or when it has been idle for a while. */
  #closeByAnswers(): void {
    this.#idle = new IdleConnections(this.#server, () => this.#sockets, this.#attempt);
    this.#followOtherRuntimes();
    for (const socket of this.#sockets) this.#join(socket);
    for (const session of this.#sessions.present) this.#openSessions.set(session, now());
  }

  /** A connection while the server stops. */
  #join(socket: HttpSocket): void {
    if (this.#isCut) this.#attempt(() => socket.destroy());
    const idle = this.#idle;
    if (idle === undefined) return;
    this.#attempt(() => {
      idle.add(socket);
      if (socket.parser) endAfterLastAnswer(socket, idle, this.#attempt);
    });
  }

  /** For runtimes whose sockets do not tell whose turn it is. */
  #followOtherRuntimes(): void {
    // A first listener would change what an http2 server does with its streams.
    if (this.#server.listenerCount('request') === 0) return;
    const listener = ({ httpVersionMajor, socket }: IncomingMessage, answer: ServerResponse) => {
      // Of one that is followed, more requests may be in line: only the last answer says close.
      if (httpVersionMajor > 1 || isFollowed(socket)) return;
      if (!answer.headersSent) answer.shouldKeepAlive = false;
    };
    this.#on('request', listener, 'prependListener');
  }

  #look(): void {
    this.#idle?.look();
    const time = now();
    const due = [...this.#openSessions].filter(([, since]) => time - since >= GRACE);
    // After the event loop has read what has come.
    if (due.length > 0) setImmediate(() => this.#closeSessions(due.map(([session]) => session)));
    this.#lookWhetherEnded();
  }

  /**
   * No GOAWAY before: after any that Node can send, new streams are refused, and those on their way are lost.
   * This one's last stream is the last that was taken (RFC 9113, 6.8).
   */
  #closeSessions(sessions: readonly Http2Session[]): void {
    for (const session of sessions) {
      this.#openSessions.delete(session);
      if (!session.destroyed) this.#attempt(() => session.close());
    }
  }

  /** What fails with one connection is no reason to lose the others. It may fail with thousands: told once. */
  readonly #attempt: Attempt = (act) => {
    try {
      act();
    } catch (error) {
      if (!this.#hasWarned) warn(error);
      this.#hasWarned = true;
    }
  };

  cut(): void {
    this.#isCut = true;
    for (const session of this.#sessions.present) this.#attempt(() => session.destroy());
    for (const socket of this.#sockets.toReversed()) this.#attempt(() => socket.destroy());
    this.#lookWhetherEnded();
  }
}
