// The add-on's size, as it is shipped: stripped.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtFile } from '../scripts/processors.mjs';

export async function size() {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  try {
    const stripped = join(folder, 'libsystemd.node');
    await promisify(execFile)('strip', ['-o', stripped, builtFile]);
    const { size: bytes } = await stat(stripped);
    return [{ what: 'the add-on, stripped', unit: 'KB', node: bytes / 1024, target: { most: 40 } }];
  } finally {
    await rm(folder, { recursive: true });
  }
}
