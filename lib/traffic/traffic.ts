// What goes over the servers of a service, and how it comes to its end without the loss of a request.
import type { ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { SystemdError } from '../base/errors.ts';
import { warn } from '../base/warn.ts';
import type { HttpSocket } from './http1-connection.ts';

/** An open connection: a session of HTTP/2, else the socket, that of TLS where there is one. */
export type OpenConnection = Socket | Http2Session;

/** What goes over a server or a socket of dgram. */
export interface Traffic {
  /** How many connections are open. */
  readonly connections: number;
  /** The open connections. */
  readonly open: readonly OpenConnection[];
  /**
   * Whether it ends after the connections of all servers. Datagrams may be answered for as long as connections
   * take, because what asks for such an answer may be a request.
   */
  readonly endsLast: boolean;
  /**
   * Takes no more connections and datagrams, at once, and resolves when the last connection has ended by itself,
   * or after {@link Traffic.cut}. A socket of dgram sends on until `answered` resolves.
   */
  drain(answered: Promise<unknown>): Promise<void>;
  /** Ends what is open. Nothing is waited for from then on. */
  cut(): void;
}

/** What the `drain` hook is given beside the reason. */
export interface DrainContext {
  /**
   * The connections that are open as the stop begins, of all servers of this process: sessions of HTTP/2 and
   * sockets, also those that were upgraded to WebSockets and those of answers under way.
   */
  readonly connections: readonly OpenConnection[];
  /** The answers of HTTP/1 that are under way, server-sent events among them. */
  readonly responses: readonly ServerResponse[];
}

function openOf(all: readonly Traffic[]): readonly OpenConnection[] {
  return all.flatMap(({ open }) => open);
}

const responseOf = (connection: OpenConnection) => (connection as HttpSocket)._httpMessage;

/** What is open now. */
export function drainContext(all: readonly Traffic[]): DrainContext {
  const connections = openOf(all);
  const responses = connections.map(responseOf).filter((response) => !!response);
  return Object.freeze({
    connections: Object.freeze([...connections]),
    responses: Object.freeze(responses),
  });
}

/** Drains all of it at once; what ends last goes on until the rest has ended. */
export async function drainAll(all: readonly Traffic[], answered: Promise<unknown>): Promise<void> {
  const first = all.filter(({ endsLast }) => !endsLast);
  const last = all.filter(({ endsLast }) => endsLast);
  const ended = Promise.all(first.map((traffic) => traffic.drain(answered)));
  const both = Promise.all([answered, ended]);
  both.catch(() => {}); // a failure is told by `ended`
  await Promise.all([ended, ...last.map((traffic) => traffic.drain(both))]);
}

/** `1 connection`, `3 connections`. */
export function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** `3 connections (1 HTTP/1 request, 2 HTTP/2 sessions)`. */
function describe(connections: readonly OpenConnection[]): string {
  const requests = connections.filter(responseOf).length;
  const sessions = connections.filter((connection) => 'goaway' in connection).length;
  const kinds: readonly [number, string][] = [
    [requests, 'HTTP/1 request'],
    [sessions, 'HTTP/2 session'],
    [connections.length - requests - sessions, 'other'],
  ];
  const parts = kinds.filter(([count]) => count > 0).map((kind) => countOf(...kind));
  return `${countOf(connections.length, 'connection')} (${parts.join(', ')})`;
}

/** Ends what is open, and tells what that was. */
export function cutAll(all: readonly Traffic[]): void {
  const open = openOf(all);
  if (open.length > 0) {
    const message = `The service has waited for connections for as long as it may, and has cut ${describe(open)}. Let options.drain end them, or raise options.stopTimeout`;
    warn(new SystemdError('ERR_SYSTEMD_CUT', message));
  }
  for (const traffic of all) traffic.cut();
}
