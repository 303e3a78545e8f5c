// Kept-alive HTTP/1 connections of a server that stops: each is closed after it has been idle for a second.
import type { Server, Socket } from 'node:net';
import { now } from '../base/clock.ts';
import { replaceMethod } from '../base/replace-method.ts';
import type { HttpSocket } from './http1-connection.ts';
import { countReceivedBytes } from './lingering-close.ts';
import type { WarnOnError } from './warn-on-error.ts';

/**
 * The milliseconds that an idle connection stays open during the stop, because its next request may be on the
 * way.
 */
export const IDLE_GRACE = 1_000;

/** A server of http or https, in Node or in another runtime. */
export interface HttpServer extends Server {
  closeIdleConnections?(): void;
}

interface IdleEntry {
  /** When the connection became idle or was last checked, in milliseconds of {@link now}. */
  readonly since: number;
  /** The bytes received until the connection became idle. One byte more is the beginning of a request. */
  readonly received: number;
}

/** Makes `destroy()` of a socket call `replacement`. Returns a function that restores the real one. */
function replaceDestroy(socket: Socket, replacement: () => void): () => void {
  try {
    return replaceMethod(socket, 'destroy', () => {
      replacement();
      return socket;
    });
  } catch {
    return () => {}; // the program has frozen the property
  }
}

/**
 * Finds out which sockets are idle. Only Node knows whether half a request has come, and Node has no function that
 * lists the idle sockets, only closeIdleConnections(), which closes them. So `destroy()` of each socket is replaced
 * during that call, and only notes the socket. Other runtimes really close their idle sockets here.
 */
function findIdleSockets(server: HttpServer, sockets: Iterable<Socket>): ReadonlySet<Socket> {
  const idle = new Set<Socket>();
  const restores: (() => void)[] = [];
  for (const socket of sockets) restores.push(replaceDestroy(socket, () => idle.add(socket)));
  try {
    server.closeIdleConnections?.();
  } finally {
    for (const restore of restores) restore();
  }
  return idle;
}

/** Closes each connection after it has been idle for {@link IDLE_GRACE}. */
export class IdleConnections {
  readonly #server: HttpServer;
  readonly #allSockets: () => Iterable<Socket>;
  readonly #warnOnError: WarnOnError;
  readonly #idle = new Map<Socket, IdleEntry>();
  #lastCheck = now();

  /** @param allSockets - returns all sockets of the server */
  constructor(server: HttpServer, allSockets: () => Iterable<Socket>, warnOnError: WarnOnError) {
    this.#server = server;
    this.#allSockets = allSockets;
    this.#warnOnError = warnOnError;
  }

  /** To call when all requests of the connection have got their responses. */
  add(socket: Socket): void {
    this.#idle.set(socket, { since: now(), received: countReceivedBytes(socket) });
  }

  /** To call when the connection has a request. */
  delete(socket: Socket): void {
    this.#idle.delete(socket);
  }

  /** Closes the connections whose time is over, after the event loop has read what the clients have sent. */
  closeDue(): void {
    const time = now();
    const due = [...this.#idle].filter(([, { since }]) => time - since >= IDLE_GRACE);
    // Other runtimes don't call add(), so their idle connections are closed once in each IDLE_GRACE.
    if (due.length === 0 && time - this.#lastCheck < IDLE_GRACE) return;
    this.#lastCheck = time;
    setImmediate(() => this.#warnOnError(() => this.#closeIdle(due)));
  }

  #closeIdle(due: readonly (readonly [Socket, IdleEntry])[]): void {
    const idle = findIdleSockets(this.#server, this.#allSockets());
    for (const [socket, entry] of due) {
      this.#warnOnError(() => this.#closeIfIdle(socket, entry, idle));
    }
  }

  #closeIfIdle(socket: Socket, entry: IdleEntry, idle: ReadonlySet<Socket>): void {
    if (this.#idle.get(socket) !== entry) return; // a request has come
    this.#idle.delete(socket);
    if (socket.destroyed) return;
    if (this.#isIdle(socket, entry, idle)) socket.destroy();
    else this.#idle.set(socket, { ...entry, since: now() });
  }

  #isIdle(socket: HttpSocket, { received }: IdleEntry, idle: ReadonlySet<Socket>): boolean {
    if (socket._httpMessage || countReceivedBytes(socket) !== received) return false;
    // Node 20 to 24 don't count a connection as idle before its first byte.
    return socket.bytesRead === 0 || idle.has(socket);
  }
}
