// What node loads in a service: the script, and the modules before it.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import type { UnitFile } from '../../manager/unit-file.ts';
import { advice, bad, type Finding } from '../finding.ts';
import { isNode, preloadsOf, scriptOf } from '../programs.ts';
import type { User } from '../users.ts';
import { hasOwnFiles, whyHidden } from './hidden.ts';

/** The script that node runs. A file that is only read may be for another machine, where the script is. */
function checkScript(
  { unit, service }: UnitFile,
  user: User | undefined,
  isLoaded: boolean,
): Finding[] {
  const script = isNode(unit.start.argv) ? scriptOf(unit.start.argv) : undefined;
  const folder = unit.directory ?? '/';
  if (script === undefined || hasOwnFiles(service)) return [];
  const path = join(isAbsolute(script) ? '/' : folder, script);
  // Node finds ./server and a folder's index.js too
  const isThere = [path, `${path}.js`, `${path}.cjs`].some((one) => existsSync(one));
  const line = `ExecStart=${unit.start.argv[0]} /path/to/${script.slice(script.lastIndexOf('/') + 1)}`;
  if (!isThere) {
    const text = `${path} is not there${isAbsolute(script) ? '' : `, and ${script} is looked for in ${folder}`}: node ends with "Cannot find module"`;
    return [isLoaded ? bad('program', text, line) : advice('program', text)];
  }
  const why = whyHidden(service, path, user, 4);
  return why === undefined
    ? []
    : [bad('program', `${why}, and ${path} is there: node can't read it`, line)];
}

/** True if node finds a module from a folder, whatever the package exports. */
function isFoundFrom(folder: string, name: string): boolean {
  try {
    createRequire(join(folder, 'index.js')).resolve(name);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND';
  }
}

/**
 * The modules that node loads before the script, such as libsystemd/auto: it looks for them in the working directory.
 */
function checkPreloads({ unit, service }: UnitFile, isLoaded: boolean): Finding[] {
  const folder = unit.directory ?? '/';
  if (hasOwnFiles(service)) return [];
  const missing = preloadsOf(unit.start.argv).filter((name) => !isFoundFrom(folder, name));
  return missing.map((name) => {
    const text = `${name} is not found from ${folder}: node ends in an error`;
    const line = 'WorkingDirectory=/path/to/the/program';
    return isLoaded ? bad('program', text, line) : advice('program', text, line);
  });
}

export const checkNode = (file: UnitFile, user: User | undefined, isLoaded: boolean): Finding[] => [
  ...checkPreloads(file, isLoaded),
  ...checkScript(file, user, isLoaded),
];
