// Compiles the small C programs that the demo and the benchmark run, into build/tools.
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
 * The path of the program made of a C source, whose path is from the root of the repository. It is
 * compiled with `CC` or else `cc`, unless the program is newer.
 */
export async function buildTool(source, { libraries = [] } = {}) {
  const from = join(root, source);
  const program = join(folder, basename(source, '.c'));
  if ((await modified(from)) <= (await modified(program))) return program;

  // Renamed when whole: another process may be building or running the same program.
  const fresh = `${program}.${randomUUID()}`;
  await mkdir(folder, { recursive: true });
  await compile([...compilerFlags, from, '-o', fresh, ...libraries]);
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
    throw new Error(`a C compiler is needed, and ${compiler} was not found: ${advice}`, { cause });
  }
}

/** When a file was last modified, 0 for one that is not there. */
async function modified(path) {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error.code === 'ENOENT') return 0;
    throw error;
  }
}
