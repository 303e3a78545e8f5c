// Which files `activate --watch` restarts a program for, and where it looks for them.
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';

/**
 * What a change of a folder's files counts for. A program writes files too: logs, databases, uploads. To restart for
 * those would never end, so in the program's own folder only sources count.
 */
export type Counts = (name: string) => boolean;

const SOURCES = new Set(
  ['cjs', 'cts', 'js', 'json', 'jsx', 'mjs', 'mts', 'node', 'ts', 'tsx', 'wasm'].map(
    (extension) => `.${extension}`,
  ),
);

/** Files that editors write beside the one that is edited: Vim's, Emacs' and JetBrains' among others. */
const OF_EDITORS = /^(\..*\.sw.|4913|\.#.*|#.*#|.*~|.*___jb_(tmp|old)___)$/;

/** True for the names of files of any kind, but not for those that an editor writes for itself. */
export const anyFile: Counts = (name) => !OF_EDITORS.test(name);

/** True for the names of sources, and of files such as `.env` and `.env.local`. */
export const sourceFile: Counts = (name) =>
  anyFile(name) && (SOURCES.has(extname(name)) || /^\.env(\.|$)/.test(name));

/** False for folders whose files are no part of the program: packages, version control and caches. */
export const isWatchedFolder = (name: string): boolean =>
  name !== 'node_modules' && !name.startsWith('.');

/** A folder to watch with all folders in it, or one file of a folder. */
export interface Watched {
  readonly folder: string;
  readonly counts: Counts;
  /** True: folders in it are not watched. */
  readonly flat?: boolean;
}

/** Where a path is: a folder with all its files, or a file in its folder, because editors replace files. */
export function watchedPath(path: string): Watched {
  const absolute = resolve(path);
  if (statSync(absolute).isDirectory()) return { folder: absolute, counts: anyFile };
  const file = basename(absolute);
  return { folder: dirname(absolute), counts: (name) => name === file, flat: true };
}

/** The folder of the package.json above a file; without one the file's own folder. */
function packageFolder(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (dirname(folder) === folder) return dirname(file);
  }
}

/** The sources of a program: of its package, found by the first argument that is a file; or else of this folder. */
export function watchedProgram(command: readonly string[], directory: string): Watched {
  const files = command.slice(1).map((word) => resolve(directory, word));
  const script = files.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
  return { folder: script === undefined ? directory : packageFolder(script), counts: sourceFile };
}
