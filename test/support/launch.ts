// Programs that are started as a service manager would start them, with descriptors and LISTEN_*.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { sanitizers } from './sanitizers.ts';
import { root, tool } from './tools.ts';

export interface LaunchOptions {
  /** The exact value of LISTEN_FDNAMES. Default: unset. */
  readonly names?: string;
  /** The exact value of LISTEN_PID, or `none` to unset it. Default: the PID of the program. */
  readonly pid?: string | number;
  /** The exact value of LISTEN_FDS, or `none` to unset it. Default: the number of specs. */
  readonly fds?: string | number;
  /** Variables that the program gets beside PATH, HOME and LANG. */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables to leave out, also PATH, HOME or LANG. */
  readonly unset?: readonly string[];
  /** The text on stdin. Default: stdin is /dev/null. */
  readonly input?: string;
  /** True: stdin is a pipe that stays open, so that the caller can write to it. */
  readonly talk?: boolean;
  readonly cwd?: string;
}

export interface Ending {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type Launched = ChildProcessByStdio<Writable | null, Readable, Readable>;

/** The milliseconds that {@link launch} waits for the end of a program. */
const LAUNCH_TIMEOUT = 120_000;

/**
 * Starts a program with LISTEN_* and the descriptors of `specs` from fd 3 on. test/tools/launch.c explains the specs.
 * The caller ends the program.
 */
export function spawnLaunched(
  specs: readonly string[],
  command: readonly string[],
  options: LaunchOptions = {},
): Launched {
  return start(specs, command, options);
}

/** Starts a program like {@link spawnLaunched}, and waits for its end. Rejects if that takes two minutes. */
export async function launch(
  specs: readonly string[],
  command: readonly string[],
  options: LaunchOptions = {},
): Promise<Ending> {
  const child = start(specs, command, options, LAUNCH_TIMEOUT);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[Ending['code'], Ending['signal']]>,
  ]);
  if (child.killed) {
    throw new Error(
      `${command.join(' ')} did not end within ${LAUNCH_TIMEOUT} ms: ${stdout}${stderr}`,
    );
  }
  return { stdout, stderr, code, signal };
}

/**
 * Runs an ES module at the root of the repository, where `import 'libsystemd'` finds the package. The last line that
 * the module prints is JSON, the `result`. Rejects if the last line is not JSON.
 */
export async function launchNode(
  specs: readonly string[],
  source: string,
  options: LaunchOptions = {},
): Promise<Ending & { readonly result: unknown }> {
  const command = [process.execPath, '--input-type=module', '-e', source];
  const ending = await launch(specs, command, { cwd: root, ...options });
  const lastLine = ending.stdout.trimEnd().split('\n').at(-1) ?? '';
  try {
    return { ...ending, result: JSON.parse(lastLine) as unknown };
  } catch (cause) {
    throw new Error(`No JSON at the end of stdout: ${JSON.stringify(ending)}`, { cause });
  }
}

function start(
  specs: readonly string[],
  command: readonly string[],
  options: LaunchOptions,
  timeout?: number,
): Launched {
  const { names, pid, fds, env, unset = [], input, talk = false, cwd } = options;
  const args = [
    ...(names === undefined ? [] : ['--names', names]),
    ...(pid === undefined ? [] : ['--pid', String(pid)]),
    ...(fds === undefined ? [] : ['--fds', String(fds)]),
    ...unset.flatMap((name) => ['--unset', name]),
  ];
  const child = spawn(tool('launch'), [...args, ...specs, '--', ...command], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      LANG: 'C.UTF-8',
      ...sanitizers,
      ...env,
    },
    killSignal: 'SIGKILL',
    stdio: [talk || input !== undefined ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    timeout,
  }) as Launched;
  child.stdin?.on('error', () => undefined); // EPIPE, when the program ends without reading stdin
  if (!talk) child.stdin?.end(input);
  return child;
}
