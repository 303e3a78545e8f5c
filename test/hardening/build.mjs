// What the other programs of this folder build with, and how they start programs.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

// clang: libFuzzer is part of it, and both sanitizers write their reports to log_path, where of gcc's
// one writes to stderr.
const { CLANG = 'clang-14', CLANGXX = CLANG.replace('clang', 'clang++') } = process.env;

export { CLANG, CLANGXX };

const processor = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];

/** The path of one of clang's run-time libraries, such as `asan`. */
export function runTime(name, extension) {
  const file = `libclang_rt.${name}-${processor}.${extension}`;
  const path = execFileSync(CLANG, [`-print-file-name=${file}`], { encoding: 'utf8' }).trim();
  if (!existsSync(path)) throw new Error(`${file} is missing: apt-get install libclang-rt-14-dev`);
  return path;
}

/** Runs a program to its end, and gives its exit status, or the signal. */
export function run(command, args, options) {
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error) throw error;
  return status ?? signal;
}

/** As {@link run}, for a program that has to succeed. */
export function mustRun(command, args, options) {
  const status = run(command, args, options);
  // Without the arguments, which may be long, so that what it said itself is still to be seen.
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}

/** A program of node_modules. */
export const npm = (name) => join(root, 'node_modules/.bin', name);

/** Builds the add-on with these sanitizers into a folder, and gives its path. */
export function buildAddon(folder, sanitizers) {
  const args = ['-d', 'native', '-O', folder, '-l', 'error', `--CDSANITIZE=${sanitizers}`];
  const env = { ...process.env, CXX: CLANGXX };
  mustRun(npm('cmake-js'), ['compile', '--debug', ...args], { cwd: root, env });
  return join(folder, 'Debug/libsystemd.node');
}

/**
 * Copies the repository, with this add-on where the package looks for one. The copy has to be below
 * the repository, whose node_modules Node then finds.
 */
export function copyTree(folder, addon) {
  rmSync(folder, { recursive: true, force: true });
  const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root });
  const files = String(list)
    .split('\0')
    .filter((file) => file !== '');
  for (const file of [...files, 'dist']) {
    const from = join(root, file);
    if (existsSync(from)) cpSync(from, join(folder, file), { recursive: true });
  }
  cpSync(addon, join(folder, 'build/Release/libsystemd.node'));
}
