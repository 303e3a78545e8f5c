// Parts of the code that only runtimes other than Node need.
import type { Socket } from 'node:net';
import { SystemdError } from './errors.ts';

/** The error for something that works in Node, and does not in the runtime of this process. */
export function runtimeError(message: string): SystemdError {
  return new SystemdError('ERR_SYSTEMD_RUNTIME', message);
}

/** True when a socket that was made from a descriptor has that descriptor open. In Bun it does not. */
export function hasHandle(socket: Socket): boolean {
  return Boolean((socket as { readonly _handle?: unknown })._handle);
}

/**
 * Makes a socket that was made from a descriptor ready for use. In Node there is nothing to do. Bun takes the
 * descriptor only by connect().
 */
export function connectInBun(socket: Socket, fd: number): void {
  if (!hasHandle(socket)) socket.connect({ fd } as never);
}
