// The files of a unit: the fragment, its drop-ins, and the socket units that belong to a service.
import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isTextFile, readText } from './text-file.ts';
import { parseUnitName, templateOf, type UnitName } from './unit-name.ts';

/** One unit with the texts of its files, in the order in which they apply. */
export interface UnitTexts {
  readonly name: UnitName;
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

function readIfThere(path: string): string | undefined {
  try {
    return readText(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * The folders of drop-ins for a unit, the most specific one first: `app-web@x.service.d`, `app-web@.service.d`,
 * `app-.service.d`, `service.d`.
 */
function dropInFolders(name: UnitName): string[] {
  const { full, prefix, suffix } = name;
  const at = name.instance === undefined ? '' : `@${name.instance}`;
  const dashes = [...prefix.matchAll(/-/g)]
    .map(({ index }) => prefix.slice(0, index + 1))
    .reverse();
  const forPrefix = dashes
    .filter((part) => part !== prefix)
    .map((part) => `${part}${at}${suffix}.d`);
  const template = templateOf(name);
  return [
    `${full}.d`,
    ...(template === undefined ? [] : [`${template}.d`]),
    ...forPrefix,
    `${suffix.slice(1)}.d`,
  ];
}

/** The drop-ins of a unit: sorted by name. Of two with one name, that in the more specific folder counts. */
function dropIns(name: UnitName, folder: string): string[] {
  const byName = new Map<string, string>();
  for (const dropInFolder of dropInFolders(name)) {
    for (const file of namesIn(join(folder, dropInFolder))) {
      if (file.endsWith('.conf') && !byName.has(file))
        byName.set(file, join(folder, dropInFolder, file));
    }
  }
  return [...byName].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, path]) => path);
}

/** The path of the unit's own file: under its name, or that of its template; undefined when there is neither. */
function fragmentOf(name: UnitName, folder: string): string | undefined {
  const names = [name.full, templateOf(name)].filter((file) => file !== undefined);
  return names.map((file) => join(folder, file)).find((path) => readIfThere(path) !== undefined);
}

/** Reads files by their paths: first the fragment, then the drop-ins. */
export function readFiles(name: UnitName, paths: readonly string[]): UnitTexts {
  return { name, files: paths.map((path) => ({ path, text: readText(path) })) };
}

/** True for a unit that was switched off: a link to /dev/null. */
export function isMasked(path: string): boolean {
  try {
    return realpathSync(path) === '/dev/null';
  } catch {
    return false;
  }
}

/** Finds the unit in a folder, with its drop-ins; undefined when it has no file there. */
export function findUnit(name: UnitName, folder: string): UnitTexts | undefined {
  const fragment = fragmentOf(name, folder);
  return fragment === undefined ? undefined : readFiles(name, [fragment, ...dropIns(name, folder)]);
}

/** All socket units of a folder, sorted by name. */
export function findSockets(folder: string): UnitTexts[] {
  // A socket of a server may have such a name, too.
  const names = namesIn(folder).filter(
    (name) => name.endsWith('.socket') && isTextFile(join(folder, name)),
  );
  return names.toSorted().flatMap((file) => {
    const name = parseUnitName(file);
    const unit = name === undefined ? undefined : findUnit(name, folder);
    return unit ?? [];
  });
}

/** The folder and the name of a path. */
export function splitPath(path: string): { readonly folder: string; readonly file: string } {
  const absolute = resolve(path);
  return { folder: dirname(absolute), file: basename(absolute) };
}
