// The add-on's size, as it is shipped: stripped.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const { path: addonIn } = createRequire(import.meta.url)('node-gyp-build');

export async function size() {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  try {
    const stripped = join(folder, 'libsystemd.node');
    const addon = addonIn(resolve(import.meta.dirname, '..'));
    await promisify(execFile)('strip', ['-o', stripped, addon]);
    const { size: bytes } = await stat(stripped);
    return [{ what: 'the add-on, stripped', unit: 'KB', node: bytes / 1024, target: { most: 40 } }];
  } finally {
    await rm(folder, { recursive: true });
  }
}
