// Waits until a server listens, and tells whether it still does.
import { SystemdError } from '../base/errors.ts';
import type { Address } from '../descriptor/address.ts';
import type { AnyServer, ServerKind } from './server-kinds/index.ts';

/** The addresses that a server listens on, and its handle. */
export interface Listening {
  readonly addresses: readonly Address[];
  /** Node's handle of the server: another one each time that the server listens. */
  readonly handle: unknown;
}

/** False once the program has closed the server, or made it listen elsewhere. */
export function stillListens(kind: ServerKind, server: AnyServer, handle: unknown): boolean {
  return kind.isListening(server) && kind.handle(server) === handle;
}

function closedError(): SystemdError {
  return new SystemdError(
    'ERR_SYSTEMD_CLOSED',
    'The server was closed before it listened: by the program, or by the signal of its fallback',
  );
}

/**
 * Calls `start`, and waits until the server listens or fails to:
 * - the server listens: resolves with what `read` returns
 * - the server emits 'error', or `start` or `read` throws: rejects with that error
 * - the program closes the server first, or makes it listen elsewhere: rejects with ERR_SYSTEMD_CLOSED
 *
 * @param read - called before the program's own 'listening' listeners, which may close the server
 */
export function untilListening<T>(
  kind: ServerKind,
  server: AnyServer,
  start: () => void,
  read: () => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let attempt: unknown; // known once start() has returned
    const isOurAttempt = () => attempt === undefined || kind.listenCount(server) === attempt;
    const settle = (act: () => void) => {
      server.off('listening', onListening).off('error', onError).off('close', onClose);
      try {
        act();
      } catch (error) {
        reject(error);
      }
    };
    const onListening = () =>
      settle(() => {
        if (!isOurAttempt()) throw closedError();
        const value = read();
        // Later, because with dgram a 'listening' listener of the program runs inside start(), and may still throw.
        queueMicrotask(() => resolve(value));
      });
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => {
      // The 'close' event of an earlier close() may come only now.
      if (kind.isListening(server) || (attempt !== undefined && isOurAttempt())) return;
      settle(() => reject(closedError()));
    };
    const emitter: NodeJS.EventEmitter = server;
    emitter.prependOnceListener('listening', onListening);
    emitter.once('error', onError);
    emitter.on('close', onClose);
    try {
      start();
      attempt = kind.listenCount(server);
    } catch (error) {
      settle(() => reject(error));
    }
  });
}
