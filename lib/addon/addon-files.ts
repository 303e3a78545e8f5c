// The paths from which the add-on may be loaded. All are absolute, and lead into a folder of this package, or into the
// folder of a bundle. No file from elsewhere is loaded, because any user may have put it there.
import { fs, path, sea, url } from '../base/lazy-builtins.ts';
import { ownFile, packageFolderOf } from './own-file.ts';
import { prebuilt } from './prebuilt.ts';

/** The files that node-gyp writes, below the package's folder: in a checkout, and in an installed package. */
const BUILT_FILES = ['build/Release/libsystemd.node', 'native/build/Release/libsystemd.node'];

/** The file or executable that this code runs from. */
export interface CodeLocation {
  /** The file that contains this code; undefined when it has none, as in a context of node:vm. */
  readonly file: string | undefined;
  /** The folder of this package; undefined when a bundler has copied this code into another file. */
  readonly packageFolder: string | undefined;
  /** In a single executable application: the file of the add-on beside the executable. */
  readonly besideExecutable: string | undefined;
}

/** Every field is an own property, because a path that somebody has put on Object.prototype must not be loaded. */
export const UNKNOWN_LOCATION: CodeLocation = {
  file: undefined,
  packageFolder: undefined,
  besideExecutable: undefined,
};

/** Finds out where this code runs from. Throws ERR_ACCESS_DENIED when Node's permission model forbids it. */
export function locateCode(): CodeLocation {
  if (sea()?.isSea()) {
    const folder = path().dirname(process.execPath);
    return { ...UNKNOWN_LOCATION, besideExecutable: path().join(folder, 'libsystemd.node') };
  }
  const file = ownFile();
  const packageFolder = file === undefined ? undefined : packageFolderOf(file);
  return { ...UNKNOWN_LOCATION, file, packageFolder };
}

/** On ARMv6 the add-on for ARMv7 would load, and the process would end at the first unknown instruction. */
function isOldArm(): boolean {
  if (process.arch !== 'arm') return false;
  const { arm_version } = process.config.variables as { arm_version?: string | number };
  return Number(process.env['ARM_VERSION'] || arm_version) < 7;
}

/** The C library musl may load the add-on for glibc, and nobody has tested whether all of it works then. */
function isMusl(): boolean {
  try {
    return fs().existsSync('/etc/alpine-release');
  } catch {
    return false; // Node's permission model forbids the check
  }
}

/** The prebuilt add-on; undefined when there is none for this processor and C library. */
function prebuiltFile(): string | undefined {
  if (isOldArm() || isMusl()) return undefined;
  try {
    const location = prebuilt();
    return location === undefined ? undefined : url().fileURLToPath(location);
  } catch {
    return undefined; // import.meta.url is no URL
  }
}

function isBelow(file: string, folder: string): boolean {
  return file.startsWith(path().join(folder, path().sep));
}

/**
 * The add-on that a bundler has copied to `file`. With ncc that file is a module whose last words name the copy:
 * `module.exports = …require(… + "prebuilds/linux-x64/libsystemd.glibc.node")`.
 */
function followNcc(file: string): string {
  try {
    const text = fs().readFileSync(file, 'latin1');
    const [, copy] = /^module\.exports = .*"([^"]+\.node)"\)/.exec(text) ?? [];
    return copy === undefined ? file : path().join(path().dirname(file), copy);
  } catch {
    return file;
  }
}

/** The files that may be the add-on, in the order to try them. */
export function addonFiles(location: CodeLocation): readonly string[] {
  const { file, packageFolder, besideExecutable } = location;
  if (besideExecutable !== undefined) return [besideExecutable];
  if (file === undefined) return [];
  const prebuiltPath = prebuiltFile();
  const prebuiltFiles = prebuiltPath === undefined ? [] : [prebuiltPath];
  if (packageFolder !== undefined) {
    return [...BUILT_FILES.map((built) => path().join(packageFolder, built)), ...prebuiltFiles];
  }
  // This code is in a bundle. A bundler that copies the add-on puts it beside the bundle, or in a folder below. Any
  // other path is unsafe: the path as it is written in prebuilt.ts leads out of the bundle's folder, to where any
  // user may have put files; and some bundlers replace it by a path of the machine that made the bundle.
  const bundleFolder = path().dirname(file);
  return prebuiltFiles
    .filter((copy) => isBelow(copy, bundleFolder))
    .map(followNcc)
    .filter((copy) => isBelow(copy, bundleFolder));
}
