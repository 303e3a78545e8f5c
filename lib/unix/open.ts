// Opens Unix sockets: new ones with a name, and those that somebody else has opened.
import { native } from '../addon/exports.ts';
import { nativeSockets } from '../addon/sockets.ts';
import { EADDRINUSE } from '../base/errno.ts';
import { resultOrThrow, SystemdError, systemError } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';
import { type OptionNames, propertyOf, takeOptions } from '../base/options.ts';
import { validateInteger } from '../base/validate.ts';
import { closeDescriptor } from '../descriptor/calls.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import { type Descriptor, inspect } from '../descriptor/inspect.ts';
import { fdOf } from '../descriptor/node-handles.ts';
import { SO_PASSCRED, SOCK_NONBLOCK, SOL_SOCKET, setFlag } from '../descriptor/socket-flags.ts';
import { unlinkStale } from '../descriptor/stale-path.ts';
import { AF_UNIX } from '../sd/constants.ts';
import { formatName, pathOfName, type UnixName } from './address.ts';

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

/** How a socket gets its name. */
export interface BindOptions {
  /**
   * The permissions of the file, such as 0o666, so that every user may send. Default: what the umask of the process leaves of
   * 0o777. An abstract name has none.
   */
  readonly mode?: number;
}

export const BIND_OPTIONS: OptionNames<BindOptions> = { mode: true };

/**
 * The options of a call that binds a socket.
 *
 * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, or RangeError ERR_OUT_OF_RANGE, for a wrong option
 */
export function bindOptions<Options extends BindOptions>(
  options: Options,
  names: OptionNames<Options>,
  of: string,
): Options {
  const taken = takeOptions(options, names, of);
  if (taken.mode !== undefined) validateInteger('options.mode', taken.mode, 0, 0o7777);
  return taken;
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

function tryBind(fd: number, name: Uint8Array): void {
  const result = nativeSockets().bind(fd, name);
  if (result < 0) throw systemError(result, 'bind', { fd, path: formatName(name) });
}

/** Binds also where a socket is left that nobody has any more, as systemd does. */
function bindAnyway(fd: number, name: Uint8Array, path: Buffer | undefined): void {
  try {
    tryBind(fd, name);
  } catch (error) {
    if (path === undefined || (error as SystemdError).errno !== -EADDRINUSE) throw error;
    unlinkStale(path.toString());
    tryBind(fd, name);
  }
}

/** The file of a bound socket. */
export class SocketFile {
  readonly #path: Buffer;
  readonly #inode: bigint;

  constructor(path: Buffer) {
    this.#path = path;
    this.#inode = fs().lstatSync(path, { bigint: true }).ino;
  }

  /** Removes the file, unless another one has its place by now. */
  remove(): void {
    const options = { bigint: true, throwIfNoEntry: false } as const;
    try {
      if (fs().lstatSync(this.#path, options)?.ino === this.#inode) fs().unlinkSync(this.#path);
    } catch {
      // The process may not remove it any more: the next one that binds finds it, and nobody behind it.
    }
  }
}

/** Gives a socket its name. Returns its file; undefined for an abstract name. */
export function bindSocket(
  fd: number,
  name: Uint8Array,
  { mode }: BindOptions,
): SocketFile | undefined {
  const path = pathOfName(name);
  bindAnyway(fd, name, path);
  if (path === undefined) return undefined;
  const file = new SocketFile(path);
  if (mode !== undefined) fs().chmodSync(path, mode);
  return file;
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
