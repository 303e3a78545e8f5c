// The C programs of test/tools: their paths, and how they are compiled.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The root of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

const sources = join(root, 'test', 'tools');
const binaries = join(root, 'build', 'tools');

const compilerFlags = ['-std=gnu11', '-Wall', '-Wextra', '-Werror', '-O1'];

// Libraries are named by their files instead of -lsystemd, so that the development package of the library is not needed.
const libraries: Readonly<Record<string, readonly string[]>> = {
  conformance: ['-l:libsystemd.so.0'],
  journal: ['-l:libsystemd.so.0'],
  'unit-of': ['-l:libsystemd.so.0'],
};

/** The path of the program of `test/tools/NAME.c`, which {@link buildTools} compiles. */
export function tool(name: string): string {
  return join(binaries, name);
}

/** Compiles every `test/tools/*.c` that is newer than its program. */
export async function buildTools(): Promise<void> {
  await mkdir(binaries, { recursive: true });
  const files = (await readdir(sources)).filter((file) => file.endsWith('.c'));
  await Promise.all(files.map((file) => build(basename(file, '.c'))));
}

async function build(name: string): Promise<void> {
  const source = join(sources, `${name}.c`);
  if ((await modifiedAt(source)) <= (await modifiedAt(tool(name)))) return;

  // The rename makes the complete program visible at once, because another process may build or run it too.
  const fresh = `${tool(name)}.${randomUUID()}`;
  await compile([...compilerFlags, source, '-o', fresh, ...(libraries[name] ?? [])]);
  await rename(fresh, tool(name));
}

/** Runs the compiler `CC`, by default `cc`. */
export async function compile(args: readonly string[]): Promise<void> {
  const [compiler = 'cc', ...flags] = (process.env['CC'] ?? 'cc').split(' ');
  try {
    await run(compiler, [...flags, ...args]);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    throw new Error(
      `The C compiler ${compiler} was not found, which the tests need: apt-get install g++, or set CC`,
      { cause: error },
    );
  }
}

/** When a file was last modified, in milliseconds; 0 for a missing file. */
async function modifiedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}
