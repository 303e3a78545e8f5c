// Hooks in Node: they see where the program wants to listen, before it does.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import type { AnyServer } from '../activation/server-kinds/index.ts';
import { native } from '../addon/exports.ts';
import { cluster, dgram, net } from '../base/lazy-builtins.ts';
import { replaceMethod } from '../base/replace-method.ts';
import { acceptQueue } from '../descriptor/accept-queue.ts';
import { copyFd, type InheritedDescriptor } from '../descriptor/inspect.ts';
import { handleFd } from '../descriptor/node-handles.ts';
import { pathOf, type Wish } from './matching.ts';
import {
  type Bind,
  bindToInherited,
  isHelper,
  type Listen2,
  listenOnFurther,
  listenOnInherited,
} from './take-over.ts';

/**
 * Called when a server is about to listen. Returns
 * - the inherited sockets that the server gets
 * - no sockets: the server listens as the program wished
 * - undefined: the server is none of the program's, or the program has taken its sockets itself
 */
export type OnListen = (
  server: AnyServer,
  wish: Wish,
) => readonly InheritedDescriptor[] | undefined;

/** Node's undocumented functions. */
interface NetModule {
  readonly Server: { readonly prototype: { _listen2: Listen2 } };
  /** Opens a handle that the cluster primary shares with its workers. Returns a negative errno when that fails. */
  _createServerHandle(...args: unknown[]): unknown;
}

interface DgramModule {
  readonly Socket: { readonly prototype: { bind: Bind } };
  _createSocketHandle(...args: unknown[]): unknown;
}

/** The handle that a cluster worker gets from its primary. */
interface SharedHandle {
  /** Puts the address into `out`. Handles of paths have no such method. */
  getsockname?(out: { port?: number }): number;
}

interface SharedQuery {
  readonly address?: unknown;
  readonly port?: unknown;
  readonly fd?: unknown;
}

type OnShared = (error: unknown, handle: SharedHandle | undefined) => void;

interface ClusterWorkerModule {
  /** Asks the primary for a handle. */
  _getServer(server: object, query: SharedQuery, callback: OnShared): void;
}

/** Node passes a path with a port of -1. */
function wishOfListen(address: unknown, port: unknown, fd: unknown): Wish {
  if (typeof fd === 'number' && fd >= 0) return { fd };
  if (port === -1) return { path: String(address) };
  return { port: Number(port), host: typeof address === 'string' ? address : undefined };
}

/** In a cluster worker: the backlog that keeps the limit of the queue which the primary's socket has. */
function backlogOfShared(server: Server, backlog: number | undefined): number | undefined {
  const fd = handleFd(server);
  const limit = fd === undefined ? undefined : acceptQueue(fd)?.limit;
  return limit === undefined ? backlog : Math.max(limit, backlog ?? 0);
}

/**
 * Gives a server on a Unix socket the name that Node keeps for `address()` where the program itself asks for a path.
 * Otherwise `address()` would be null, and a program that asked for a port would end when it reads the port of that.
 */
function keepName(server: Server, descriptor: InheritedDescriptor): void {
  const name = pathOf(descriptor);
  if (name !== undefined) Object.assign(server, { _pipeName: name });
}

/** Node calls `_listen2` once options, host and signal are dealt with, and keeps the name for code that wraps it. */
export function hookListen(onListen: OnListen): void {
  const { prototype } = (net() as unknown as NetModule).Server;
  const { _listen2: listen2 } = prototype;
  prototype._listen2 = function (address, port, addressType, backlog, fd, flags) {
    const hasHandle = Boolean((this as { _handle?: unknown })._handle);
    const wish = wishOfListen(address, port, fd);
    const inherited = isHelper(this) ? [] : (onListen(this, wish) ?? []);
    if (inherited[0] !== undefined) keepName(this, inherited[0]);
    if (inherited.length > 0 && !hasHandle) {
      listenOnInherited(this, listen2, inherited, backlog, flags);
    } else {
      const limit = inherited.length > 0 ? backlogOfShared(this, backlog) : backlog;
      listen2.call(this, address, port, addressType, limit, fd, flags);
      if (this.listening) listenOnFurther(this, inherited.slice(1), backlog);
    }
  };
}

/** The place that a call of bind() asks for. */
function wishOfBind(first: unknown, second: unknown): Wish {
  const options = (typeof first === 'object' && first !== null ? first : { port: first }) as {
    readonly fd?: unknown;
    readonly port?: unknown;
    readonly address?: unknown;
  };
  if (typeof options.fd === 'number') return { fd: options.fd };
  const host = options.address ?? second;
  const port = typeof options.port === 'function' ? 0 : Number(options.port ?? 0);
  return { port, host: typeof host === 'string' ? host : undefined };
}

/** @param takesOver - false in a cluster worker, where the primary opens the sockets */
export function hookBind(onListen: OnListen, takesOver: boolean): void {
  const { prototype } = (dgram() as unknown as DgramModule).Socket;
  const { bind } = prototype;
  prototype.bind = function (this: DgramSocket, ...args: unknown[]) {
    const isBound = handleFd(this) !== undefined;
    const [descriptor] = isBound ? [] : (onListen(this, wishOfBind(args[0], args[1])) ?? []);
    if (descriptor === undefined || !takesOver) return bind.apply(this, args);
    bindToInherited(
      this,
      bind,
      descriptor,
      args.findLast((arg) => typeof arg === 'function'),
    );
    return this;
  };
}

/** A handle on a copy of the descriptor. */
function handleOn(descriptor: InheritedDescriptor, create: (fd: number) => unknown): unknown {
  const copy = copyFd(descriptor.fd);
  const handle = create(copy);
  if (typeof handle === 'number') native().close(copy);
  else native().release(copy);
  return handle;
}

/** The kind of a socket that a cluster primary shares with its workers. */
export type SharedType = 'stream' | 'udp4' | 'udp6';

/** In a cluster primary: its workers get the inherited sockets in place of the addresses that they ask for. */
export function hookSharedHandles(
  find: (wish: Wish, type: SharedType) => InheritedDescriptor | undefined,
): void {
  const netModule = net() as unknown as NetModule;
  const { _createServerHandle: createServer } = netModule;
  netModule._createServerHandle = (address, port, addressType, fd, flags, ...more) => {
    const descriptor = find(wishOfListen(address, port, fd), 'stream');
    if (descriptor === undefined) {
      return createServer(address, port, addressType, fd, flags, ...more);
    }
    return handleOn(descriptor, (copy) => createServer(null, null, null, copy, flags));
  };
  const dgramModule = dgram() as unknown as DgramModule;
  const { _createSocketHandle: createSocket } = dgramModule;
  dgramModule._createSocketHandle = (address, port, addressType, fd, flags) => {
    const isUdp = addressType === 'udp4' || addressType === 'udp6';
    const wish = wishOfListen(address, port, fd);
    const descriptor = isUdp ? find(wish, addressType) : undefined;
    if (descriptor === undefined) return createSocket(address, port, addressType, fd, flags);
    return handleOn(descriptor, (copy) => createSocket(null, null, addressType, copy, flags));
  };
}

/**
 * In a cluster worker: lets a server have an inherited socket of another port than it asks for. Node takes a socket
 * whose port differs for one that bind(2) has refused, and emits EADDRINUSE.
 *
 * @param findPort - returns the port of the inherited socket that the primary shares for this wish; undefined when
 * there is none
 */
export function hookSharedPorts(findPort: (wish: Wish) => number | undefined): void {
  const module = cluster() as unknown as ClusterWorkerModule;
  const { _getServer: getServer } = module;
  const isInherited = (handle: SharedHandle, { address, port, fd }: SharedQuery): boolean => {
    const out: { port?: number } = {};
    const expected = findPort(wishOfListen(address, port, fd));
    return expected !== undefined && handle.getsockname?.(out) === 0 && out.port === expected;
  };
  module._getServer = function (server, query, callback) {
    const take: OnShared = (error, handle) => {
      const isChecked = handle !== undefined && handle !== null && isInherited(handle, query);
      const restore = isChecked ? replaceMethod(handle, 'getsockname', undefined) : () => {};
      try {
        callback(error, handle);
      } finally {
        restore();
      }
    };
    getServer.call(this, server, query, take);
  };
}
