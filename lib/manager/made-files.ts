// The files that a unit has made for its sockets, so that it removes these at its end, and no others.
import { nativeSockets } from '../addon/sockets.ts';
import { fs, path } from '../base/lazy-builtins.ts';
import { closeDescriptor } from '../descriptor/calls.ts';
import { removeListener } from './listeners.ts';
import type { SocketDescription } from './socket-description.ts';

/** Device and inode of a file; undefined when there is none. The file of another server has other numbers. */
function idOf(file: string): string | undefined {
  const stats = fs().lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}

/** True for a message queue that exists. */
function isQueue(address: string): boolean {
  const fd = nativeSockets().mq_open(address.slice(1), fs().constants.O_RDONLY, 0, 0, 0);
  if (fd >= 0) closeDescriptor(fd);
  return fd >= 0;
}

/** True when opening this makes a file: a Unix socket always, in place of an old one; others if there is none. */
function willBeMade({ kind, address }: SocketDescription): boolean {
  if (!address.startsWith('/') || kind === 'special') return false;
  if (kind === 'queue') return !isQueue(address);
  return kind !== 'fifo' || idOf(address) === undefined;
}

function removeIfEmpty(folder: string): void {
  try {
    fs().rmdirSync(folder);
  } catch (error) {
    // Somebody else uses it, or has removed it.
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
  }
}

/** The folders above a file that do not exist, the outermost first. */
function missingFolders(file: string): string[] {
  const folder = path().dirname(file);
  return fs().existsSync(folder) ? [] : [...missingFolders(folder), folder];
}

export class MadeFiles {
  /** The files by their sockets. A queue has no id. */
  readonly #files = new Map<SocketDescription, string | undefined>();
  /** The folders that were made for them, each before those in it. */
  readonly #folders: string[] = [];

  /** Opens a socket, and remembers the file that was made for it, or that is to be removed all the same. */
  open(socket: SocketDescription, openIt: (socket: SocketDescription) => number): number {
    // RemoveOnStop= is for a FIFO and a queue, too, that somebody else has made.
    const isMade = willBeMade(socket) || socket.removeOnStop === true;
    if (isMade && socket.kind !== 'queue') this.#folders.push(...missingFolders(socket.address));
    const fd = openIt(socket);
    if (isMade) this.#files.set(socket, socket.kind === 'queue' ? undefined : idOf(socket.address));
    return fd;
  }

  /** A line for each file that has an id: the id, a blank, the path. */
  get notes(): readonly string[] {
    return [...this.#files]
      .filter(([{ address }, id]) => id !== undefined && !address.includes('\n'))
      .map(([{ address }, id]) => `${id} ${address}`);
  }

  /** The folders, the innermost first. */
  get folders(): readonly string[] {
    return this.#folders.filter((folder) => !folder.includes('\n')).reverse();
  }

  /** Removes the files that are still those which were made, and the folders unless something else is in them. */
  remove(): void {
    for (const [socket, id] of this.#files)
      if (socket.kind === 'queue' || idOf(socket.address) === id) removeListener(socket);
    this.#files.clear();
    for (const folder of this.#folders.splice(0).reverse()) removeIfEmpty(folder);
  }
}
