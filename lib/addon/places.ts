// Where the file of the add-on may be. Nothing is ever loaded from a relative path, nor from a folder
// that is neither this package's own nor one that the deployment of a bundle has chosen.
import { fs, path, sea, url } from '../base/lazy-builtins.ts';
import { ownFile, packageFolder } from './own-file.ts';
import { prebuilt } from './prebuilt.ts';

/** Where node-gyp leaves what it builds: in the repository, and in an installed package. */
const BUILT = ['build/Release/libsystemd.node', 'native/build/Release/libsystemd.node'];

/** Where this code runs from. */
export interface Home {
  /** The file of this code. undefined where it has none, as in a context of node:vm. */
  readonly file: string | undefined;
  /** The folder of this package. undefined when a bundler has put this code into a file of its own. */
  readonly folder: string | undefined;
  /** The file that has to be beside the executable of a single executable application. */
  readonly besideExecutable: string | undefined;
}

/** Each place is a property of its own, because what somebody has put on all objects must not be loaded. */
export const NOWHERE: Home = { file: undefined, folder: undefined, besideExecutable: undefined };

/** Finds out where this code runs from. Throws ERR_ACCESS_DENIED as Node's permission model does. */
export function findHome(): Home {
  if (sea()?.isSea()) {
    const folder = path().dirname(process.execPath);
    return { ...NOWHERE, besideExecutable: path().join(folder, 'libsystemd.node') };
  }
  const file = ownFile();
  return { ...NOWHERE, file, folder: file === undefined ? undefined : packageFolder(file) };
}

/** An add-on for ARMv7 would load on ARMv6, and end the process at the first unknown instruction. */
function isOldArm(): boolean {
  if (process.arch !== 'arm') return false;
  const { arm_version } = process.config.variables as { arm_version?: string | number };
  return Number(process.env['ARM_VERSION'] || arm_version) < 7;
}

/** With musl the add-on for glibc may load too, and then nobody knows how well it fits. */
function isMusl(): boolean {
  try {
    return fs().existsSync('/etc/alpine-release');
  } catch {
    return false; // Node's permission model does not let it be known
  }
}

/** undefined where there is none for this processor and this C library. */
function prebuiltFile(): string | undefined {
  if (isOldArm() || isMusl()) return undefined;
  try {
    const place = prebuilt();
    return place === undefined ? undefined : url().fileURLToPath(place);
  } catch {
    return undefined; // import.meta.url is no URL
  }
}

function isBelow(file: string, folder: string): boolean {
  return file.startsWith(path().join(folder, path().sep));
}

/**
 * The add-on that a bundler has copied to this place. ncc's copy is a module, which names the real copy
 * in its last words: `module.exports = …require(… + "prebuilds/linux-x64/libsystemd.glibc.node")`.
 */
function copyOf(place: string): string {
  try {
    const text = fs().readFileSync(place, 'latin1');
    const [, real] = /^module\.exports = .*"([^"]+\.node)"\)/.exec(text) ?? [];
    return real === undefined ? place : path().join(path().dirname(place), real);
  } catch {
    return place;
  }
}

/** The files that may be the add-on, in the order in which they are to be tried. */
export function candidates({ file, folder, besideExecutable }: Home): readonly string[] {
  if (besideExecutable !== undefined) return [besideExecutable];
  if (file === undefined) return [];
  const place = prebuiltFile();
  const last = place === undefined ? [] : [place];
  if (folder !== undefined) return [...BUILT.map((built) => path().join(folder, built)), ...last];
  // A bundler that has copied the add-on has put it beside the bundle, or below. The path as it is
  // written in prebuilt.ts leads out of the folder of a bundle, to where anybody's files may be; and
  // what other bundlers write there leads to a folder of the machine of the build.
  const own = path().dirname(file);
  return last
    .filter((copy) => isBelow(copy, own))
    .map(copyOf)
    .filter((copy) => isBelow(copy, own));
}
