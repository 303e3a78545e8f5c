// The changes of files for which the program is restarted.
import type { Tell } from './events.ts';
import type { Watched } from './watched-files.ts';
import { Watcher } from './watcher.ts';

export class Changes {
  readonly #watcher: Watcher | undefined;
  /** True: files have changed since the program was started, and it was not restarted for them yet. */
  isPending = false;

  /**
   * Watches files, if there are any to watch.
   *
   * @param onChange - called when some of them have changed
   */
  constructor(
    watched: readonly Watched[],
    tell: Tell,
    onChange: (files: readonly string[]) => void,
  ) {
    if (watched.length === 0) return;
    this.#watcher = new Watcher(watched, {
      directory: process.cwd(),
      onChange,
      onError: (error) => tell({ event: 'unwatched', why: watchFailure(error) }),
    });
  }

  /** True when a change can start the program again. */
  get areWatched(): boolean {
    return this.#watcher !== undefined;
  }

  close(): void {
    this.#watcher?.close();
  }
}

function watchFailure(error: unknown): string {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EMFILE')
    return `Changes in ${path ?? 'a folder'} are not seen (${code}): fs.inotify.max_user_watches or max_user_instances is reached, raise it by sysctl`;
  return `Changes in ${path ?? 'a folder'} are not seen: ${message}`;
}
