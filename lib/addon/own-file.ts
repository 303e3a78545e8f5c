// Finds the file that contains this code, and tells a file of this package from a file that a bundler made.
import { fs, path, url } from '../base/lazy-builtins.ts';
import { isDenied } from './prohibition.ts';

/**
 * The size of the file in bytes: the build of dist/ writes the number here (rolldown.config.js). A file of another
 * size was made by a bundler. NaN where the sources run without a build.
 */
const BUILT_SIZE = Number.parseInt('SIZE_OF_THIS_FILE', 10);

/** The path or URL of the file that contains this code, as V8 knows it; undefined for code that was evaluated. */
function fileOfThisCode(): string | undefined {
  if (Object.isFrozen(Error)) return fileInStackText();
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 1;
    // The stack as a text may name the files of a source map instead.
    Error.prepareStackTrace = (_error, [site]) => site?.getFileName();
    return new Error().stack;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** With --frozen-intrinsics the text of the stack is the only way, because Error.prepareStackTrace can't be set. */
function fileInStackText(): string | undefined {
  if (process.sourceMapsEnabled) return undefined;
  return /^ +at .*?\(?((file:\/\/)?\/.*):\d+:\d+\)?$/m.exec(`${new Error().stack}`)?.[1];
}

let known: string | undefined;

/**
 * The absolute path of the file that contains this code. undefined when there is no file, as in a context of node:vm,
 * or where webpack evaluates the code in development.
 *
 * `import.meta.url` and `__filename` are no help: bundlers replace them by the path that this package had on the
 * machine that made the bundle, and on this machine anybody may have put a file there.
 */
export function ownFile(): string | undefined {
  known ??= findOwnFile();
  return known;
}

function findOwnFile(): string | undefined {
  try {
    const location = fileOfThisCode() ?? '';
    const file = location.startsWith('file:///') ? url().fileURLToPath(location) : location;
    return path().isAbsolute(file) ? file : undefined;
  } catch {
    return undefined; // a file: URL with the name of another machine
  }
}

/** The paths to which package managers install the files of dist/. No bundler writes there. */
const INSTALLED_FILE = /\/node_modules\/libsystemd\/dist\/(cjs\/|parts\/)?\w+\.js$/;

/**
 * True when `folder` is the folder of this package, and `file` is a file of it as it was built. The folder may be a
 * checkout, or installed under another name. The package.json alone proves nothing: a bundle may be in a folder that
 * is called dist/ too, below the package.json of any package.
 */
function isPackage(folder: string, file: string): boolean {
  try {
    const { name } = JSON.parse(fs().readFileSync(path().join(folder, 'package.json'), 'utf8'));
    if (name !== 'libsystemd') return false;
    return Number.isNaN(BUILT_SIZE) || fs().statSync(file).size === BUILT_SIZE;
  } catch (error) {
    if (isDenied(error)) throw error;
    return false;
  }
}

/**
 * The folder of the package that `file` belongs to; undefined when a bundler has made the file.
 *
 * @throws Error ERR_ACCESS_DENIED when Node's permission model forbids to read the folder
 */
export function packageFolderOf(file: string): string | undefined {
  const folderOfFile = path().dirname(file);
  // dist/cjs/, dist/parts/, and lib/addon/ where the project's own tests run the sources, are two levels below the
  // package.
  const isTwoBelow = ['cjs', 'parts', 'addon'].includes(path().basename(folderOfFile));
  const folder = path().join(folderOfFile, isTwoBelow ? '../..' : '..');
  return INSTALLED_FILE.test(file) || isPackage(folder, file) ? folder : undefined;
}

/** True when `file` is in `folder` or in a folder below. */
export function isBelow(file: string, folder: string): boolean {
  return file.startsWith(path().join(folder, path().sep));
}
