// A temporary project: this package as npm installs it, other packages, and programs that import them.
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtFile, root } from '../scripts/processors.mjs';

async function installThis(folder) {
  await mkdir(folder, { recursive: true });
  for (const part of ['package.json', 'dist']) {
    await cp(join(root, part), join(folder, part), { recursive: true });
  }
  const prebuilt = `prebuilds/linux-${process.arch}/libsystemd.glibc.node`;
  await cp(builtFile, join(folder, prebuilt));
}

async function installEmpty(folder) {
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), '{ "exports": "./index.mjs" }');
  await writeFile(join(folder, 'index.mjs'), '');
}

/**
 * Makes a project, and calls `use` with a function that writes a program and returns its path. The programs can import
 * this package, the packages in the node_modules of the folder `others`, and `empty`, a package of an empty file.
 */
export async function inInstallation(others, use) {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  const modules = join(folder, 'node_modules');
  try {
    const installed = join(others, 'node_modules');
    if (existsSync(installed)) await cp(installed, modules, { recursive: true });
    await installThis(join(modules, 'libsystemd'));
    await installEmpty(join(modules, 'empty'));
    let count = 0;
    return await use(async (source) => {
      const program = join(folder, `program${count++}.mjs`);
      await writeFile(program, source);
      return program;
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
