// The open connections and datagrams of all servers of a service, and how they end without the loss of a request.

import type { ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { SystemdError } from '../base/errors.ts';
import { formatCount } from '../base/format-count.ts';
import { warn } from '../base/warn.ts';
import type { UnixConnection } from '../descriptor/unix-server.ts';
import type { HttpSocket } from './http1-connection.ts';

/**
 * An open connection, by the first of these that fits:
 * - an `Http2Session`, for HTTP/2;
 * - a `tls.TLSSocket`, for https and tls;
 * - a `net.Socket`;
 * - a `UnixSeqpacket` of `libsystemd/unix`.
 */
export type OpenConnection = Socket | Http2Session | UnixConnection;

/**
 * The milliseconds that the program has to answer a datagram, from when the datagram was read. Nothing announces
 * whether an answer follows.
 */
export const ANSWER_GRACE = 1_000;

/** The traffic of one server or dgram socket. */
export interface Traffic {
  /** The number of open connections. 0 for a dgram socket. */
  readonly connections: number;
  /** The open connections. Empty for a dgram socket. */
  readonly open: readonly OpenConnection[];
  /**
   * True for a dgram socket. Its drain goes on until the connections of all servers have ended, because the response
   * to a request may depend on the answer to a datagram.
   */
  readonly endsLast: boolean;
  /**
   * Takes no new connections and datagrams from now on. Resolves when the last connection has ended by itself, or
   * after {@link Traffic.cut}.
   *
   * @param drainHookEnded - resolves when the drain hook has ended; for a dgram socket, when the servers have ended
   * too. Until then the dgram socket can send
   */
  drain(drainHookEnded: Promise<unknown>): Promise<void>;
  /** Closes everything that is open, at once. A pending {@link Traffic.drain} then resolves. */
  cut(): void;
}

/** The second argument of the `drain` hook: what is open when the stop begins, in this process. */
export interface DrainContext {
  /**
   * The open connections of all servers: HTTP/2 sessions and sockets. Sockets that were upgraded to WebSockets are
   * among them, and so are those of `responses`. Empty in the primary of cluster workers.
   */
  readonly connections: readonly OpenConnection[];
  /** The HTTP/1 responses that have not ended, such as streams of server-sent events. */
  readonly responses: readonly ServerResponse[];
}

function openConnections(all: readonly Traffic[]): readonly OpenConnection[] {
  return all.flatMap(({ open }) => open);
}

const currentResponse = (connection: OpenConnection) => (connection as HttpSocket)._httpMessage;

/** Lists what is open now. */
export function drainContext(all: readonly Traffic[]): DrainContext {
  const connections = openConnections(all);
  const responses = connections.map(currentResponse).filter((response) => !!response);
  return Object.freeze({
    connections: Object.freeze([...connections]),
    responses: Object.freeze(responses),
  });
}

/**
 * Drains all servers and sockets at once. Resolves when everything has ended; rejects when a drain does.
 *
 * @param drainHookEnded - see {@link Traffic.drain}
 */
export async function drainAll(
  all: readonly Traffic[],
  drainHookEnded: Promise<unknown>,
): Promise<void> {
  const servers = all.filter(({ endsLast }) => !endsLast);
  const dgramSockets = all.filter(({ endsLast }) => endsLast);
  const ended = Promise.all(servers.map((traffic) => traffic.drain(drainHookEnded)));
  const hookAndServersEnded = Promise.all([drainHookEnded, ended]);
  hookAndServersEnded.catch(() => {}); // the caller gets the same error from `ended`
  await Promise.all([ended, ...dgramSockets.map((traffic) => traffic.drain(hookAndServersEnded))]);
}

/** Formats connections by kind: `3 connections (1 HTTP/1 request, 2 HTTP/2 sessions)`. */
function formatConnections(connections: readonly OpenConnection[]): string {
  const requests = connections.filter(currentResponse).length;
  const sessions = connections.filter((connection) => 'goaway' in connection).length;
  const kinds: readonly [number, string][] = [
    [requests, 'HTTP/1 request'],
    [sessions, 'HTTP/2 session'],
    [connections.length - requests - sessions, 'other'],
  ];
  const parts = kinds.filter(([count]) => count > 0).map((kind) => formatCount(...kind));
  return `${formatCount(connections.length, 'connection')} (${parts.join(', ')})`;
}

/** Why open connections are cut. */
export type CutCause =
  /** options.stopTimeout has passed. */
  | 'timeout'
  /** A person has pressed Ctrl-C again during the stop. */
  | 'interrupt'
  /** The service could not start. */
  | 'failure';

/** For the warning, what a program that calls serve() can do. */
const ADVICE = 'Let options.drain end them, or raise options.stopTimeout';

function explainCut(cause: CutCause, advice: string): string {
  switch (cause) {
    case 'timeout':
      return `which did not end in time. ${advice}`;
    case 'interrupt':
      return 'because Ctrl-C was pressed again during the stop';
    case 'failure':
      return 'because it could not start';
  }
}

/**
 * Cuts everything that is open. One warning counts the connections that were open.
 *
 * @param advice - what to do about connections that do not end in time
 */
export function cutAll(all: readonly Traffic[], cause: CutCause, advice = ADVICE): void {
  const open = openConnections(all);
  if (open.length > 0) {
    const message = `The service has cut ${formatConnections(open)}, ${explainCut(cause, advice)}`;
    warn(new SystemdError('ERR_SYSTEMD_CUT', message));
  }
  for (const traffic of all) traffic.cut();
}
