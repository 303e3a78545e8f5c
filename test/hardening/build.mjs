// Builds with sanitizers, and runs programs, for sanitize.mjs and fuzz.mjs.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { addons } from '../../scripts/processors.mjs';

export const root = resolve(import.meta.dirname, '../..');

// Builds by clang, because libFuzzer is a part of it, and both of its sanitizers write reports to log_path. One of gcc's
// sanitizers writes to stderr.
const { CLANG = 'clang-14', CLANGXX = CLANG.replace('clang', 'clang++') } = process.env;

export { CLANG, CLANGXX };

const processor = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];

/** Finds a run-time library of clang, such as `asan`. */
export function findRunTime(name, extension) {
  const file = `libclang_rt.${name}-${processor}.${extension}`;
  const path = execFileSync(CLANG, [`-print-file-name=${file}`], { encoding: 'utf8' }).trim();
  if (!existsSync(path))
    throw new Error(`${file} was not found: apt-get install libclang-rt-14-dev`);
  return path;
}

/** Runs a program to its end. Returns its exit status or signal. */
export function run(command, args, options) {
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error) throw error;
  return status ?? signal;
}

/** Runs a program that must succeed. */
export function mustRun(command, args, options) {
  const status = run(command, args, options);
  // Without the arguments, because they may be long and would hide the output of the program.
  if (status !== 0) throw new Error(`${command} has ended with ${status}, and should with 0`);
}

/** The path of a program of node_modules. */
export const npmProgram = (name) => join(root, 'node_modules/.bin', name);

/** Builds the add-ons with sanitizers into a folder. Returns the folder that has them. */
export function buildAddons(folder, sanitizers) {
  const args = ['-d', 'native', '-O', folder, '-l', 'error', `--CDSANITIZE=${sanitizers}`];
  const env = { ...process.env, CXX: CLANGXX };
  mustRun(npmProgram('cmake-js'), ['compile', '--debug', ...args], { cwd: root, env });
  return join(folder, 'Debug');
}

/**
 * Copies the repository, with the add-ons of a folder in place of its own. The copy must be below the repository, so that Node finds
 * node_modules.
 */
export function copyTree(folder, built) {
  rmSync(folder, { recursive: true, force: true });
  const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root });
  const files = String(list)
    .split('\0')
    .filter((file) => file !== '');
  for (const file of [...files, 'dist']) {
    const from = join(root, file);
    if (existsSync(from)) cpSync(from, join(folder, file), { recursive: true });
  }
  for (const addon of addons) {
    cpSync(join(built, `${addon}.node`), join(folder, `build/Release/${addon}.node`));
  }
}
