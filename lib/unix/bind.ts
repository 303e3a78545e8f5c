// Gives Unix sockets their names, and removes the files of those names.
import { nativeSockets } from '../addon/sockets.ts';
import { EADDRINUSE, ENOENT } from '../base/errno.ts';
import { systemError } from '../base/errors.ts';
import { fs, path as paths } from '../base/lazy-builtins.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { validateInteger } from '../base/validate.ts';
import { unlinkStale } from '../descriptor/stale-path.ts';
import { formatName, pathOfName } from './address.ts';

/** How a socket gets its name. */
export interface BindOptions {
  /**
   * The permissions of the file, such as 0o666, so that every user may send. Default: what the umask of the process leaves of
   * 0o777. An abstract name has none.
   */
  readonly mode?: number | undefined;
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

const NO_FOLDER = 'there is no such folder: make it, in a unit by RuntimeDirectory=';

/** Who has the name that bind(2) has refused, and what to do. */
function adviceInUse(path: Buffer | undefined): string {
  const advice = 'a socket has this name: end its process, or choose another name';
  if (path === undefined) return advice;
  const isSocket = fs().lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? true;
  if (!isSocket) return 'this file is no socket: remove it, or choose another path';
  return `${advice}; if it has no process any more, remove the file, which this process may not`;
}

const tryBind = (fd: number, name: Uint8Array): number => nativeSockets().bind(fd, name);

/** Binds also where a socket is left that nobody has any more, as systemd does. */
function bindAnyway(fd: number, name: Uint8Array, path: Buffer | undefined): void {
  let result = tryBind(fd, name);
  if (result === -EADDRINUSE && path !== undefined) {
    unlinkStale(path.toString());
    result = tryBind(fd, name);
  }
  if (result >= 0) return;
  const noFolder = result === -ENOENT ? NO_FOLDER : undefined;
  const advice = result === -EADDRINUSE ? adviceInUse(path) : noFolder;
  throw systemError(result, 'bind', { fd, path: formatName(name) }, advice);
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

const PERMISSIONS = [
  ['fs.read', 'FileSystemRead'],
  ['fs.write', 'FileSystemWrite'],
] as const;

/**
 * Node's permission model does not see bind(2), but what comes after it: the file would be made, and could not be removed.
 *
 * @throws Error ERR_ACCESS_DENIED, as Node's own
 */
function assertPermitted(path: string): void {
  // undefined without --permission.
  const model = process.permission as NodeJS.Process['permission'] | undefined;
  const resource = paths().resolve(path);
  for (const [scope, permission] of PERMISSIONS) {
    if (model?.has(scope, resource) ?? true) continue;
    const flag = `--allow-${scope.replace('.', '-')}`;
    const message = `Node's permission model forbids to bind a socket to ${resource}: start Node with ${flag}=${resource}`;
    throw Object.assign(new Error(message), { code: 'ERR_ACCESS_DENIED', permission, resource });
  }
}

/** Gives a socket its name. Returns its file; undefined for an abstract name. */
export function bindSocket(
  fd: number,
  name: Uint8Array,
  { mode }: BindOptions,
): SocketFile | undefined {
  const path = pathOfName(name);
  if (path !== undefined) assertPermitted(path.toString());
  bindAnyway(fd, name, path);
  if (path === undefined) return undefined;
  const file = new SocketFile(path);
  if (mode !== undefined) fs().chmodSync(path, mode);
  return file;
}
