// Loads the file of the add-on, or explains what keeps it from being loaded.

import { SystemdError, systemError } from '../base/errors.ts';
import { fs, path } from '../base/lazy-builtins.ts';
import { candidates, findHome, type Home, NOWHERE } from './places.ts';

/** A file that could not be loaded, and why. */
interface Failure {
  readonly file: string;
  readonly error: NodeJS.ErrnoException;
}

/** What require() does with a file of this kind. */
function open(file: string): object {
  const module = { exports: {} };
  process.dlopen(module, file);
  return module.exports;
}

/** Why `file` can't be loaded, when that is because nothing can be opened now: EMFILE, ENFILE. */
export function outOfDescriptors(file: string): SystemdError | undefined {
  try {
    fs().closeSync(fs().openSync('/', 'r'));
  } catch (error) {
    const { code, errno = 0 } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') return systemError(errno, 'dlopen', { path: file });
  }
  return undefined;
}

/** In single quotes a shell takes every character as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What forbids to load this file, and what to change. undefined when nothing does. */
function prohibition({ file, error }: Failure): string | undefined {
  const { code, message } = error;
  const folder = path().dirname(file);
  if (code === 'ERR_DLOPEN_DISABLED') {
    return 'Node was told to load no add-on (ERR_DLOPEN_DISABLED): start it without --no-addons, also in NODE_OPTIONS and in the execArgv of a worker thread, and with --allow-addons where it is started with --permission or --experimental-permission';
  }
  if (code === 'ERR_ACCESS_DENIED') {
    return `Node's permission model keeps ${file} from being read: start it with --allow-addons and --allow-fs-read=${quoted(folder)}`;
  }
  if (message.includes('failed to map segment')) {
    return `The add-on may not be executed (${message}): its file system is mounted with noexec, or the unit has NoExecPaths=. Add ExecPaths=${folder} to the unit`;
  }
  if (message.includes('Permission denied')) {
    return `The add-on may not be read (${message}): let the user of this process read it`;
  }
  return undefined;
}

/** By npx, so that neither these packages nor a change of their versions is the project's matter. */
function buildHint(folder: string): string {
  const sources = quoted(path().join(folder, 'native'));
  const command = `npx --yes --package node-gyp@12 --package node-addon-api@8 node-gyp rebuild --directory ${sources}`;
  const here = `${process.platform}-${process.arch}`;
  return `No add-on of libsystemd for ${here} that loads here. Build it, with make, Python and a C++ compiler: ${command}`;
}

function executableHint(file: string): string {
  return `A single executable application has the add-on of libsystemd beside it: copy the one in prebuilds/linux-${process.arch}/ of the package to ${file}`;
}

/** How the package with its entry points is marked as external, in the words of each bundler. */
const EXTERNAL = [
  'esbuild: --external:libsystemd',
  'Rollup, Rolldown: external: [/^libsystemd/]',
  "webpack: externals: { libsystemd: 'node-commonjs libsystemd', 'libsystemd/sd': 'node-commonjs libsystemd/sd' }",
  "Vite: ssr: { external: ['libsystemd'] }",
  'ncc: --external libsystemd --external libsystemd/sd',
  'Bun: --external libsystemd',
].join('; ');

function bundleHint(file = 'code that is evaluated and has no file'): string {
  return `libsystemd was bundled into ${file}, and its add-on was not. Mark libsystemd as external, and install it where the bundle runs. ${EXTERNAL}`;
}

function hint({ file, folder, besideExecutable }: Home): string {
  if (besideExecutable !== undefined) return executableHint(besideExecutable);
  return folder === undefined ? bundleHint(file) : buildHint(folder);
}

function isThere(file: string): boolean {
  try {
    return fs().existsSync(file);
  } catch {
    return false; // Node's permission model does not let it be known
  }
}

function addonError(home: Home, failures: readonly Failure[]): SystemdError {
  const out = outOfDescriptors('libsystemd.node');
  if (out !== undefined) return out;
  const why = failures.map(prohibition).find((text) => text !== undefined) ?? hint(home);
  // Most places are empty. What the loader says of a file that is there tells more.
  const there = failures.filter(({ file }) => isThere(file));
  const told = there.at(-1) ?? failures.at(-1);
  return new SystemdError('ERR_SYSTEMD_ADDON', why, {}, told && { cause: told.error });
}

/**
 * The exports of the add-on.
 *
 * @throws SystemdError ERR_SYSTEMD_ADDON when there is none that may be loaded; EMFILE or ENFILE when no
 * descriptor is left to load it by
 */
export function loadAddon(): object {
  if (process.platform !== 'linux') {
    const here = `${process.platform}-${process.arch}`;
    throw new SystemdError('ERR_SYSTEMD_ADDON', `systemd is for Linux; this is ${here}`);
  }
  let home: Home;
  try {
    home = findHome();
  } catch (error) {
    const file = (error as { resource?: string }).resource ?? 'package.json';
    throw addonError(NOWHERE, [{ file, error: error as NodeJS.ErrnoException }]);
  }
  const failures: Failure[] = [];
  for (const file of candidates(home)) {
    try {
      return open(file);
    } catch (error) {
      failures.push({ file, error: error as NodeJS.ErrnoException });
    }
  }
  throw addonError(home, failures);
}
