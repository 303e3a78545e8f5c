// The lingering close of an HTTP/1 connection after its last response.
//
// The kernel resets a socket that is closed with unread bytes, or that receives bytes after the close. The reset
// makes the client's kernel discard a response that it had received (RFC 9112, 9.6). So the server first reads
// what the client still sends.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WarnOnError } from './warn-on-error.ts';

/** The milliseconds without a received byte that end each step of the close. */
const SILENCE_TIMEOUT = 500;

/** A request with Node's own function that reads a body to its end and drops it, even if the program paused it. */
export interface HttpRequest extends IncomingMessage {
  _dump?(): void;
}

/** A socket with the undocumented members that tell which socket is layered above another one, as TLS is above TCP. */
export interface LayeredSocket extends Socket {
  /** In a TLS socket: the TCP socket below it. */
  readonly _parent?: Socket | null;
  readonly _handle?: object | null;
}

/** A number that grows with every received byte. Only the socket below TLS counts the bytes of half a record. */
export function countReceivedBytes(socket: Socket): number {
  const below = (socket as LayeredSocket)._parent;
  return (socket.bytesRead ?? 0) + (below?.bytesRead ?? 0);
}

/** Reads a request to its end, and drops what the program has not read. */
export function discardBody(request: HttpRequest): void {
  if (request._dump === undefined) request.resume();
  else request._dump();
}

/**
 * Closes a connection whose last response has been sent, in three steps:
 * 1. read the request to its end;
 * 2. send a FIN, because nothing more is sent;
 * 3. wait until the client closes.
 *
 * A step ends early when no byte has come for {@link SILENCE_TIMEOUT}.
 */
export function closeLingering(
  request: HttpRequest,
  socket: Socket,
  warnOnError: WarnOnError,
): void {
  let lastCount = countReceivedBytes(socket);
  let [isDiscarding, isEnded] = [false, false];
  const end = () => {
    isEnded = true;
    socket.end();
  };
  const onSilence = () => {
    if (isEnded) socket.destroy();
    else if (isDiscarding) end();
    // A program that reads the body itself may do so until its first silence.
    else discardBody(request);
    isDiscarding = true;
  };
  const checkSilence = () => {
    const count = countReceivedBytes(socket);
    if (count === lastCount) onSilence();
    lastCount = count;
  };
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else warnOnError(checkSilence);
  }, SILENCE_TIMEOUT);
  socket.once('close', () => clearInterval(timer));
  if (request.complete) end();
  else request.once('end', () => warnOnError(end));
}
