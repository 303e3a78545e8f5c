// Bun for musl on Debian.
import { mkdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../packaging/machine.ts';
import { root } from './tools.ts';

/** The npm package, in the version that the tests of other runtimes have for glibc. */
export const BUN_MUSL = '@oven/bun-linux-x64-musl@1.4.5';

/**
 * Makes a folder with the libraries that Bun needs: Debian's libstdc++ and libgcc_s, and the functions of glibc that
 * these need. Bun runs with the folder as LD_LIBRARY_PATH.
 */
export async function makeBunLibraries(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const library of ['libstdc++.so.6', 'libgcc_s.so.1']) {
    const path = await run('gcc', [`-print-file-name=${library}`], { cwd: root });
    symlinkSync(realpathSync(path.trim()), join(folder, library));
  }
  const names = join(root, 'test/packaging/musl/glibc-names.c');
  const to = join(folder, 'ld-linux-x86-64.so.2');
  await run('musl-gcc', ['-shared', '-fPIC', '-w', names, '-o', to], { cwd: root });
}
