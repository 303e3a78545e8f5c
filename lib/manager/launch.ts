// Starts a program as a service manager does: its descriptors from 3 on, LISTEN_PID of the very process, a session of
// its own.
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { SystemdError } from '../base/errors.ts';
import { childProcess, fs } from '../base/lazy-builtins.ts';
import { EXIT_CHDIR, EXIT_STDIN, LaunchError } from './launch-error.ts';
import { findProgram } from './program-search.ts';

/** What a program is started with. */
export interface LaunchOptions {
  /** The descriptors of the program from 3 on. */
  readonly descriptors: readonly number[];
  /** Its standard input: nothing, one descriptor for input, output and errors, or a file. */
  readonly input: 'null' | { readonly socket: number } | { readonly file: string };
  /** The descriptors that take its standard output and standard error; absent: pipes of this process. */
  readonly output?: readonly [stdout: number, stderr: number] | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** The variables that get the pid of the program: LISTEN_PID, WATCHDOG_PID, SYSTEMD_EXEC_PID. */
  readonly pidVariables: readonly string[];
  readonly directory: string;
}

function checkDirectory(directory: string): void {
  try {
    if (fs().statSync(directory).isDirectory()) return;
  } catch (cause) {
    throw new LaunchError(EXIT_CHDIR, `The working directory ${directory} does not exist`, {
      cause,
    });
  }
  throw new LaunchError(EXIT_CHDIR, `The working directory ${directory} is no folder`);
}

/** A program's stdin, stdout and stderr. The opened file, if any, is closed after the start. */
function standardStreams({ input, output }: LaunchOptions): {
  streams: readonly ('ignore' | 'pipe' | number)[];
  opened?: number;
} {
  const written = output ?? (['pipe', 'pipe'] as const);
  if (input === 'null') return { streams: ['ignore', ...written] };
  if ('socket' in input) return { streams: [input.socket, input.socket, input.socket] };
  try {
    const opened = fs().openSync(input.file, 'r');
    return { streams: [opened, ...written], opened };
  } catch (cause) {
    throw new LaunchError(EXIT_STDIN, `The file for standard input can't be read: ${input.file}`, {
      cause,
    });
  }
}

/**
 * Executes a program in a shell that has taken its pid, because LISTEN_PID must be the pid of the program, and only the
 * process itself knows it before. exec(3) keeps the pid and the descriptors.
 */
function shellScript({ pidVariables, env }: LaunchOptions): string {
  const assignments = pidVariables.map((name) => `${name}=$$ `).join('');
  // The shell has set these two, which a service manager does not.
  const unset = ['PWD', 'OLDPWD'].filter((name) => !(name in env)).join(' ');
  return `unset ${unset} _; ${assignments}exec "$@"`;
}

/** The names of variables that a shell hands on. dash(1) drops the others, such as `npm_config_a-b`. */
const SHELL_NAME = /^[A-Za-z_]\w*$/;

/**
 * The words before the program: env(1) sets the variables that the shell drops. It executes the program, and keeps the
 * pid.
 */
function envCommand(env: Readonly<Record<string, string>>): string[] {
  const dropped = Object.entries(env).filter(([name]) => !SHELL_NAME.test(name));
  return dropped.length === 0
    ? []
    : ['/usr/bin/env', ...dropped.map(([name, value]) => `${name}=${value}`)];
}

const CAN_NOT_SPAWN =
  'No process can be started: no descriptor or no process is left for this user, or there is no /bin/sh';

/**
 * Closes the pipes of a process that could not be started, because Node leaves its ends open. Where no descriptor was
 * left, it has made no streams of them.
 */
function closeStreams({ stdio }: Partial<Pick<ChildProcess, 'stdio'>>): void {
  for (const stream of stdio ?? []) stream?.destroy();
}

/**
 * Starts /bin/sh as the leader of a session.
 *
 * @throws SystemdError EAGAIN when no process can be started
 */
export function spawnShell(args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = childProcess().spawn('/bin/sh', args, { ...options, detached: true });
  child.once('error', () => {}); // Node reports a failure later, but leaves out the pid at once
  if (child.pid !== undefined) return child;
  closeStreams(child);
  throw new SystemdError('EAGAIN', CAN_NOT_SPAWN);
}

/**
 * Starts a program.
 *
 * @throws LaunchError when the program, its folder or its input is not there
 * @throws SystemdError EAGAIN when no process can be started
 */
export function launch(argv: readonly string[], options: LaunchOptions): ChildProcess {
  const { descriptors, env, directory } = options;
  checkDirectory(directory);
  const [program = '', ...args] = argv;
  const file = findProgram(program, directory);
  const { streams, opened } = standardStreams(options);
  try {
    return spawnShell(['-c', shellScript(options), 'sh', ...envCommand(env), file, ...args], {
      cwd: directory,
      env,
      stdio: [...streams, ...descriptors],
    });
  } finally {
    if (opened !== undefined) fs().closeSync(opened);
  }
}

/** Starts a process that only ends, with this status: as PID 1's does when it can't become its program. */
export function launchFailing(status: number, env: Readonly<Record<string, string>>): ChildProcess {
  return spawnShell(['-c', `exit ${status}`], { cwd: '/', env, stdio: 'ignore' });
}
