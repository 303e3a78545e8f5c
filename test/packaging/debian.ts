// A minimal root file system of Debian, which has no compiler.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { root } from '../support/tools.ts';
import { output, which } from './machine.ts';

const cache = join(root, 'node_modules/.cache/debian');

/** Copies the root file system to `folder`. debootstrap makes it once, from the machine's own mirror. */
export async function copyDebian(folder: string): Promise<void> {
  const { VERSION_CODENAME: suite } = parseEnv(readFileSync('/etc/os-release', 'utf8'));
  if (suite === undefined)
    throw new Error('/etc/os-release needs VERSION_CODENAME, a suite of Debian');
  const cached = join(cache, suite);
  if (!existsSync(cached)) await debootstrap(suite, cached);
  // Copies by cp, because cpSync() of Node leaves devices out.
  await output('cp', ['-a', cached, folder], { cwd: cache });
}

async function debootstrap(suite: string, cached: string): Promise<void> {
  if (which('debootstrap') === undefined || process.getuid?.() !== 0) {
    throw new Error('This needs root and debootstrap: apt-get install debootstrap');
  }
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${cached}.`);
  try {
    const args = ['debootstrap', '--variant=minbase', suite, folder, await findMirror(suite)];
    // Runs in a mount namespace, so that no mount of debootstrap is left in the folder.
    await output('unshare', ['--mount', ...args], { cwd: cache });
    if (!existsSync(cached)) renameSync(folder, cached);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Finds the first of the machine's own apt sources that has the suite. */
async function findMirror(suite: string): Promise<string> {
  // Not by `indextargets`, which is empty before the machine's first `apt-get update`.
  const uris = await output('apt-get', ['--print-uris', 'update'], { cwd: cache });
  const [, mirror] = new RegExp(`^'(\\S+)/dists/${suite}/InRelease'`, 'm').exec(uris) ?? [];
  if (mirror === undefined) throw new Error(`apt has no source for ${suite}: ${uris}`);
  return mirror;
}
