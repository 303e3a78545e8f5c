// directory(): the folders that systemd has made for the service.
import { SystemdError } from '../base/errors.ts';
import { fs, path } from '../base/lazy-builtins.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { escapeUnprintable } from '../base/printable.ts';
import { invalidValue, validateInteger, validateOptionalString } from '../base/validate.ts';
import { quotedList, variable } from './variables.ts';

/**
 * The purpose of a folder. Below are the places in the manager of the system; a user's own manager has the folders of
 * the XDG specification instead.
 *
 * - `state`: what the service must keep, /var/lib
 * - `runtime`: sockets and the like, gone when the unit stops, /run
 * - `cache`: what the service can make again, /var/cache
 * - `logs`: /var/log
 * - `configuration`: /etc
 */
export type DirectoryKind = 'state' | 'runtime' | 'cache' | 'logs' | 'configuration';

/** The variable of each kind of folder, and the setting of the unit that makes the folder. */
const KINDS: Readonly<Record<DirectoryKind, readonly [variable: string, setting: string]>> = {
  state: ['STATE_DIRECTORY', 'StateDirectory='],
  runtime: ['RUNTIME_DIRECTORY', 'RuntimeDirectory='],
  cache: ['CACHE_DIRECTORY', 'CacheDirectory='],
  logs: ['LOGS_DIRECTORY', 'LogsDirectory='],
  configuration: ['CONFIGURATION_DIRECTORY', 'ConfigurationDirectory='],
};

/** Options of {@link directory}. */
export interface DirectoryOptions {
  /** Which of several folders, by the order in the unit, from 0. */
  readonly index?: number | undefined;
  /**
   * Which of several folders, by its name in the unit: `app/spool` for `StateDirectory=app app/spool`. The last parts
   * of the path are enough; the shortest path that ends with them counts.
   */
  readonly name?: string | undefined;
  /**
   * The folder to use where the unit gave none, such as in a start by hand. It is made, with its parents, if it does
   * not exist. Default: none, and then that is an error.
   */
  readonly fallback?: string | undefined;
}

const OPTIONS: OptionNames<DirectoryOptions> = { index: true, name: true, fallback: true };

function checkOptions(options: DirectoryOptions): DirectoryOptions {
  const taken = takeOptions(options, OPTIONS, 'directory()');
  const { index, name, fallback } = taken;
  if (index !== undefined) validateInteger('options.index', index, 0, 0x7fff_ffff);
  validateOptionalString('options.name', name);
  validateOptionalString('options.fallback', fallback);
  if (fallback === '') throw invalidValue('options.fallback', 'the path of a folder', fallback);
  if (index === undefined || name === undefined) return taken;
  throw invalidValue('options.index', 'left out where there is a name', index);
}

function directoryError(message: string): SystemdError {
  return new SystemdError('ERR_SYSTEMD_DIRECTORY', escapeUnprintable(message));
}

function makeFallback(folder: string): string {
  const absolute = path().resolve(folder);
  fs().mkdirSync(absolute, { recursive: true });
  return absolute;
}

/** The folder with this name; undefined when there is none. */
function withName(folders: readonly string[], name: string): string | undefined {
  const parts = name.split('/').filter((part) => part !== '');
  const end = `/${parts.join('/')}`;
  const matching = folders.filter((folder) => parts.length > 0 && folder.endsWith(end));
  // All folders of a kind are below the same one, so a longer path has a longer name.
  return matching.sort((a, b) => a.length - b.length)[0];
}

function choose(kind: DirectoryKind, folders: readonly string[], options: DirectoryOptions) {
  const { index, name } = options;
  const [variableName, setting] = KINDS[kind];
  const list = `${variableName} has ${quotedList(folders)}`;
  if (name !== undefined) {
    const found = withName(folders, name);
    if (found !== undefined) return found;
    throw directoryError(
      `${list}, and no folder "${name}": add the name to ${setting} of the unit`,
    );
  }
  if (index === undefined && folders.length > 1) {
    throw directoryError(
      `${list}, where one folder was expected: choose by the option name or index`,
    );
  }
  const found = folders[index ?? 0];
  if (found !== undefined) return found;
  throw directoryError(
    `${list}, and no folder of index ${index}: add its name to ${setting} of the unit`,
  );
}

/**
 * Returns the absolute path of a folder that systemd has made for the service, and that belongs to the unit's user.
 * Under DynamicUser= and ProtectSystem=strict no other folder is writable, except for /tmp.
 *
 * systemd joins several paths by `:` and escapes nothing, so a name with a colon looks like two.
 *
 * @param kind - the purpose of the folder: `state`, `runtime`, `cache`, `logs` or `configuration`
 * @param options - `index` or `name`: which of several folders; `fallback`: the folder of a start by hand. Default {}:
 * the unit's only folder, and no fallback
 * @returns the path; `fallback` where the unit gave no folder of this kind
 * @throws SystemdError ERR_SYSTEMD_DIRECTORY when the unit gave none and there is no fallback; when it gave several,
 * and the options choose none; when it gave none of this name or index
 * @throws TypeError, RangeError with Node's codes for wrong arguments
 * @throws Error of Node when the fallback can't be made
 * @see systemd.exec(5), RuntimeDirectory=; the variables are of systemd 240
 */
export function directory(kind: DirectoryKind, options: DirectoryOptions = {}): string {
  if (!Object.hasOwn(KINDS, kind)) {
    throw invalidValue('kind', `one of ${Object.keys(KINDS).join(', ')}`, kind);
  }
  const checked = checkOptions(options);
  const [variableName, setting] = KINDS[kind];
  const folders = (variable(variableName) ?? '').split(':').filter((one) => one !== '');
  if (folders.length > 0) {
    return choose(
      kind,
      folders.map((one) => path().resolve(one)),
      checked,
    );
  }
  if (checked.fallback !== undefined) return makeFallback(checked.fallback);
  throw directoryError(
    `${variableName} is not set: the unit has no ${setting}, or systemd has not started this process. Add ${setting}NAME to its [Service] section, or pass a fallback for starts by hand`,
  );
}
