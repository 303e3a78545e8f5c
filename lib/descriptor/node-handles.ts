// The descriptors of Node's own servers and sockets. Node keeps them in internal objects, the handles.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Socket, SocketConstructorOpts } from 'node:net';
import { native } from '../addon/exports.ts';
import { dgram, net } from '../base/lazy-builtins.ts';
import { propertyOf } from '../base/options.ts';
import { invalidType, validateInteger } from '../base/validate.ts';

export function isDgramSocket(value: unknown): value is DgramSocket {
  // A net.Server is recognized without loading node:dgram.
  return !(value instanceof net().Server) && value instanceof dgram().Socket;
}

/** The handle of a dgram socket, from its internal state: to read `socket._handle` prints a deprecation (DEP0112). */
export function dgramHandle(socket: object): unknown {
  const symbols = Object.getOwnPropertySymbols(socket);
  const key = symbols.find(({ description }) => description === 'state symbol');
  const state = key && (socket as Record<symbol, { readonly handle?: unknown } | undefined>)[key];
  return state?.handle;
}

/** The handle of a server or socket. Node makes a new handle each time the server or socket is opened. */
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
 * Calls `onClose` when a server stops listening, whatever code closes the server. The server's own 'close' event comes
 * later, because it waits until all connections have ended.
 */
export function whenHandleCloses(server: NodeJS.EventEmitter, onClose: () => void): void {
  const handle = handleOf(server) as { close(...args: unknown[]): unknown } | null | undefined;
  if (typeof handle?.close !== 'function') {
    server.once('close', onClose); // a runtime other than Node, without handles
    return;
  }
  const { close } = handle;
  handle.close = (...args) => {
    onClose();
    return close.apply(handle, args);
  };
}

/**
 * A net.Socket that owns this descriptor from now on. When Node refuses the descriptor, the descriptor is closed and
 * the error thrown. Node refuses it when another socket of Node's already counts as the owner of the number.
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

/** The `fd` of an object, or the descriptor of an open server or socket. */
function fdOfObject(value: object): unknown {
  return propertyOf(value, 'fd') ?? handleFd(value);
}

/**
 * The number of the descriptor that an argument stands for. The argument is that number, an object with the number as
 * its `fd`, or an open server or socket.
 * This function does not check whether the descriptor is open.
 *
 * @param name - the argument that an error names
 * @throws TypeError ERR_INVALID_ARG_TYPE for any other value
 * @throws RangeError ERR_OUT_OF_RANGE for a number that is no C int
 */
export function fdOf(name: string, value: unknown): number {
  const fd = typeof value === 'object' && value !== null ? fdOfObject(value) : value;
  if (typeof fd !== 'number') {
    const expected = 'a file descriptor, an object with an fd, or an open server or socket';
    throw invalidType(name, expected, value);
  }
  validateInteger(name, fd, -0x8000_0000, 0x7fff_ffff);
  return fd;
}
