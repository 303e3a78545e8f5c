// The kind of all servers of connections: the servers of net, http, https, http2 and tls.
import type { AddressInfo, ListenOptions, Server, Socket } from 'node:net';
import { http, net } from '../../base/lazy-builtins.ts';
import { propertyOf } from '../../base/options.ts';
import type { Address } from '../../descriptor/address.ts';
import { handleFd, handleOf, whenHandleCloses } from '../../descriptor/node-handles.ts';
import { isListener } from '../../descriptor/predicates.ts';
import { localAddress } from '../../descriptor/socket-options.ts';
import { validateUnixNameLength } from '../../sd/sockaddr.ts';
import { ConnectionTraffic } from '../../traffic/connections.ts';
import type { Fallback, Opening, ServerKind } from './kind.ts';

interface NodeServer extends Server {
  /** Node's listen() calls this function outside cluster workers. Other packages wrap it, so Node keeps its name. */
  _listen2(address: null, port: null, type: null, backlog: number, fd: number): void;
  /** Counts the calls of listen() and close(). */
  readonly _listeningId?: number;
  /** The number that maxConnections, getConnections() and the end of close() depend on. */
  _connections?: number;
}

/** A socket with the undocumented members that name the server which counts the socket. */
interface NodeSocket extends Socket {
  server?: Server;
  _server?: Server;
}

/** The options for each connection that a server accepts: plain properties in all versions of Node. */
const CONNECTION_OPTIONS = [
  ...['allowHalfOpen', 'pauseOnConnect', 'highWaterMark', 'noDelay', 'keepAlive'],
  ...['keepAliveInitialDelay', 'blockList'],
] as const;

/** The helpers of a server that listens on several sockets. */
const helpers = new WeakMap<Server, Set<Server>>();

/** In Bun the servers of http and https are no instances of net.Server. */
export function isServer(value: unknown): value is Server {
  return value instanceof net().Server || value instanceof http().Server;
}

/** An address from Node's; undefined when Node's leaves out a part: a scope id, an abstract name. */
function toAddress(address: AddressInfo | string): Address | undefined {
  if (typeof address === 'string') {
    return address.startsWith('\0') ? undefined : { family: 'unix', path: address };
  }
  const { address: host, port, family } = address;
  if (family === 'IPv4') return { family: 'inet', address: host, port };
  return host.includes('%')
    ? undefined
    : { family: 'inet6', address: host, port, flowinfo: 0, scopeId: 0 };
}

/**
 * The address of a server. The kernel is asked only when Node knows no more than a part of the address, because that
 * takes the add-on, and a fallback must work without the add-on.
 */
export function addressBy(known: AddressInfo | string | null, fd: number | undefined): Address {
  const address = known === null ? undefined : toAddress(known);
  if (address === undefined && fd !== undefined) return Object.freeze(localAddress(fd));
  return Object.freeze(address ?? { family: 'unix' });
}

/** Makes Node count a connection, which a helper has accepted, as one of the server. */
function moveTo(server: NodeServer, socket: NodeSocket): void {
  const from = socket._server as NodeServer | undefined;
  if (typeof from?._connections !== 'number' || typeof server._connections !== 'number') return;
  from._connections--;
  server._connections++;
  socket._server = server;
  socket.server = server;
}

/** True when the server may have no more connections. Until Node 21, a maximum of 0 is no limit. */
function isFull({ maxConnections, _connections = 0 }: NodeServer): boolean {
  if (typeof maxConnections !== 'number') return false;
  const isLimit = maxConnections !== 0 || Number.parseInt(process.versions.node, 10) >= 21;
  return isLimit && _connections >= maxConnections;
}

function drop(server: NodeServer, socket: Socket): void {
  const { localAddress, localPort, localFamily } = socket;
  const { remoteAddress, remotePort, remoteFamily } = socket;
  const local = { localAddress, localPort, localFamily };
  server.emit('drop', { ...local, remoteAddress, remotePort, remoteFamily });
  socket.destroy();
}

function handOver(server: NodeServer, socket: Socket): void {
  if (isFull(server)) {
    drop(server, socket);
    return;
  }
  moveTo(server, socket);
  server.emit('connection', socket);
}

function helperOf(server: Server): Server {
  const helper = net().createServer((socket) => handOver(server as NodeServer, socket));
  for (const option of CONNECTION_OPTIONS) {
    if (option in server) Reflect.set(helper, option, Reflect.get(server, option));
  }
  const siblings = helpers.get(server) ?? new Set();
  helpers.set(server, siblings.add(helper));
  helper.on('error', (error) => {
    if (helper.listening) server.emit('error', error); // the helper could not accept a connection
  });
  helper.once('close', () => siblings.delete(helper));
  // The server alone keeps the process running, and the helpers close with it.
  helper.unref();
  whenHandleCloses(server, () => helper.close());
  return helper;
}

export const NET: ServerKind<Server> = {
  id: 'stream',
  expected: 'a listening stream socket of family inet, inet6 or unix (ListenStream=)',
  suits: isListener,
  takesSeveral: true,
  opensByItself: false,
  /** Node 20 would cut a longer path, and listen there without a word. */
  validateFallback(fallback: Fallback, name: string) {
    const isOptions = typeof fallback === 'object';
    const path = isOptions ? propertyOf(fallback, 'path') : fallback;
    if (typeof path !== 'string') return;
    const length = Buffer.byteLength(path.replace(/^\0/, ''));
    validateUnixNameLength(isOptions ? `${name}.path` : name, length, path);
  },

  /**
   * The backlog is the second argument, because Node ignores `{ fd, backlog }`: it would call listen(2) with
   * its own 511, and so shrink the unit's queue for good, the manager's copy included.
   */
  open(server: Server, { fd, backlog, bypassesPrimary }: Opening) {
    if (bypassesPrimary) (server as NodeServer)._listen2(null, null, null, backlog, fd);
    // No prototype, because Node would heed a handle or a signal that somebody has put on all objects.
    else server.listen({ __proto__: null, fd } as ListenOptions, backlog);
  },

  openFallback(server: Server, fallback: Fallback, backlog: number | undefined) {
    if (typeof fallback === 'object') server.listen({ backlog, ...fallback } as ListenOptions);
    else server.listen(fallback, backlog);
  },

  listenCount: (server) => (server as NodeServer)._listeningId,
  isListening: (server) => server.listening,
  handle: handleOf,

  fds(server) {
    const fds = [server, ...(helpers.get(server) ?? [])].map(handleFd);
    return fds.filter((fd) => fd !== undefined);
  },

  address: (server) => addressBy(server.address(), handleFd(server)),
  helper: helperOf,

  close(server) {
    server.close();
  },

  watch: (server, onActivity) => new ConnectionTraffic(server, onActivity),
};
