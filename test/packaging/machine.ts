// The machine of a user of the package: npm and Node, run as from a shell and not from an npm script.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { deserialize } from 'node:v8';

const execute = promisify(execFile);

export interface RunOptions {
  readonly cwd: string;
  /** Above this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** That `env` is all there is, because what this process has would change what is tried. */
  readonly bare?: boolean;
}

/** The standard output of a command. It must succeed, and may not write to standard error. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const { stdout, stderr } = await start(command, args, options);
  if (stderr !== '') throw new Error(`${command} ${args.join(' ')} wrote: ${stderr}`);
  return stdout;
}

/** The standard output of an npm command, which must succeed. */
export async function npm(args: readonly string[], options: RunOptions): Promise<string> {
  return (await start('npm', args, options)).stdout;
}

/** What a command wrote to standard output and to standard error. It must succeed. */
export async function output(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const { stdout, stderr } = await start(command, args, options);
  return stdout + stderr;
}

/** Runs a line as a user would enter it in a shell. It must succeed. */
export async function shell(line: string, options: RunOptions): Promise<void> {
  await start('sh', ['-c', line], options);
}

async function start(command: string, args: readonly string[], options: RunOptions) {
  try {
    return await execute(command, args, { ...options, env: environment(options) });
  } catch (error) {
    // What a tool has to complain of may be in its standard output, which the message has not.
    throw new Error(`${(error as Error).message}\n${(error as { stdout?: string }).stdout}`);
  }
}

/** Without what npm tells the scripts that it runs: this repository would be npm's project again. */
function environment({ env, bare }: RunOptions): NodeJS.ProcessEnv {
  if (bare) return { ...env };
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$)/i.test(name));
  return { ...Object.fromEntries(own), ...env };
}

/** A PATH on which Node and npm are, and nothing else, so no compiler, make or Python. */
export function barePath(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  symlinkSync(which('npm')!, join(bin, 'npm'));
  return bin;
}

/** The path of a program, or undefined where the machine has none. */
export function which(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

export interface NodeOptions extends RunOptions {
  /** Node itself with its options; by default the one that runs this. */
  readonly node?: readonly string[];
  readonly type?: 'module' | 'commonjs';
}

// For both types of module, and Node 20.11, the newest that npm has for some processors.
const PRELUDE = `
  const builtin = process.getBuiltinModule ?? require;
  const result = (value) => console.log(builtin('node:v8').serialize(value).toString('base64'));
  const mapped = () => {
    const maps = builtin('node:fs').readFileSync('/proc/self/maps', 'utf8');
    const addons = maps.split('\\n').filter((line) => line.endsWith('.node'));
    return [...new Set(addons.map((line) => line.slice(line.indexOf('/'))))];
  };
`;

/** What a program gives to `result(VALUE)`; `mapped()` there lists the add-ons that are loaded. */
export async function evaluate(source: string, options: NodeOptions): Promise<unknown> {
  const node = options.node ?? [process.execPath];
  const program = ['--input-type', options.type ?? 'module', '--eval', PRELUDE + source];
  // A pipe of Node's is a socket, and for a socket on its standard input connection() does something.
  const withoutInput = ['-c', 'exec "$0" "$@" < /dev/null', ...node, ...program];
  return deserialize(Buffer.from(await run('/bin/sh', withoutInput, options), 'base64'));
}
