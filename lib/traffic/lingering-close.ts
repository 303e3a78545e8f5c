// The end of an HTTP/1 connection after its last answer.
//
// A socket that is closed with unread bytes, or gets some after it, is reset by the kernel, and the reset
// has the client's kernel throw away the answer that it had received (RFC 9112, 9.6). So what the client still
// sends is read first.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Milliseconds without a byte after which nothing more is waited for. */
const SILENCE = 500;

/** Does something with one connection. What it fails with is told, and is no matter of the others. */
export type Attempt = (act: () => void) => void;

/** Node's own way to read a body to its end and keep nothing of it, even where the program has paused it. */
export interface Request extends IncomingMessage {
  _dump?(): void;
}

/** Above TCP in a socket of TLS: the socket of TCP. */
interface LayeredSocket extends Socket {
  readonly _parent?: Socket | null;
}

/** Grows with every byte that comes. Of half a TLS record only the socket below knows. */
export function bytesCome(socket: Socket): number {
  const below = (socket as LayeredSocket)._parent;
  return (socket.bytesRead ?? 0) + (below?.bytesRead ?? 0);
}

/** Reads a request to its end, and keeps nothing of what nobody has read. */
export function discard(request: Request): void {
  if (request._dump === undefined) request.resume();
  else request._dump();
}

/**
 * Closes a connection whose last answer has been sent: reads the request to its end, then says that nothing
 * more is sent, then waits for the client to close. Each of the three ends after a while of silence.
 */
export function closeAfter(request: Request, socket: Socket, attempt: Attempt): void {
  let come = bytesCome(socket);
  let [discarded, ended] = [false, false];
  const end = () => {
    ended = true;
    socket.end();
  };
  const onSilence = () => {
    if (ended) socket.destroy();
    else if (discarded) end();
    // A program that still reads the body does so until it pauses for too long.
    else discard(request);
    discarded = true;
  };
  const look = () => {
    const now = bytesCome(socket);
    if (now === come) onSilence();
    come = now;
  };
  const looks = setInterval(() => {
    if (socket.destroyed) clearInterval(looks);
    else attempt(look);
  }, SILENCE);
  socket.once('close', () => clearInterval(looks));
  if (request.complete) end();
  else request.once('end', () => attempt(end));
}
