// Watches folders, and reports the files that have changed: all that change in a row in one report.
//
// fs.watch({ recursive: true }) can't leave out node_modules, and on Linux Node watches each folder by itself anyway.
import { type FSWatcher, lstatSync, readdirSync, type Stats, watch } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { isWatchedFolder, type Watched } from './watched-files.ts';

/**
 * A report waits until nothing has changed for this many milliseconds: an editor or a compiler writes several files.
 */
const QUIET = 100;

/** Watches one tree of folders. */
class Tree {
  readonly #watched: Watched;
  readonly #changed: (file: string) => void;
  readonly #failed: (error: unknown) => void;
  readonly #folders = new Map<string, { readonly inode: number; readonly watcher: FSWatcher }>();

  constructor(watched: Watched, changed: (file: string) => void, failed: (error: unknown) => void) {
    this.#watched = watched;
    this.#changed = changed;
    this.#failed = failed;
    try {
      this.#add(watched.folder);
    } catch (error) {
      this.close(); // a watch keeps the process alive
      throw error;
    }
  }

  close(): void {
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  /** Watches a folder and those in it. Returns the files that count, which are new when the folder is. */
  #add(folder: string): string[] {
    if (this.#folders.has(folder)) return [];
    const { ino: inode } = lstatSync(folder);
    const watcher = watch(folder, (event, name) => this.#look(folder, event, name));
    watcher.on('error', () => this.#remove(folder));
    this.#folders.set(folder, { inode, watcher });
    // Read after the watch has begun, so that nothing is missed between the two.
    const entries = readdirSync(folder, { withFileTypes: true });
    const files = entries.filter(
      (entry) => !entry.isDirectory() && this.#watched.counts(entry.name),
    );
    const inside = entries
      .filter((entry) => entry.isDirectory() && this.#enters(entry.name))
      .flatMap((entry) => this.#tryAdd(join(folder, entry.name)));
    return [...files.map((entry) => join(folder, entry.name)), ...inside];
  }

  /** Like {@link Tree.#add} for a folder that may be gone already, or that this user may not read. */
  #tryAdd(folder: string): string[] {
    try {
      return this.#add(folder);
    } catch (error) {
      this.#remove(folder);
      if (!['ENOENT', 'EACCES', 'ENOTDIR'].includes(codeOf(error))) this.#failed(error);
      return [];
    }
  }

  /** Ends the watch of a folder, and of those that were in it. */
  #remove(folder: string): void {
    for (const [path, { watcher }] of this.#folders) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue;
      watcher.close();
      this.#folders.delete(path);
    }
  }

  /**
   * Looks what has happened to a name in a folder.
   *
   * @param event - `change` for a file that was written; `rename` for anything else, so also for a folder's new mode
   * @param name - null when the kernel did not say
   */
  #look(folder: string, event: string, name: string | null): void {
    if (name === null || !this.#folders.has(folder)) return;
    const path = join(folder, name);
    const found = find(path);
    const known = this.#folders.get(path);
    if (known !== undefined && known.inode !== found?.ino) this.#remove(path);
    if (found?.isDirectory()) {
      if (this.#enters(name)) this.#tryAdd(path).forEach(this.#changed);
    } else if (this.#watched.counts(name) && (found || isGone(folder, event, name))) {
      this.#changed(path);
    }
  }

  #enters(folder: string): boolean {
    return !this.#watched.flat && isWatchedFolder(folder);
  }
}

/** What has this path now, where a link is a file. Undefined: nothing, or nothing that this user may know of. */
function find(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/** True when the event tells that a file has gone. With a folder's own name it tells of the folder itself. */
function isGone(folder: string, event: string, name: string): boolean {
  return event === 'rename' && name !== basename(folder);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

export interface WatcherOptions {
  /** The paths in reports are relative to this folder. */
  readonly directory: string;
  /** Called with the files that have changed, each once, when nothing more has changed for 100 ms. */
  readonly onChange: (files: readonly string[]) => void;
  /** Called when a folder can't be watched: ENOSPC when fs.inotify.max_user_watches is reached. */
  readonly onError: (error: unknown) => void;
}

/** Watches until close() is called. Throws when one of the folders itself can't be watched. */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #trees: Tree[] = [];
  readonly #files = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(watched: readonly Watched[], options: WatcherOptions) {
    this.#options = options;
    try {
      for (const one of watched)
        this.#trees.push(new Tree(one, (file) => this.#add(file), options.onError));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const tree of this.#trees) tree.close();
  }

  #add(file: string): void {
    this.#files.add(relative(this.#options.directory, file));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#report(), QUIET);
  }

  #report(): void {
    const files = [...this.#files];
    this.#files.clear();
    this.#options.onChange(files);
  }
}
