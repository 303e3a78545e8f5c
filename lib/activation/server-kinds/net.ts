// Servers of connections: those of net, http, https, http2 and tls.
import type { AddressInfo, ListenOptions, Server, Socket } from 'node:net';
import { http, net } from '../../base/lazy-builtins.ts';
import type { Address } from '../../descriptor/address.ts';
import { localAddress } from '../../descriptor/inspect.ts';
import { handleFd, handleOf, whenHandleCloses } from '../../descriptor/node-handles.ts';
import { isListener } from '../../descriptor/predicates.ts';
import { ConnectionTraffic } from '../../traffic/connections.ts';
import type { Fallback, Opening, ServerKind } from './kind.ts';

interface NodeServer extends Server {
  /** What Node's listen() calls where no cluster is in between. Others wrap it, so it keeps its name. */
  _listen2(address: null, port: null, type: null, backlog: number, fd: number): void;
  /** Counts the calls of listen() and close(). */
  readonly _listeningId?: number;
  /** What maxConnections, getConnections() and the end of close() go by. */
  _connections?: number;
}

/** A socket knows the server that counts it. */
interface NodeSocket extends Socket {
  server?: Server;
  _server?: Server;
}

/** What a server does with each connection that it accepts: plain properties, in all versions of Node. */
const OPTIONS = [
  ...['allowHalfOpen', 'pauseOnConnect', 'highWaterMark', 'noDelay', 'keepAlive'],
  ...['keepAliveInitialDelay', 'blockList'],
] as const;

/** The helpers of a server that listens on several sockets. */
const helpers = new WeakMap<Server, Set<Server>>();

/** Bun's servers of http and https are none of net's. */
export function isServer(value: unknown): value is Server {
  return value instanceof net().Server || value instanceof http().Server;
}

/** Node's address, where Node knows all of it: without a scope, and not in the abstract namespace. */
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

/** By Node where that will do, so that without systemd not even the add-on is loaded. */
export function addressBy(known: AddressInfo | string | null, fd: number | undefined): Address {
  const address = known === null ? undefined : toAddress(known);
  if (address === undefined && fd !== undefined) return Object.freeze(localAddress(fd));
  return Object.freeze(address ?? { family: 'unix' });
}

/** Node has its count by itself of what it accepts; of what a helper accepted it is told here. */
function moveTo(server: NodeServer, socket: NodeSocket): void {
  const from = socket._server as NodeServer | undefined;
  if (typeof from?._connections !== 'number' || typeof server._connections !== 'number') return;
  from._connections--;
  server._connections++;
  socket._server = server;
  socket.server = server;
}

/** As this Node has it: until version 21, 0 is no limit. */
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
  for (const option of OPTIONS) {
    if (option in server) Reflect.set(helper, option, Reflect.get(server, option));
  }
  const all = helpers.get(server) ?? new Set();
  helpers.set(server, all.add(helper));
  helper.on('error', (error) => {
    if (helper.listening) server.emit('error', error); // it could not accept
  });
  helper.once('close', () => all.delete(helper));
  // Whether the process lives on is for the server to say, with whom they all close, however that happens.
  helper.unref();
  whenHandleCloses(server, () => helper.close());
  return helper;
}

export const NET: ServerKind<Server> = {
  id: 'stream',
  wanted: 'a listening stream socket of family inet, inet6 or unix (ListenStream=)',
  suits: isListener,
  takesSeveral: true,
  validateFallback() {},

  /**
   * The backlog goes as the second argument, because Node ignores `{ fd, backlog }` and would call
   * listen(2) with its own 511, shrinking the unit's queue for good, the manager's copy included.
   */
  open(server: Server, { fd, backlog, apart }: Opening) {
    if (apart) (server as NodeServer)._listen2(null, null, null, backlog, fd);
    // Without what somebody may have put on all objects: a handle and a signal would be heeded.
    else server.listen({ __proto__: null, fd } as ListenOptions, backlog);
  },

  openFallback(server: Server, fallback: Fallback, backlog: number | undefined) {
    if (typeof fallback === 'object') server.listen({ backlog, ...fallback } as ListenOptions);
    else server.listen(fallback, backlog);
  },

  attempt: (server) => (server as NodeServer)._listeningId,
  isOpen: (server) => server.listening,
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
