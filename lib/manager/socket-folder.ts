// SocketFolder: the paths of the sockets for which nobody has chosen one.
import { withinUnixName } from './address-values.ts';

/** Where sockets for which no path was chosen are put. */
export interface Place {
  /** An existing folder, as an absolute path. */
  readonly folder: string;
  /** The file's name, without a slash, which no other socket in the folder has. */
  readonly name: string;
}

/** A folder for the sockets of one unit. Each of them gets a file of its own, also when several have the same name. */
export class SocketFolder {
  readonly #path: string;
  readonly #files = new Set<string>();

  constructor(path: string) {
    this.#path = path;
  }

  /** The place for the next socket of this name. */
  place(name: string): Place {
    const wished = name.replaceAll('/', '-');
    let file = wished;
    for (let count = 2; this.#files.has(file); count++) file = `${wished}-${count}`;
    this.#files.add(file);
    return { folder: this.#path, name: file };
  }
}

/** The path of a socket at this place. Throws when it is too long for a Unix socket. */
export function pathIn({ folder, name }: Place): string {
  const path = `${folder}/${name}`;
  return withinUnixName(path, path);
}
