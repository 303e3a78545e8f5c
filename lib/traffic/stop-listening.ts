// Stops a server from listening without http's close(), which would cut idle connections.
import type { Server as HttpModuleServer } from 'node:http';
import type { Server } from 'node:net';
import { http, net } from '../base/lazy-builtins.ts';

/** True for Node's own servers. Bun's http and https servers do not extend net.Server. */
function isNodeServer(server: Server): boolean {
  return server instanceof net().Server;
}

/**
 * Calls the close() of net, because the close() of http cuts idle connections at once. Bun's servers of http have
 * only the close() of http.
 *
 * Returns
 * - (true) the server is one of Node's. It has stopped listening, and the caller has to count its open connections:
 *   Node calls `onClosed` too late, because it also waits for connections that were handed to child processes;
 * - (false) the server is one of another runtime. It is closed once `onClosed` is called.
 */
export function stopListening(server: Server, onClosed: () => void): boolean {
  const isNodes = isNodeServer(server);
  const { close } = isNodes ? net().Server.prototype : server;
  close.call(server, onClosed);
  return isNodes;
}

/**
 * Ends the timer by which an http server looks for requests that take too long. The timer would keep the server
 * in memory, and only http's close() ends the timer. That function is called on a stand-in for the server, because
 * on the server itself it would cut idle connections and emit 'close' again.
 */
export function endRequestTimer(server: Server): void {
  if (!isNodeServer(server)) return;
  if (server.listening) return; // the program has made the server listen again
  const doNothing = () => false;
  const properties = {
    emit: { value: doNothing },
    closeIdleConnections: { value: doNothing },
    _usingWorkers: { value: false },
  };
  const standIn = Object.create(server, properties) as HttpModuleServer;
  http().Server.prototype.close.call(standIn);
}
