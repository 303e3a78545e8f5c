// Loads the CommonJS files of dist/parts/ into the ES module dist/index.js. createRequire() would do the same, and
// takes a millisecond longer in a process that has not used require() before.
import { outOfDescriptors, SystemdError } from '../base/errors.ts';
import { fs, path, url, vm } from '../base/lazy-builtins.ts';
import { bundleHint } from './bundle-hint.ts';
import { isBelow, ownFile, packageFolderOf } from './own-file.ts';
import { prebuilt } from './prebuilt.ts';
import { deniedError, isDenied } from './prohibition.ts';

/**
 * The path of a file beside this one, as a literal that some bundlers replace by the path of a copy. Others leave it,
 * or write a path of the machine that made the bundle, so {@link copyInBundle} checks it. @vercel/nft lists the file,
 * unless a function of an object names it.
 */
function urlOf(id: string): URL | undefined {
  switch (id) {
    case './index.js':
      return new URL('./parts/index.js', import.meta.url);
    case './cluster.js':
      return new URL('./parts/cluster.js', import.meta.url);
    case './connection.js':
      return new URL('./parts/connection.js', import.meta.url);
    case './datagrams.js':
      return new URL('./parts/datagrams.js', import.meta.url);
    case './fallback.js':
      return new URL('./parts/fallback.js', import.meta.url);
    case './inherited.js':
      return new URL('./parts/inherited.js', import.meta.url);
    case './listen.js':
      return new URL('./parts/listen.js', import.meta.url);
    case './messages.js':
      return new URL('./parts/messages.js', import.meta.url);
    case './notify.js':
      return new URL('./parts/notify.js', import.meta.url);
    case './pool.js':
      return new URL('./parts/pool.js', import.meta.url);
    case './pressure.js':
      return new URL('./parts/pressure.js', import.meta.url);
    case './service.js':
      return new URL('./parts/service.js', import.meta.url);
    case './store.js':
      return new URL('./parts/store.js', import.meta.url);
    case './workers.js':
      return new URL('./parts/workers.js', import.meta.url);
    default:
      return undefined;
  }
}

/** Functions for the files, as `module.lent`, because they tell where this file is. */
const lent = { ownFile, packageFolderOf, isBelow, prebuilt };

/** The exports of the files that are loaded, by id. */
const loaded = new Map<string, unknown>();

/**
 * The path of a file beside the bundle that contains this code; undefined when the bundler has not copied the file
 * there.
 */
function copyInBundle(id: string, bundle: string): string | undefined {
  const file = url().fileURLToPath(urlOf(id) as URL);
  return isBelow(file, path().dirname(bundle)) && fs().existsSync(file) ? file : undefined;
}

/** The folder of the files; undefined in a bundle. Kept, because the search takes as long as reading a file. */
let folder: string | undefined;

/** The path of a file; undefined when a bundler has copied this code without the file. */
function find(id: string): string | undefined {
  if (folder !== undefined) return `${folder}${id.slice(1)}`;
  try {
    const own = ownFile();
    if (own === undefined) return undefined;
    const packageFolder = packageFolderOf(own);
    if (packageFolder === undefined) return copyInBundle(id, own);
    folder = path().join(packageFolder, 'dist/parts');
    return find(id);
  } catch (error) {
    if (isDenied(error)) throw deniedError(error, 'package.json');
    return undefined; // import.meta.url is no file: URL
  }
}

function read(file: string): string {
  try {
    return fs().readFileSync(file, 'utf8');
  } catch (error) {
    if (isDenied(error)) throw deniedError(error, file);
    throw outOfDescriptors(error, 'open', { path: file }) ?? error;
  }
}

/** Runs a file as require() does. */
function run(file: string): unknown {
  const code = read(file);
  const module = { exports: {}, lent };
  const main = vm().compileFunction(code, ['exports', 'require', 'module'], { filename: file });
  main(module.exports, requireFile, module);
  return module.exports;
}

function load(id: string): unknown {
  const file = find(id);
  if (file === undefined) throw new SystemdError('ERR_SYSTEMD_ADDON', bundleHint(ownFile()));
  return run(file);
}

/**
 * Returns the exports of a file of dist/parts/, which is loaded at the first call.
 *
 * @param id - such as `./index.js`
 * @throws SystemdError ERR_SYSTEMD_ADDON when a bundler has copied this code without the file; EMFILE or ENFILE when no
 * descriptor is left to read the file
 */
export function requireFile(id: string): unknown {
  if (!loaded.has(id)) loaded.set(id, load(id));
  return loaded.get(id);
}
