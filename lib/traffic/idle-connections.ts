// Kept-alive connections of a server that stops, and how long each has been idle.
import type { Server, Socket } from 'node:net';
import { now } from '../base/clock.ts';
import type { HttpSocket } from './http1-connection.ts';
import { type Attempt, bytesCome } from './lingering-close.ts';

/**
 * A kept-alive connection that is closed may have its next request on the way. So it stays open for this long,
 * in milliseconds.
 */
export const GRACE = 1_000;

/** Servers of HTTP have it; Node's and those of other runtimes. */
export interface HttpServer extends Server {
  closeIdleConnections?(): void;
}

interface Idle {
  readonly since: number;
  /** The bytes that had come by then. A byte more is the beginning of a request. */
  readonly come: number;
}

/** Has `destroy()` of a socket do something else. Returns a function that undoes that. */
function shadowDestroy(socket: Socket, instead: () => void): () => void {
  const own = Object.getOwnPropertyDescriptor(socket, 'destroy');
  const value = () => {
    instead();
    return socket;
  };
  try {
    Object.defineProperty(socket, 'destroy', { configurable: true, writable: true, value });
  } catch {
    return () => {}; // it can't be changed
  }
  return () => {
    if (own === undefined) delete (socket as { destroy?: unknown }).destroy;
    else Object.defineProperty(socket, 'destroy', own);
  };
}

/**
 * The sockets that Node holds to be idle. It closes them when asked, and names them to nobody; so each is only
 * noted. Of half a request Node knows, and nobody else does. Other runtimes close theirs here.
 */
function idleByNode(server: HttpServer, sockets: Iterable<Socket>): ReadonlySet<Socket> {
  const idle = new Set<Socket>();
  const restores: (() => void)[] = [];
  for (const socket of sockets) restores.push(shadowDestroy(socket, () => idle.add(socket)));
  try {
    server.closeIdleConnections?.();
  } finally {
    for (const restore of restores) restore();
  }
  return idle;
}

/** Each connection is closed when it has been idle for {@link GRACE}. */
export class IdleConnections {
  readonly #server: HttpServer;
  /** All sockets of the server. */
  readonly #sockets: () => Iterable<Socket>;
  readonly #attempt: Attempt;
  readonly #idle = new Map<Socket, Idle>();
  #asked = now();

  constructor(server: HttpServer, sockets: () => Iterable<Socket>, attempt: Attempt) {
    this.#server = server;
    this.#sockets = sockets;
    this.#attempt = attempt;
  }

  /** All its requests are answered, from now on. */
  add(socket: Socket): void {
    this.#idle.set(socket, { since: now(), come: bytesCome(socket) });
  }

  /** It has a request. */
  delete(socket: Socket): void {
    this.#idle.delete(socket);
  }

  /** Closes those whose time is over, after the event loop has read what has come: it may have had no time to. */
  look(): void {
    const time = now();
    const due = [...this.#idle].filter(([, { since }]) => time - since >= GRACE);
    // Other runtimes tell of no connection that becomes idle.
    if (due.length === 0 && time - this.#asked < GRACE) return;
    this.#asked = time;
    setImmediate(() => this.#attempt(() => this.#close(due)));
  }

  #close(due: readonly (readonly [Socket, Idle])[]): void {
    const idle = idleByNode(this.#server, this.#sockets());
    for (const [socket, entry] of due) {
      this.#attempt(() => this.#closeIfIdle(socket, entry, idle));
    }
  }

  #closeIfIdle(socket: Socket, entry: Idle, idle: ReadonlySet<Socket>): void {
    if (this.#idle.get(socket) !== entry) return; // a request has come
    this.#idle.delete(socket);
    if (socket.destroyed) return;
    if (this.#isIdle(socket, entry, idle)) socket.destroy();
    else this.#idle.set(socket, { ...entry, since: now() });
  }

  #isIdle(socket: HttpSocket, { come }: Idle, idle: ReadonlySet<Socket>): boolean {
    if (socket._httpMessage || bytesCome(socket) !== come) return false;
    // To Node 20 to 24 a connection is not idle that has never sent anything.
    return socket.bytesRead === 0 || idle.has(socket);
  }
}
