// A Node with module.enableCompileCache(), which Node 20 does not have.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import module from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const NODE = `node-linux-${process.arch}@24.21.0`;

/** The tests of other runtimes keep the same program under the same name. */
const CACHE = resolve(import.meta.dirname, '../node_modules/.cache/programs');

async function versionOf(program) {
  const { stdout } = await run(program, ['--version']);
  return stdout.trim().slice(1);
}

/** Fetches the program from npm. */
async function fetchInto(path) {
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(`${path}.`);
  try {
    await run('npm', ['pack', NODE, '--pack-destination', folder, '--fetch-retries=1'], {
      cwd: folder,
    });
    const [tarball] = await readdir(folder);
    await run('tar', ['-xzf', tarball, '--no-same-owner', 'package/bin/node'], { cwd: folder });
    // The rename makes the complete program visible at once, because another run may do the same.
    await rename(join(folder, 'package/bin/node'), path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Returns { program, version } of the running Node if it has a compile cache, and otherwise of a newer one of npm. */
export async function nodeWithCompileCache() {
  const { execPath, versions } = process;
  if (module.enableCompileCache) return { program: execPath, version: versions.node };
  const path = join(CACHE, NODE);
  const version = await versionOf(path).catch(() => undefined);
  if (version !== undefined) return { program: path, version };
  await fetchInto(path);
  return { program: path, version: await versionOf(path) };
}
