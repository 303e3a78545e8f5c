// Calls of server.close() by a program whose server a stop has closed already.
import type { Server } from 'node:net';
import { replaceMethod } from '../base/replace-method.ts';

type Callback = (error?: Error) => void;

/**
 * From now on close() of a server that the stop closes succeeds, and calls its callback once the last connection has
 * ended. Without this Node passes ERR_SERVER_NOT_RUNNING, and many programs then leave out their clean-up.
 */
export function letCloseSucceed(server: Server): void {
  let hasClosed = false;
  server.once('close', () => {
    hasClosed = true;
  });
  const { close } = server;
  const closeAgain = (callback?: unknown) => {
    if (server.listening) return close.call(server, callback as Callback);
    if (typeof callback === 'function') {
      if (hasClosed) process.nextTick(callback as Callback);
      else server.once('close', () => (callback as Callback)());
    }
    (server as { closeIdleConnections?(): void }).closeIdleConnections?.();
    return server;
  };
  replaceMethod(server, 'close', closeAgain);
}
