// Loads an add-on, or explains why it cannot be loaded.

import { SystemdError } from '../base/errors.ts';
import { fs, path } from '../base/lazy-builtins.ts';
import { type Addon, addonFiles, type CodeLocation, locateCode } from './addon-files.ts';
import { bundleHint } from './bundle-hint.ts';
import { lackOfDescriptors } from './lack-of-descriptors.ts';
import { deniedError, explainProhibition, type Failure, shellQuoted } from './prohibition.ts';

const platform = () => `${process.platform}-${process.arch}`;

/** Loads an add-on as require() does. */
function loadFile(file: string): object {
  const module = { exports: {} };
  process.dlopen(module, file);
  return module.exports;
}

/** The command uses npx, so that the project does not get node-gyp as a dependency. */
function buildHint(folder: string): string {
  const sources = shellQuoted(path().join(folder, 'native'));
  const command = `npx --yes --package node-gyp@12 --package node-addon-api@8 node-gyp rebuild --directory ${sources}`;
  return `No add-on of libsystemd fits this machine (${platform()}). Build the add-on, with make, Python and a C++ compiler: ${command}`;
}

function executableHint(file: string): string {
  return `This single executable application needs the add-on of libsystemd beside it: copy the add-on in prebuilds/linux-${process.arch}/ of the package to ${file}`;
}

function hint(location: CodeLocation, name: string): string {
  const { file, packageFolder, executableFolder } = location;
  if (executableFolder !== undefined) return executableHint(path().join(executableFolder, name));
  return packageFolder === undefined ? bundleHint(file) : buildHint(packageFolder);
}

function exists(file: string): boolean {
  try {
    return fs().existsSync(file);
  } catch {
    return false; // Node's permission model forbids the check
  }
}

function addonError(
  name: string,
  location: CodeLocation,
  failures: readonly Failure[],
): SystemdError {
  const exhausted = lackOfDescriptors('dlopen', name);
  if (exhausted !== undefined) return exhausted;
  const prohibition = failures.map(explainProhibition).find((text) => text !== undefined);
  // Most of the files do not exist. The loader's error for a file that does says more.
  const failure = failures.findLast(({ file }) => exists(file)) ?? failures.at(-1);
  const options = failure && { cause: failure.error };
  return new SystemdError('ERR_SYSTEMD_ADDON', prohibition ?? hint(location, name), {}, options);
}

/** Finds out where this code runs from, or throws ERR_SYSTEMD_ADDON when Node's permission model forbids it. */
function locate(): CodeLocation {
  try {
    return locateCode();
  } catch (error) {
    throw deniedError(error, 'package.json');
  }
}

/**
 * Loads an add-on and returns its exports.
 *
 * @throws SystemdError ERR_SYSTEMD_ADDON when no file of it can be loaded; EMFILE or ENFILE when no
 * descriptor is left to load it
 */
export function loadAddon(addon: Addon): object {
  if (process.platform !== 'linux') {
    throw new SystemdError('ERR_SYSTEMD_ADDON', `systemd is for Linux; this is ${platform()}`);
  }
  const location = locate();
  const failures: Failure[] = [];
  const files = addonFiles(addon, location);
  // Files that exist come first, because the failure of a missing one takes longer than the search.
  for (const file of new Set([...files.filter(exists), ...files])) {
    try {
      return loadFile(file);
    } catch (error) {
      failures.push({ file, error: error as NodeJS.ErrnoException });
    }
  }
  throw addonError(`${addon.name}.node`, location, failures);
}
