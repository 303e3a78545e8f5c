// The facts about a service: its unit files, and what the manager says of it.
import { dirname, resolve } from 'node:path';
import { SystemdError } from '../base/errors.ts';
import { NEWEST_SYSTEMD } from '../manager/description.ts';
import { findSockets, readFiles, type UnitTexts } from '../manager/unit-file/files.ts';
import { SOCKET_SECTIONS } from '../manager/unit-file/setting-names.ts';
import { expandSpecifiers } from '../manager/unit-file/specifiers.ts';
import { parseUnitText } from '../manager/unit-file/syntax.ts';
import { parseUnitName } from '../manager/unit-file/unit-name.ts';
import { isYes } from '../manager/unit-file/values.ts';
import { type ReadUnit, readUnitFile, readUnits, type UnitFile } from '../manager/unit-file.ts';
import { installedRelease, type Shown, show, showAll } from './systemctl.ts';

/** The lines of a unit. */
export type Lines = Pick<ReadUnit, 'name' | 'assignments'>;

export interface Facts {
  /** Such as `app.service`. */
  readonly name: string;
  /** What the files say; undefined when they can't be read, or describe nothing that can be run. */
  readonly file: UnitFile | undefined;
  /** Why `file` is undefined. */
  readonly refusal: string | undefined;
  /** The paths of the service's unit file and those of its sockets. */
  readonly paths: readonly string[];
  /** What the manager says of the service; undefined when the files were given, or no manager answers. */
  readonly shown: Shown | undefined;
  /** What the manager says of the socket units. */
  readonly sockets: readonly Shown[];
  /** Socket units of other services: those that are started or enabled, or those beside the file. */
  readonly otherSockets: readonly Lines[];
  /** The release of systemd on this machine. */
  readonly systemd: number | undefined;
}

/** Calls `read`, and keeps its refusal as text. */
function attempt(read: () => UnitFile): Pick<Facts, 'file' | 'refusal'> {
  try {
    return { file: read(), refusal: undefined };
  } catch (error) {
    if (error instanceof SystemdError || (error as NodeJS.ErrnoException).code !== undefined) {
      return { file: undefined, refusal: (error as Error).message };
    }
    throw error;
  }
}

const pathsOf = (file: UnitFile | undefined): string[] =>
  file === undefined
    ? []
    : [file.service, ...file.sockets].flatMap(({ files }) => files.slice(0, 1));

/** The lines of other socket units than the service's own. A unit of two names is one. */
function otherSockets(all: readonly UnitTexts[], file: UnitFile | undefined): Lines[] {
  const own = file?.sockets.map(({ name }) => name) ?? [];
  return all
    .filter(({ name }) => !own.includes(name.full))
    .map(({ name, files }) => ({
      name: name.full,
      assignments: files.flatMap(
        ({ path, text }) => parseUnitText(text, path, SOCKET_SECTIONS).assignments,
      ),
    }));
}

/** The facts of a unit file that need not be loaded. */
export async function factsOfFile(path: string): Promise<Facts> {
  const systemd = await installedRelease();
  const options = { systemd: systemd ?? NEWEST_SYSTEMD, toRun: false };
  const read = attempt(() => readUnitFile(path, options));
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    ...read,
    paths: pathsOf(read.file),
    shown: undefined,
    sockets: [],
    otherSockets: otherSockets(findSockets(dirname(resolve(path))), read.file),
    systemd,
  };
}

function textsOf(shown: Shown): UnitTexts | undefined {
  const name = parseUnitName(shown['Id'] ?? '');
  const { FragmentPath = '', DropInPaths = '' } = shown;
  if (name === undefined || FragmentPath === '') return undefined;
  return readFiles(name, [FragmentPath, ...DropInPaths.split(' ').filter((path) => path !== '')]);
}

function textsIfReadable(shown: Shown): UnitTexts | undefined {
  try {
    return textsOf(shown);
  } catch {
    return undefined;
  }
}

/**
 * The socket units of a service. systemd knows only those that it has loaded, so the one of the same name is asked for,
 * which loads it.
 */
async function socketsOf(name: string, { TriggeredBy = '' }: Shown): Promise<Shown[]> {
  const prefix = name.replace(/(?:@[^.]*)?\.service$/, '');
  const names = new Set([...TriggeredBy.split(' '), `${prefix}.socket`]);
  const sockets = [...names].filter((one) => one.endsWith('.socket')).toSorted();
  return (await showAll(...sockets)).filter(({ LoadState }) => LoadState === 'loaded');
}

/** True for a socket unit that listens, or will: an alternative that nobody has started listens on nothing. */
const isUsed = ({ ActiveState, UnitFileState = '' }: Shown): boolean =>
  ActiveState !== 'inactive' || UnitFileState.startsWith('enabled');

/**
 * The facts of a unit that the manager has loaded; undefined when no manager answers.
 *
 * @param name - with its suffix, such as `app.service`
 */
export async function factsOfUnit(name: string): Promise<Facts | undefined> {
  const [shown, systemd] = await Promise.all([show(name), installedRelease()]);
  if (shown === undefined) return undefined;
  const sockets = await socketsOf(name, shown);
  const read =
    shown['LoadState'] === 'not-found'
      ? { file: undefined, refusal: `systemd has no unit ${name}` }
      : attempt(() => {
          const texts = textsOf(shown);
          if (texts === undefined)
            throw new SystemdError('ERR_SYSTEMD_UNIT_FILE', `${name} has no file`);
          const others = sockets.map(textsOf).filter((one) => one !== undefined);
          return readUnits(texts, others, { systemd: systemd ?? NEWEST_SYSTEMD, toRun: false });
        });
  const used = (await showAll('*.socket')).filter(isUsed).map(textsIfReadable);
  return {
    name,
    ...read,
    paths: pathsOf(read.file),
    shown,
    sockets,
    otherSockets: otherSockets(
      used.filter((texts) => texts !== undefined),
      read.file,
    ),
    systemd,
  };
}

/** The folder of the unit file. */
export const folderOf = ({ paths }: Facts): string => dirname(paths[0] ?? '.');

/** The values of a setting that may be repeated, since it was last reset. */
export function allValues({ assignments }: Lines, key: string): string[] {
  const values = assignments.filter((one) => one.key === key).map(({ value }) => value);
  return values.slice(values.lastIndexOf('') + 1);
}

/** The last value of a setting in a unit's files; undefined when it is not set. */
export const lastValue = (unit: Lines, key: string): string | undefined =>
  allValues(unit, key).at(-1);

/** All words of a setting that may be repeated, since it was last reset. */
export const allWords = (unit: Lines, key: string): string[] =>
  allValues(unit, key).flatMap((value) => value.split(/[ \t]+/));

/**
 * A value with its specifiers replaced; undefined where its instance is not known, as in a template, or for a text that
 * is known only while the service runs.
 */
export function expanded({ name, assignments }: Lines, value: string): string | undefined {
  const parsed = parseUnitName(name);
  if (parsed === undefined || /%[dh]/.test(value)) return undefined;
  if (parsed.instance === '' && /%[^pPN%]/.test(value)) return undefined;
  try {
    const file = assignments[0]?.file ?? '';
    return expandSpecifiers(value, { name: parsed, file, isSystem: true });
  } catch {
    return undefined;
  }
}

export const isOn = (unit: Lines, key: string): boolean => isYes(lastValue(unit, key) ?? '');
