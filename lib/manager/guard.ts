// Nothing is left behind: the folder of this process's units, and a guard that cleans up when this process dies.
import type { ChildProcess } from 'node:child_process';
import { isOutOfDescriptors, SystemdError } from '../base/errors.ts';
import { fs, os, path } from '../base/lazy-builtins.ts';
import { spawnShell } from './launch.ts';
import type { Members } from './members.ts';

/**
 * The guard: a shell that reads from a pipe of this process. Its end says that this process is gone, however it went:
 * no handler runs at SIGKILL. The guard kills by the files that are in the folder of each unit: `groups` has a
 * process group a line, and `invocations` an INVOCATION_ID a line, by which processes are found that have left their
 * group. `files` and `folders` have what was made for its sockets elsewhere.
 */
const GUARD = `
trap '' HUP INT QUIT TERM TSTP
read -r nothing
for unit in "$1"/*/; do
  if [ -f "$unit/groups" ]; then
    while read -r group; do kill -s KILL -- "-$group"; done < "$unit/groups"
  fi
  if [ -f "$unit/files" ]; then
    while read -r id file; do
      [ "$(stat -c %d:%i -- "$file")" != "$id" ] || rm -f -- "$file"
    done < "$unit/files"
  fi
  if [ -f "$unit/folders" ]; then
    while read -r folder; do rmdir -- "$folder"; done < "$unit/folders"
  fi
  if [ -s "$unit/invocations" ]; then
    for round in 1 2 3 4 5; do
      found=$(grep -lsFf "$unit/invocations" /proc/[0-9]*/environ)
      [ -n "$found" ] || break
      for file in $found; do pid=\${file#/proc/}; kill -s KILL "\${pid%/environ}"; done
    done
  fi
done
rm -rf -- "$1"
`;

/** The longest path of the folder, so that the paths of the sockets in it fit into the 107 bytes of unix(7). */
const LONGEST_FOLDER = 52;

/** The folder of all units of this process. */
let folder: string | undefined;
/** The cleanup of each unit, for the end of this process. */
const cleanups = new Set<() => void>();
let units = 0;

/** A path that nobody else has, and nobody can foresee. */
function newPath(): string {
  const parent = os().tmpdir().length > LONGEST_FOLDER - 20 ? '/tmp' : os().tmpdir();
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString('base64url');
  return path().join(parent, `libsystemd-unit-${random}`);
}

/** @throws SystemdError ENOENT, EACCES and the like when there is no room for temporary files */
function makeFolder(folder: string): void {
  try {
    fs().mkdirSync(folder, { mode: 0o700 });
    // A daemon that gives up its privileges still has to reach its sockets, whose names nobody else can list.
    fs().chmodSync(folder, 0o711);
  } catch (cause) {
    const { code = '', errno = 0 } = cause as NodeJS.ErrnoException;
    const parent = path().dirname(folder);
    const message = `${code}: the sockets of a unit need a folder, and none can be made in ${parent}: set TMPDIR to a folder that exists and can be written`;
    throw new SystemdError(code, message, { errno, syscall: 'mkdir', path: folder }, { cause });
  }
}

/** @throws SystemdError EAGAIN when no process can be started */
function startGuard(guarded: string): ChildProcess {
  // The guard leads a session, so that Ctrl-C in a terminal does not end it, nor a signal to the group of this process.
  const guard = spawnShell(['-c', GUARD, 'libsystemd-guard', guarded], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return guard;
}

function cleanUpAll(): void {
  try {
    for (const cleanup of cleanups) cleanup();
    if (folder !== undefined) fs().rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    // The guard does the same once this process is gone.
    if (!isOutOfDescriptors(error)) throw error;
  }
}

function folderOfThisProcess(): string {
  // Somebody may have emptied /tmp meanwhile.
  if (folder !== undefined && fs().existsSync(folder)) return folder;
  const made = newPath();
  // The guard comes first, because this process may be killed at any moment.
  const guard = startGuard(made);
  try {
    makeFolder(made);
  } catch (error) {
    guard.kill('SIGKILL');
    throw error;
  }
  if (folder === undefined) process.on('exit', cleanUpAll);
  folder = made;
  return folder;
}

/** The folder of one unit: its notification socket, and the notes from which the guard knows its processes. */
export class UnitFolder {
  readonly path: string;
  /** The folder of the sockets, whose names others choose. */
  readonly sockets: string;
  readonly #members: Members;
  #isMade = false;
  readonly #cleanup: () => void;

  /**
   * Makes the folder, and starts the guard of this process with the first one.
   *
   * @param atExit - called when this process exits before {@link remove}, once the processes of the unit are killed
   */
  constructor(members: Members, atExit: () => void = () => {}) {
    this.#cleanup = () => {
      members.kill();
      atExit();
    };
    this.path = path().join(folderOfThisProcess(), String(++units));
    this.sockets = path().join(this.path, 'sockets');
    this.#members = members;
    this.make();
  }

  /** Makes the folder, unless it is there. */
  make(): void {
    folderOfThisProcess();
    for (const folder of [this.path, this.sockets]) {
      fs().mkdirSync(folder, { recursive: true });
      // Whatever the umask is, a daemon that gives up its privileges reaches its sockets.
      fs().chmodSync(folder, 0o755);
    }
    cleanups.add(this.#cleanup);
    this.#isMade = true;
  }

  /** Notes for the guard the ids by which it finds processes. Call it before the first process of an activation. */
  noteInvocations(): void {
    const lines = this.#members.invocations.map((id) => `INVOCATION_ID=${id}`);
    this.#write('invocations', lines);
  }

  /** Notes for the guard the process groups. */
  noteGroups(): void {
    this.#write('groups', this.#members.leaders.map(String));
  }

  /**
   * Notes for the guard what was made outside of this folder.
   *
   * @param lines - a line for each file, `DEVICE:INODE PATH`
   * @param folders - those that are removed if they are empty then, the innermost first
   */
  noteFiles(lines: readonly string[], folders: readonly string[]): void {
    const outside = lines.filter((line) => !line.includes(` ${this.path}/`));
    if (outside.length > 0) this.#write('files', outside);
    if (folders.length > 0) this.#write('folders', folders);
  }

  #write(name: string, lines: readonly string[]): void {
    if (!this.#isMade) return;
    // Somebody may have emptied /tmp meanwhile, and the guard still has to know.
    fs().mkdirSync(this.path, { mode: 0o755, recursive: true });
    const file = path().join(this.path, name);
    fs().writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
    fs().chmodSync(file, 0o644); // whatever the umask is, it is written and read again
  }

  /** Removes the folder. The caller has killed the processes. */
  remove(): void {
    this.#isMade = false;
    cleanups.delete(this.#cleanup);
    fs().rmSync(this.path, { recursive: true, force: true });
  }
}
