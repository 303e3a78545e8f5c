// Packages of npm with their dependencies, which are too large to be installed with the repository's own.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from '../packaging/machine.ts';
import { root } from './tools.ts';

/**
 * A folder with these packages, `{ esbuild: '0.28.2' }`, in its node_modules. They are fetched once, and
 * nothing of them is run.
 */
export async function fetchPackages(packages: Readonly<Record<string, string>>): Promise<string> {
  const all = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  const cache = join(root, 'node_modules/.cache/packages');
  const installed = join(cache, all.join('+').replaceAll('/', '-'));
  if (existsSync(installed)) return installed;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'new-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
    await npm(['install', ...quietly, ...all], { cwd: folder });
    // Renamed when whole: another run may be fetching the same, and then the first is as good.
    if (!existsSync(installed)) renameSync(folder, installed);
    return installed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
