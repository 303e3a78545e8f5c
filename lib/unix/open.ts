// Opens Unix sockets: new ones, and those that somebody else has opened.
import { native } from '../addon/exports.ts';
import { nativeSockets } from '../addon/sockets.ts';
import { resultOrThrow, SystemdError, systemError } from '../base/errors.ts';
import { propertyOf } from '../base/options.ts';
import { closeDescriptor } from '../descriptor/calls.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import { type Descriptor, inspect } from '../descriptor/inspect.ts';
import { fdOf } from '../descriptor/node-handles.ts';
import { SO_PASSCRED, SOCK_NONBLOCK, SOL_SOCKET, setFlag } from '../descriptor/socket-flags.ts';
import { AF_UNIX } from '../sd/constants.ts';
import { formatName, type UnixName } from './address.ts';

/**
 * Where a socket is bound: a name, or a descriptor that is bound already, by its number or as an object with the number as
 * `fd`, such as a descriptor of `listenFds()`.
 */
export type UnixTarget = UnixName | number | { readonly fd: number };

/** The number of the descriptor; undefined for a name. */
export function fdOfTarget(target: UnixTarget): number | undefined {
  const isObject = typeof target === 'object' && target !== null;
  const isDescriptor = isObject && propertyOf(target, 'fd') !== undefined;
  return typeof target === 'number' || isDescriptor ? fdOf('target', target) : undefined;
}

/** Calls `use` with a descriptor, and closes the descriptor when that throws. */
export function orClose<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** A new socket, with credentials of each message if `credentials` is true. It is close-on-exec, and never blocks. */
export function openSocket(type: number, credentials: boolean): number {
  const fd = nativeSockets().socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
  return orClose(resultOrThrow(fd, 'socket'), () => {
    if (credentials) passCredentials(fd);
    return fd;
  });
}

/** Has the kernel say from now on who has sent a message. */
export function passCredentials(fd: number): void {
  setFlag(fd, SOL_SOCKET, SO_PASSCRED);
}

/** @throws SystemdError the error of connect(2), with the name as its path */
export function connectSocket(fd: number, name: Uint8Array): void {
  const result = nativeSockets().connect(fd, name);
  if (result < 0) throw systemError(result, 'connect', { path: formatName(name) });
}

/** @throws SystemdError the error of listen(2) */
export function listenOn(fd: number, backlog: number): void {
  resultOrThrow(native().listen(fd, backlog), 'listen', fd);
}

/**
 * Checks a descriptor that somebody else has opened.
 *
 * @throws SystemdError ERR_SYSTEMD_FD_KIND when it does not suit; EBADF when it is closed
 */
export function checkDescriptor(
  fd: number,
  suits: (descriptor: Descriptor) => boolean,
  expected: string,
): Descriptor {
  const descriptor = inspect(fd);
  if (suits(descriptor)) return descriptor;
  const message = `Expected ${expected}, and got ${formatDescriptor(descriptor)}`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd });
}
