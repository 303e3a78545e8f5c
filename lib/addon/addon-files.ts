// The paths from which the add-on may be loaded. All are absolute, and lead into a folder of this package, or into the
// folder of a bundle. No file from elsewhere is loaded, because any user may have put it there.
import { fs, path, sea, url } from '../base/lazy-builtins.ts';
import { isBelow, ownFile, packageFolderOf } from './own-file.ts';

/** One of the add-ons of this package. */
export interface Addon {
  /** The name of its file, without the extension. */
  readonly name: string;
  /** Its prebuilt file, as prebuilt.ts has it. */
  readonly prebuilt: () => URL | undefined;
}

/** The folders into which node-gyp builds, below the package's folder: in a checkout, and in an installed package. */
const BUILD_FOLDERS = ['build/Release', 'native/build/Release'];

/** The file or executable that this code runs from. */
export interface CodeLocation {
  /** The file that contains this code; undefined when it has none, as in a context of node:vm. */
  readonly file: string | undefined;
  /** The folder of this package; undefined when a bundler has copied this code into another file. */
  readonly packageFolder: string | undefined;
  /** In a single executable application: the folder of the executable, where the add-on has to be. */
  readonly executableFolder: string | undefined;
}

/**
 * Finds out where this code runs from. Every field is an own property, because a path that somebody has put on
 * Object.prototype must not be loaded. Throws ERR_ACCESS_DENIED when Node's permission model forbids it.
 */
export function locateCode(): CodeLocation {
  const file = ownFile();
  const packageFolder = file === undefined ? undefined : packageFolderOf(file);
  const isExecutable = packageFolder === undefined && sea()?.isSea();
  const executableFolder = isExecutable ? path().dirname(process.execPath) : undefined;
  return { file, packageFolder, executableFolder };
}

/** On ARMv6 the add-on for ARMv7 would load, and the process would end at the first unknown instruction. */
function isOldArm(): boolean {
  if (process.arch !== 'arm') return false;
  const { arm_version } = process.config.variables as { arm_version?: string | number };
  return Number(process.env['ARM_VERSION'] || arm_version) < 7;
}

/**
 * The prebuilt add-on of the package, whether there is one for this processor or not. It loads with glibc and with
 * musl.
 */
function prebuiltIn(packageFolder: string, name: string): string {
  const file = process.arch === 'arm' ? `${name}.armv7.node` : `${name}.node`;
  return path().join(packageFolder, 'prebuilds', `linux-${process.arch}`, file);
}

/** The prebuilt add-on that a bundler has copied, perhaps; undefined when there is none for this processor. */
function prebuiltInBundle({ prebuilt }: Addon): string | undefined {
  try {
    const location = prebuilt();
    return location === undefined ? undefined : url().fileURLToPath(location);
  } catch {
    return undefined; // import.meta.url is no URL
  }
}

/**
 * The add-on that a bundler has copied to `file`. With ncc that file is a module whose last words name the copy:
 * `module.exports = …require(… + "prebuilds/linux-x64/libsystemd.node")`.
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
export function addonFiles(addon: Addon, location: CodeLocation): readonly string[] {
  const { file, packageFolder, executableFolder } = location;
  const name = `${addon.name}.node`;
  if (executableFolder !== undefined) return [path().join(executableFolder, name)];
  if (file === undefined) return [];
  if (packageFolder !== undefined) {
    const built = BUILD_FOLDERS.map((folder) => path().join(packageFolder, folder, name));
    return isOldArm() ? built : [...built, prebuiltIn(packageFolder, addon.name)];
  }
  // This code is in a bundle. A bundler that copies the add-on puts it beside the bundle, or in a folder below. Any
  // other path is unsafe: the path as it is written in prebuilt.ts leads out of the bundle's folder, to where any
  // user may have put files; and some bundlers replace it by a path of the machine that made the bundle.
  const copy = isOldArm() ? undefined : prebuiltInBundle(addon);
  const bundleFolder = path().dirname(file);
  return (copy === undefined ? [] : [copy])
    .filter((one) => isBelow(one, bundleFolder))
    .map(followNcc)
    .filter((one) => isBelow(one, bundleFolder));
}
