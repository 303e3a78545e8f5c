// Commands, npm and Node, run as a user would run them from a shell, not from an npm script.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { deserialize } from 'node:v8';

const execute = promisify(execFile);

export interface RunOptions {
  readonly cwd: string;
  /** Variables that are added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** True: `env` is the whole environment. */
  readonly bare?: boolean;
}

/** Runs a command that must succeed and not write to stderr. Returns its stdout. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const { stdout, stderr } = await start(command, args, options);
  if (stderr !== '')
    throw new Error(`${command} ${args.join(' ')} has written to stderr: ${stderr}`);
  return stdout;
}

/** Runs an npm command that must succeed. Returns its stdout. */
export async function npm(args: readonly string[], options: RunOptions): Promise<string> {
  return (await start('npm', args, options)).stdout;
}

/** Runs a command that must succeed. Returns its stdout and stderr. */
export async function output(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const { stdout, stderr } = await start(command, args, options);
  return stdout + stderr;
}

/** Runs a line of a shell, which must succeed. */
export async function shell(line: string, options: RunOptions): Promise<void> {
  await start('sh', ['-c', line], options);
}

async function start(command: string, args: readonly string[], options: RunOptions) {
  try {
    return await execute(command, args, { ...options, env: environmentFor(options) });
  } catch (error) {
    // The error message has stderr only, and some tools print errors to stdout.
    throw new Error(`${(error as Error).message}\n${(error as { stdout?: string }).stdout}`);
  }
}

/** The environment without the variables of npm, by which npm would take this repository for its project. */
function environmentFor({ env, bare }: RunOptions): NodeJS.ProcessEnv {
  if (bare) return { ...env };
  const withoutNpm = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|INIT_CWD$)/i.test(name),
  );
  return { ...Object.fromEntries(withoutNpm), ...env };
}

/** Makes a PATH with only Node and npm, so without compiler, make and Python. */
export function makeBarePath(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  symlinkSync(which('npm')!, join(bin, 'npm'));
  return bin;
}

/** Finds the path of a program on the PATH. Undefined if there is none. */
export function which(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

export interface NodeOptions extends RunOptions {
  /** Node with options. Default: the running Node. */
  readonly node?: readonly string[];
  readonly type?: 'module' | 'commonjs';
}

// It runs in both types of module, and in Node 20.11, which is the newest package of npm for some processors.
const PRELUDE = `
  const builtin = process.getBuiltinModule ?? require;
  const result = (value) => console.log(builtin('node:v8').serialize(value).toString('base64'));
  const mapped = () => {
    const maps = builtin('node:fs').readFileSync('/proc/self/maps', 'utf8');
    const addons = maps.split('\\n').filter((line) => line.endsWith('.node'));
    return [...new Set(addons.map((line) => line.slice(line.indexOf('/'))))];
  };
`;

/**
 * Runs a program, and returns the value that it passes to `result()`. In the program, `mapped()` lists the loaded
 * add-ons.
 */
export async function evaluate(source: string, options: NodeOptions): Promise<unknown> {
  const node = options.node ?? [process.execPath];
  const program = ['--input-type', options.type ?? 'module', '--eval', PRELUDE + source];
  // Runs with /dev/null as stdin, because Node's pipes are sockets, which connection() would take.
  const withoutInput = ['-c', 'exec "$0" "$@" < /dev/null', ...node, ...program];
  return deserialize(Buffer.from(await run('/bin/sh', withoutInput, options), 'base64'));
}
