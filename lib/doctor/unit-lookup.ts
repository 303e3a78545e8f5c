// Which units exist: as the manager says, or by the files in systemd's folders where no manager answers.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { nearestName } from '../base/options.ts';
import { isMasked } from '../manager/unit-file/files.ts';
import { type Facts, folderOf } from './facts.ts';
import { showAll } from './systemctl.ts';

export type Existence = 'there' | 'missing' | 'masked' | 'unknown';

/** See "Unit File Load Path" in systemd.unit(5). */
const FOLDERS = [
  ...['/etc/systemd/system', '/run/systemd/system', '/run/systemd/generator'],
  ...['/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'],
];

/** systemd makes units of these types without a file. */
const WITHOUT_FILE = /\.(?:slice|device|mount|swap|scope)$/;

/** Every installation of systemd has it. */
const ALWAYS_THERE = 'basic.target';

function byFiles(name: string, folders: readonly string[]): Existence {
  if (WITHOUT_FILE.test(name)) return 'there';
  const template = name.replace(/@[^.]+(?=\.\w+$)/, '@');
  const paths = folders.flatMap((folder) => [join(folder, name), join(folder, template)]);
  const path = paths.find((one) => existsSync(one));
  if (path !== undefined) return isMasked(path) ? 'masked' : 'there';
  const isInstalled = folders.some((folder) => existsSync(join(folder, ALWAYS_THERE)));
  return isInstalled ? 'missing' : 'unknown';
}

const STATES: Readonly<Record<string, Existence>> = { 'not-found': 'missing', masked: 'masked' };

/** Looks for units by their names. `unknown` are those that would be looked for where systemd is not installed. */
export async function lookUp(
  names: readonly string[],
  facts: Facts,
): Promise<ReadonlyMap<string, Existence>> {
  const shown = facts.shown === undefined ? [] : await showAll(...names);
  if (names.length > 0 && shown.length === names.length) {
    return new Map(
      names.map((name, at) => [name, STATES[shown[at]?.['LoadState'] ?? ''] ?? 'there']),
    );
  }
  const folders = [folderOf(facts), ...FOLDERS];
  return new Map(names.map((name) => [name, byFiles(name, folders)]));
}

/** The unit whose name was probably meant; undefined when none is similar. */
export function similarUnit(name: string, facts: Facts): string | undefined {
  const end = name.lastIndexOf('.');
  const suffix = name.slice(end);
  const stems = [folderOf(facts), ...FOLDERS].flatMap((folder) => {
    try {
      const files = readdirSync(folder).filter((file) => file.endsWith(suffix));
      return files.map((file) => file.slice(0, -suffix.length));
    } catch {
      return [];
    }
  });
  const own = facts.name.slice(0, facts.name.lastIndexOf('.'));
  const nearest = nearestName(
    name.slice(0, end),
    stems.filter((stem) => stem !== own),
  );
  return nearest === undefined ? undefined : `${nearest}${suffix}`;
}
