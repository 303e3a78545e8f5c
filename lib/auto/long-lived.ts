// Connections that do not end by themselves: a stop waits for all others only, and then leaves these to the program.
import type { Server } from 'node:net';
import type { HttpResponse } from '../traffic/connection-close-header.ts';
import type { HttpSocket } from '../traffic/http1-connection.ts';
import type { OpenConnection } from '../traffic/traffic.ts';

const EVENT_STREAM = /^content-type:[ \t]*text\/event-stream\b/im;

/** True for a server of HTTP/1, which HTTPS is too. */
function isHttp1(server: object): server is Server {
  return 'closeIdleConnections' in server;
}

/** True for a server of net or tls that speaks a protocol of the program's own. */
export function isRaw(server: object): boolean {
  return !isHttp1(server) && !('updateSettings' in server) && 'getConnections' in server;
}

/** True for a response to an upgrade by which nothing was sent, because the program has taken the connection. */
const isOfUpgrade = ({ req, headersSent }: HttpResponse): boolean =>
  !headersSent && (req as { upgrade?: unknown } | undefined)?.upgrade === true;

/**
 * True for a connection that does not end by itself:
 * - a WebSocket or any other upgraded connection
 * - a response of server-sent events
 * - a connection of a protocol of the program's own, when the program handles the signal
 *
 * @param handlesSignal - true when the program has a listener for the signal that stops it
 */
export function isLongLived(
  server: object,
  connection: OpenConnection,
  handlesSignal: boolean,
): boolean {
  if (isRaw(server)) return handlesSignal;
  if (!isHttp1(server) || 'goaway' in connection) return false;
  const { parser, _httpMessage: response } = connection as HttpSocket;
  if (!response) return !parser;
  // @fastify/websocket makes a response for each upgrade.
  if (!parser && isOfUpgrade(response)) return true;
  return EVENT_STREAM.test(response._header ?? '');
}
