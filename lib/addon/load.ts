// Loads the add-on, or explains why it cannot be loaded.

import { SystemdError, systemError } from '../base/errors.ts';
import { fs, path } from '../base/lazy-builtins.ts';
import { addonFiles, type CodeLocation, locateCode, UNKNOWN_LOCATION } from './addon-files.ts';

/** A file that could not be loaded, and the error. */
interface Failure {
  readonly file: string;
  readonly error: NodeJS.ErrnoException;
}

const platform = () => `${process.platform}-${process.arch}`;

/** Loads an add-on as require() does. */
function loadFile(file: string): object {
  const module = { exports: {} };
  process.dlopen(module, file);
  return module.exports;
}

/**
 * The error EMFILE or ENFILE, as if loading `file` had failed with it, when this process can open no file now;
 * undefined when it can open one. The loader reports the lack of descriptors as a text only.
 */
export function outOfDescriptors(file: string): SystemdError | undefined {
  try {
    fs().closeSync(fs().openSync('/', 'r'));
  } catch (error) {
    const { code, errno = 0 } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') return systemError(errno, 'dlopen', { path: file });
  }
  return undefined;
}

/** Quotes a text for a shell, which takes every character between single quotes as it is. */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The rule that forbids to load this file, and what to change; undefined when there is another reason. */
function explainProhibition({ file, error }: Failure): string | undefined {
  const { code, message } = error;
  const folder = path().dirname(file);
  if (code === 'ERR_DLOPEN_DISABLED') {
    return 'This Node may not load add-ons (ERR_DLOPEN_DISABLED): start it without --no-addons, also in NODE_OPTIONS and in the execArgv of a worker thread, and with --allow-addons where it is started with --permission or --experimental-permission';
  }
  if (code === 'ERR_ACCESS_DENIED') {
    return `Node's permission model forbids to read ${file}: start Node with --allow-addons and --allow-fs-read=${shellQuoted(folder)}`;
  }
  if (message.includes('failed to map segment')) {
    return `The add-on may not be executed (${message}): its file system is mounted with noexec, or the unit has NoExecPaths=. Add ExecPaths=${folder} to the unit`;
  }
  if (message.includes('Permission denied')) {
    return `The add-on may not be read (${message}): let the user of this process read the file`;
  }
  return undefined;
}

/** The command uses npx, so that the project does not get these packages as dependencies. */
function buildHint(folder: string): string {
  const sources = shellQuoted(path().join(folder, 'native'));
  const command = `npx --yes --package node-gyp@12 --package node-addon-api@8 node-gyp rebuild --directory ${sources}`;
  return `No add-on of libsystemd fits this machine (${platform()}). Build the add-on, with make, Python and a C++ compiler: ${command}`;
}

function executableHint(file: string): string {
  return `This single executable application needs the add-on of libsystemd beside it: copy the add-on in prebuilds/linux-${process.arch}/ of the package to ${file}`;
}

/** How to mark the package and its entry points as external, for each bundler. */
const HOW_TO_MARK_EXTERNAL = [
  'esbuild: --external:libsystemd',
  'Rollup, Rolldown: external: [/^libsystemd/]',
  "webpack: externals: { libsystemd: 'node-commonjs libsystemd', 'libsystemd/sd': 'node-commonjs libsystemd/sd' }",
  "Vite: ssr: { external: ['libsystemd'] }",
  'ncc: --external libsystemd --external libsystemd/sd',
  'Bun: --external libsystemd',
].join('; ');

function bundleHint(file = 'code that is evaluated and has no file'): string {
  return `libsystemd was bundled into ${file}, and its add-on was not. Mark libsystemd as external, and install it where the bundle runs. ${HOW_TO_MARK_EXTERNAL}`;
}

function hint({ file, packageFolder, besideExecutable }: CodeLocation): string {
  if (besideExecutable !== undefined) return executableHint(besideExecutable);
  return packageFolder === undefined ? bundleHint(file) : buildHint(packageFolder);
}

function exists(file: string): boolean {
  try {
    return fs().existsSync(file);
  } catch {
    return false; // Node's permission model forbids the check
  }
}

function addonError(location: CodeLocation, failures: readonly Failure[]): SystemdError {
  const exhausted = outOfDescriptors('libsystemd.node');
  if (exhausted !== undefined) return exhausted;
  const prohibition = failures.map(explainProhibition).find((text) => text !== undefined);
  // Most of the files do not exist. The loader's error for a file that does says more.
  const failure = failures.findLast(({ file }) => exists(file)) ?? failures.at(-1);
  const options = failure && { cause: failure.error };
  return new SystemdError('ERR_SYSTEMD_ADDON', prohibition ?? hint(location), {}, options);
}

/**
 * Loads the add-on and returns its exports.
 *
 * @throws SystemdError ERR_SYSTEMD_ADDON when no file of it can be loaded; EMFILE or ENFILE when no
 * descriptor is left to load it
 */
export function loadAddon(): object {
  if (process.platform !== 'linux') {
    throw new SystemdError('ERR_SYSTEMD_ADDON', `systemd is for Linux; this is ${platform()}`);
  }
  let location: CodeLocation;
  try {
    location = locateCode();
  } catch (error) {
    const file = (error as { resource?: string }).resource ?? 'package.json';
    throw addonError(UNKNOWN_LOCATION, [{ file, error: error as NodeJS.ErrnoException }]);
  }
  const failures: Failure[] = [];
  for (const file of addonFiles(location)) {
    try {
      return loadFile(file);
    } catch (error) {
      failures.push({ file, error: error as NodeJS.ErrnoException });
    }
  }
  throw addonError(location, failures);
}
