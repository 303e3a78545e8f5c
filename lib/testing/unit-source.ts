// Where the description of a unit comes from: a command and options, or its unit files.
import { currentFolder } from '../base/current-folder.ts';
import { path, url } from '../base/lazy-builtins.ts';
import { invalidValue } from '../base/validate.ts';
import { replaceAddress } from '../manager/addresses.ts';
import { describe } from '../manager/defaults.ts';
import { NEWEST_SYSTEMD, type UnitDescription } from '../manager/description.ts';
import type { Describe } from '../manager/managed-unit.ts';
import type { SocketDescription } from '../manager/socket-description.ts';
import { SocketFolder } from '../manager/socket-folder.ts';
import { checkTemplate, readUnitFile, type UnitFile } from '../manager/unit-file.ts';
import { checkCommand, checkUnitFile } from './check-options.ts';
import { checkUnit } from './check-unit.ts';
import { settingsOf, socketsOf, type UnitOptions } from './options.ts';
import type { IgnoredSetting } from './unit.ts';
import { nameOfCommand } from './unit-name.ts';

/** A unit that can be described once its folder is known. */
export interface UnitSource {
  readonly describe: Describe;
  readonly ignored: readonly IgnoredSetting[];
  /** True: the program is that of ExecStart=. */
  readonly isExecStart: boolean;
}

function fromCommand(command: readonly string[], options: UnitOptions): UnitSource {
  if (options.command !== undefined)
    throw invalidValue('options.command', 'left out, because a command was given', options.command);
  const settings = {
    name: nameOfCommand(command),
    directory: options.cwd ?? currentFolder(),
    ...settingsOf(options),
    start: { argv: command },
  };
  return {
    describe: (folder) =>
      checkUnit(
        describe({
          ...settings,
          sockets: socketsOf(options.sockets ?? {}, new SocketFolder(folder)),
        }),
      ),
    ignored: [],
    isExecStart: false,
  };
}

/**
 * The settings for which the kit has defaults of its own, or which follow from others, with the lines of a unit file
 * that set them: without such a line the description has only systemd's default.
 */
const SET_BY: Readonly<Partial<Record<keyof UnitDescription, readonly string[]>>> = {
  startTimeout: ['TimeoutStartSec', 'TimeoutSec'],
  stopTimeout: ['TimeoutStopSec', 'TimeoutSec'],
  abortTimeout: ['TimeoutAbortSec'],
  restartKillSignal: ['RestartKillSignal'],
  notifyAccess: ['NotifyAccess'],
};

/** What a test can do about a setting without effect. */
const REMEDIES: Readonly<Record<string, string>> = {
  EnvironmentFile: '; the options can set them by env',
};

/**
 * What the files of a unit say themselves. A test starts the service at once, although it has sockets.
 *
 * @param unit - that of the files, or an instance of it
 */
function ownSettings({ service }: UnitFile, unit: UnitDescription): Partial<UnitDescription> {
  const keys = new Set(service.assignments.map(({ key }) => key));
  const isSet = (name: string) =>
    SET_BY[name as keyof UnitDescription]?.some((key) => keys.has(key)) ?? name !== 'lazy';
  return Object.fromEntries(Object.entries(unit).filter(([name]) => isSet(name)));
}

/** The sockets of a unit's files on free addresses, or on those that the options wish for. */
function replacedSockets(
  sockets: readonly SocketDescription[],
  wishes: UnitOptions['sockets'],
  folder: SocketFolder,
): SocketDescription[] {
  const wished = socketsOf(wishes ?? {}, folder);
  const replaced = sockets.map((socket) => {
    const wish = wished.findIndex(({ name }) => name === socket.name);
    if (wish >= 0) return { ...socket, ...(wished.splice(wish, 1)[0] as SocketDescription) };
    return { ...socket, ...replaceAddress(socket, folder.place(socket.name)) };
  });
  const [unknown] = wished;
  if (unknown === undefined) return replaced;
  const names = sockets.map(({ name }) => name).join(', ') || 'it has none';
  throw invalidValue('options.sockets', `sockets that the unit files have: ${names}`, unknown.name);
}

function fromFile(file: string, options: UnitOptions): UnitSource {
  const { systemd = NEWEST_SYSTEMD, command } = options;
  const read = readUnitFile(path().resolve(file), { systemd, skipsEnvironmentFiles: true });
  const settings = (unit: UnitDescription) => {
    // A command of the test has paths of the test.
    const directory = options.cwd ?? unit.directory ?? (command && currentFolder());
    return {
      ...settingsOf(options, ownSettings(read, unit)),
      start: command === undefined ? unit.start : { argv: [...command] },
      ...(directory === undefined ? {} : { directory }),
    };
  };
  return {
    describe: (folder, instance) => {
      if (instance !== undefined) return describe(settings(read.instantiate(instance)));
      const sockets = replacedSockets(read.unit.sockets, options.sockets, new SocketFolder(folder));
      return checkTemplate(checkUnit(describe({ ...settings(read.unit), sockets })), file);
    },
    ignored: [...read.ignored, ...read.unknown].map(({ key, value, file, line, why }) =>
      Object.freeze({ key, value, file, line, why: `${why}${REMEDIES[key] ?? ''}` }),
    ),
    isExecStart: command === undefined,
  };
}

/** The source of a unit by the first argument of `start()`. */
export function sourceOf(unit: readonly string[] | string | URL, options: UnitOptions): UnitSource {
  if (isUrl(unit)) return fromFile(url().fileURLToPath(unit), options);
  if (typeof unit === 'string') return fromFile(checkUnitFile(unit), options);
  checkCommand('command', unit, 'a list of words, or the path of a unit file');
  return fromCommand([...unit], options);
}

/** A URL may be of another realm, or of an environment such as jsdom, which has a class of its own. */
function isUrl(unit: unknown): unit is URL {
  return typeof (unit as Partial<URL> | null)?.href === 'string';
}
