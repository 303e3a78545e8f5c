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
  const prebuilt = `prebuilds/linux-${process.arch}/libsystemd.node`;
  await cp(builtFile, join(folder, prebuilt));
}

/** Makes a package of an empty file, an ES module for `import` and a CommonJS module for `require()`. */
export async function installEmpty(folder) {
  const files = { import: './index.mjs', require: './index.cjs' };
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), JSON.stringify({ exports: files }));
  for (const file of Object.values(files)) await writeFile(join(folder, file), '');
}

/**
 * Makes a project, and calls `use` with a function that writes a program and returns its path. The programs can import
 * this package, `empty`, a package of an empty file, and the packages in the node_modules of the folder `others`, if
 * there are such packages. The programs are ES modules, and CommonJS modules if the function is called with 'cjs'.
 */
export async function inInstallation(others, use) {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  const modules = join(folder, 'node_modules');
  try {
    const installed = others && join(others, 'node_modules');
    if (installed && existsSync(installed)) await cp(installed, modules, { recursive: true });
    await installThis(join(modules, 'libsystemd'));
    await installEmpty(join(modules, 'empty'));
    let count = 0;
    return await use(async (source, extension = 'mjs') => {
      const program = join(folder, `program${count++}.${extension}`);
      await writeFile(program, source);
      return program;
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
