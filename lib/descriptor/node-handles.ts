// The descriptors of Node's own servers and sockets, which it keeps in handles.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Socket, SocketConstructorOpts } from 'node:net';
import { native } from '../addon/exports.ts';
import { dgram, net } from '../base/lazy-builtins.ts';
import { propertyOf } from '../base/options.ts';
import { invalidType, validateInteger } from '../base/validate.ts';

export function isDgramSocket(value: unknown): value is DgramSocket {
  // Of a server it is known without loading dgram.
  return !(value instanceof net().Server) && value instanceof dgram().Socket;
}

/** dgram has its handle in a state; `socket._handle` is deprecated, and says so (DEP0112). */
export function dgramHandle(socket: object): unknown {
  const symbols = Object.getOwnPropertySymbols(socket);
  const key = symbols.find(({ description }) => description === 'state symbol');
  const state = key && (socket as Record<symbol, { readonly handle?: unknown } | undefined>)[key];
  return state?.handle;
}

/** What Node keeps the descriptor of a server or socket in: another one each time that it is opened. */
export function handleOf(value: object): unknown {
  if (isDgramSocket(value)) return dgramHandle(value);
  return propertyOf(value, '_handle');
}

/** The descriptor of an open server or socket of net or dgram; undefined when it has none. */
export function handleFd(value: object): number | undefined {
  const handle = handleOf(value);
  const fd = typeof handle === 'object' && handle !== null ? propertyOf(handle, 'fd') : undefined;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/**
 * Calls `then` when a server listens no longer: whoever closes it, and though connections may be open yet,
 * for which its 'close' event waits.
 */
export function whenHandleCloses(server: NodeJS.EventEmitter, then: () => void): void {
  const handle = handleOf(server) as { close(...args: unknown[]): unknown } | null | undefined;
  if (typeof handle?.close !== 'function') {
    server.once('close', then); // not in Node
    return;
  }
  const { close } = handle;
  handle.close = (...args) => {
    then();
    return close.apply(handle, args);
  };
}

/**
 * A socket of Node's, which has this descriptor from now on. Where Node can't take it, as when by its
 * books another socket has the number, it is closed.
 */
export function socketOf(fd: number, options: SocketConstructorOpts): Socket {
  try {
    const socket = new (net().Socket)({ ...options, fd });
    native().release(fd);
    return socket;
  } catch (error) {
    native().close(fd);
    throw error;
  }
}

function fdIn(value: object): unknown {
  return propertyOf(value, 'fd') ?? handleFd(value);
}

/**
 * The number of what goes as a descriptor: a number, whatever has it as `fd`, an open server or
 * socket. Whether it is open is for the system to say. Throws for anything else, as of the argument
 * `name`.
 */
export function fdOf(name: string, value: unknown): number {
  const fd = typeof value === 'object' && value !== null ? fdIn(value) : value;
  if (typeof fd !== 'number') {
    const expected = 'a file descriptor, an object with an fd, or an open server or socket';
    throw invalidType(name, expected, value);
  }
  validateInteger(name, fd, -0x8000_0000, 0x7fff_ffff);
  return fd;
}
