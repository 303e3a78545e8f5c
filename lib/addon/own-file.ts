// The file that this code is in, and whether that is a file of this package or one that a bundler made.
import { fs, path, url } from '../base/lazy-builtins.ts';

/**
 * How many bytes the file has, as the build of dist/ writes it here (rolldown.config.js). A bundler makes
 * another file of it.
 */
const SIZE = Number.parseInt('SIZE_OF_THIS_FILE', 10);

/** The place of this code, as the engine knows it: undefined where it is evaluated. */
function placeOfCode(): string | undefined {
  if (Object.isFrozen(Error)) return placeInText();
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 1;
    // The text of a stack may have the places that a source map gives.
    Error.prepareStackTrace = (_error, [site]) => site?.getFileName();
    return new Error().stack;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** With --frozen-intrinsics nobody can ask otherwise. */
function placeInText(): string | undefined {
  if (process.sourceMapsEnabled) return undefined;
  return /^ +at .*?\(?((file:\/\/)?\/.*):\d+:\d+\)?$/m.exec(`${new Error().stack}`)?.[1];
}

/**
 * The absolute path of the file that this code is in. undefined where it is in none, as in a context of
 * node:vm, or where webpack evaluates it in development. `import.meta.url` and `__filename` do not tell:
 * bundlers write the path there that this package had on the machine of the build, and on this machine
 * anybody may have put a file there.
 */
export function ownFile(): string | undefined {
  try {
    const place = placeOfCode() ?? '';
    const file = place.startsWith('file:///') ? url().fileURLToPath(place) : place;
    return path().isAbsolute(file) ? file : undefined;
  } catch {
    return undefined; // a place on another machine
  }
}

/** Where package managers put this package. Nobody puts a bundle there. */
const INSTALLED = /\/node_modules\/libsystemd\/dist\/(cjs\/)?\w+\.js$/;

/**
 * Whether `folder` is one of this package, in a checkout or under another name, with `file` as it was
 * built. That there is a package.json of the right name does not prove it: bundles are in folders that are
 * called dist/ too, and the package.json above them may be anybody's.
 */
function isPackage(folder: string, file: string): boolean {
  try {
    const { name } = JSON.parse(fs().readFileSync(path().join(folder, 'package.json'), 'utf8'));
    return name === 'libsystemd' && (Number.isNaN(SIZE) || fs().statSync(file).size === SIZE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED') throw error;
    return false;
  }
}

/**
 * The folder of the package that `file` belongs to; undefined when a bundler has made the file. Throws
 * ERR_ACCESS_DENIED when Node's permission model keeps the folder from being read.
 */
export function packageFolder(file: string): string | undefined {
  const own = path().dirname(file);
  // dist/cjs/, and lib/addon/, where the project's own tests run the sources.
  const isDeep = ['cjs', 'addon'].includes(path().basename(own));
  const folder = path().join(own, isDeep ? '../..' : '..');
  return INSTALLED.test(file) || isPackage(folder, file) ? folder : undefined;
}
