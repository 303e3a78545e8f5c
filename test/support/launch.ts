import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { sanitizers } from './sanitizers.ts';
import { root, tool } from './tools.ts';

export interface LaunchOptions {
  /** LISTEN_FDNAMES, exactly; unset by default. */
  readonly names?: string;
  /** LISTEN_PID, exactly, or `none` to unset it; the PID of the program by default. */
  readonly pid?: string | number;
  /** LISTEN_FDS, exactly, or `none` to unset it; the number of specs by default. */
  readonly fds?: string | number;
  /** Variables beside PATH, HOME and LANG, which are all the program gets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables to leave out, even of those three. */
  readonly unset?: readonly string[];
  /** Text for stdin, which is /dev/null by default. */
  readonly input?: string;
  /** Whether stdin is a pipe that stays open, for the caller to write to. */
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

const limitMs = 30_000;

/**
 * Starts a program as a service manager would, with what `specs` ask for from fd 3 on and LISTEN_*.
 * The specs are those of test/tools/launch.c. The caller ends the program.
 */
export function spawnLaunched(
  specs: readonly string[],
  command: readonly string[],
  options: LaunchOptions = {},
): Launched {
  return start(specs, command, options);
}

/** Like {@link spawnLaunched}, to the end of the program; rejects if that takes 30 s. */
export async function launch(
  specs: readonly string[],
  command: readonly string[],
  options: LaunchOptions = {},
): Promise<Ending> {
  const child = start(specs, command, options, limitMs);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[Ending['code'], Ending['signal']]>,
  ]);
  if (child.killed) {
    throw new Error(`${command.join(' ')} did not end within ${limitMs} ms: ${stdout}${stderr}`);
  }
  return { stdout, stderr, code, signal };
}

/**
 * Runs an ES module in Node at the root of the repository, where `import 'libsystemd'` finds the
 * package itself. Its last line on stdout is JSON, the `result`; without one this rejects.
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
  child.stdin?.on('error', () => undefined); // EPIPE: a program need not read its input
  if (!talk) child.stdin?.end(input);
  return child;
}
