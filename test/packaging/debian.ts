// A root file system of Debian with nothing in it that is not in every Debian, so no compiler.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { root } from '../support/tools.ts';
import { output, which } from './machine.ts';

const cache = join(root, 'node_modules/.cache/debian');

/** Makes a copy at `folder`, of what debootstrap has made once from the machine's own mirror. */
export async function copyDebian(folder: string): Promise<void> {
  const { VERSION_CODENAME: suite } = parseEnv(readFileSync('/etc/os-release', 'utf8'));
  if (suite === undefined) throw new Error('/etc/os-release names no suite of Debian');
  const made = join(cache, suite);
  if (!existsSync(made)) await debootstrap(suite, made);
  // Not by Node, which leaves devices out.
  await output('cp', ['-a', made, folder], { cwd: cache });
}

async function debootstrap(suite: string, made: string): Promise<void> {
  if (which('debootstrap') === undefined || process.getuid?.() !== 0) {
    throw new Error('debootstrap is needed, and to be root: apt-get install debootstrap');
  }
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${made}.`);
  try {
    const args = ['debootstrap', '--variant=minbase', suite, folder, await mirrorOf(suite)];
    // What it mounts is mounted for itself only, so that nothing is left in the folder.
    await output('unshare', ['--mount', ...args], { cwd: cache });
    if (!existsSync(made)) renameSync(folder, made);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The first of the machine's own sources that has the suite. */
async function mirrorOf(suite: string): Promise<string> {
  // Not `indextargets`, which knows nothing before the machine's first `apt-get update`.
  const uris = await output('apt-get', ['--print-uris', 'update'], { cwd: cache });
  const [, mirror] = new RegExp(`^'(\\S+)/dists/${suite}/InRelease'`, 'm').exec(uris) ?? [];
  if (mirror === undefined) throw new Error(`apt has no source for ${suite}: ${uris}`);
  return mirror;
}
