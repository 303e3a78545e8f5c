// The part size: the add-on as shipped (stripped); this package and others as npm fetches them (packed) and as
// they are in node_modules (unpacked).
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtFile, prebuiltFiles, processors, root } from '../scripts/processors.mjs';
import { isForJournal, otherPackages } from './packages.mjs';

const run = promisify(execFile);

async function addonSize(folder) {
  const stripped = join(folder, 'libsystemd.node');
  await run('strip', ['-o', stripped, builtFile]);
  const { size: bytes } = await stat(stripped);
  return { what: 'the add-on, stripped', unit: 'KB', node: bytes / 1024, target: { most: 40 } };
}

/** Packs a folder or a package of the registry by npm. Returns both sizes in KB. */
async function measurePacked(source, folder) {
  const options = ['--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', ['pack', source, ...options], { cwd: folder });
  // npm prints a list; from npm 12 on an object.
  const [{ size: bytes, unpackedSize }] = Object.values(JSON.parse(stdout));
  return { packed: bytes / 1024, unpacked: unpackedSize / 1024 };
}

async function measureOther({ name, version, reason }, folder) {
  const title = `${name} ${version}`;
  // A package that does not compile or load still has a size.
  if (reason?.startsWith('not fetched')) return { title, reason };
  return { title, ...(await measurePacked(`${name}@${version}`, folder)) };
}

/** Lists the prebuilt add-ons that are missing, without which the package is smaller than a release. */
export function missingAddons() {
  return processors.flatMap(prebuiltFiles).filter((file) => !existsSync(join(root, file)));
}

async function packageSizes(folder) {
  const ours = await measurePacked(root, folder);
  const { packages } = await otherPackages();
  const missing = missingAddons().length;
  const lacks = missing === 0 ? '' : `, without ${missing} add-ons`;
  const compared = packages.filter((one) => !isForJournal(one));
  const others = await Promise.all(compared.map((other) => measureOther(other, folder)));
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
