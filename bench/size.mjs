// Sizes: the add-on's, as it is shipped, which is stripped; and the package's, beside others, as npm
// fetches it (packed) and as it is in node_modules (unpacked).
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtFile, prebuiltFile, processors, root } from '../scripts/processors.mjs';
import { otherPackages } from './packages.mjs';

const run = promisify(execFile);

async function addonSize(folder) {
  const stripped = join(folder, 'libsystemd.node');
  await run('strip', ['-o', stripped, builtFile]);
  const { size: bytes } = await stat(stripped);
  return { what: 'the add-on, stripped', unit: 'KB', node: bytes / 1024, target: { most: 40 } };
}

/** The sizes in KB of what npm packs of `what`: a folder, or a package of the registry. */
async function packed(what, folder) {
  const options = ['--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', ['pack', what, ...options], { cwd: folder });
  // A list, or from npm 12 on an object.
  const [{ size: bytes, unpackedSize }] = Object.values(JSON.parse(stdout));
  return { packed: bytes / 1024, unpacked: unpackedSize / 1024 };
}

async function packedOther({ name, version, reason }, folder) {
  const title = `${name} ${version}`;
  // One that does not compile or load has a size all the same.
  if (reason?.startsWith('not fetched')) return { title, reason };
  return { title, ...(await packed(`${name}@${version}`, folder)) };
}

/** The prebuilt add-ons that are not there, without which the package is smaller than a release. */
export function missingAddons() {
  return processors.map(prebuiltFile).filter((file) => !existsSync(join(root, file)));
}

async function packageSizes(folder) {
  const ours = await packed(root, folder);
  const { packages } = await otherPackages();
  const missing = missingAddons().length;
  const lacks = missing === 0 ? '' : `, without ${missing} add-ons`;
  const others = await Promise.all(packages.map((other) => packedOther(other, folder)));
  return ['packed', 'unpacked'].map((state) => ({
    what: `the package, ${state}${lacks}`,
    unit: 'KB',
    node: ours[state],
    others: others.map((other) => ({ ...other, value: other[state] })),
  }));
}

export async function size() {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  try {
    return [await addonSize(folder), ...(await packageSizes(folder))];
  } finally {
    await rm(folder, { recursive: true });
  }
}
