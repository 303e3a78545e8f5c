// Compiles the C programs of the demo and the benchmark into build/tools.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, rename, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'build', 'tools');

const compilerFlags = ['-std=gnu11', '-Wall', '-Wextra', '-Werror', '-O2'];

/**
 * Compiles a C source with `CC`, by default `cc`, unless the program is newer. Returns the path of the program.
 *
 * @param source - the path from the root of the repository
 */
export async function buildTool(source, { libraries = [] } = {}) {
  const sourcePath = join(root, source);
  const program = join(folder, basename(source, '.c'));
  if ((await modifiedAt(sourcePath)) <= (await modifiedAt(program))) return program;

  // The rename makes the complete program visible at once, because another process may build or run it too.
  const fresh = `${program}.${randomUUID()}`;
  await mkdir(folder, { recursive: true });
  await compile([...compilerFlags, sourcePath, '-o', fresh, ...libraries]);
  await rename(fresh, program);
  return program;
}

async function compile(args) {
  const [compiler, ...flags] = (process.env.CC ?? 'cc').split(' ');
  try {
    await run(compiler, [...flags, ...args]);
  } catch (cause) {
    if (cause.code !== 'ENOENT') throw cause;
    const advice = 'apt-get install g++, or set CC';
    throw new Error(`The C compiler ${compiler} was not found: ${advice}`, { cause });
  }
}

/** When a file was last modified, in milliseconds; 0 for a missing file. */
async function modifiedAt(path) {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error.code === 'ENOENT') return 0;
    throw error;
  }
}
