// Finds programs as this process would.
import { fs, path } from '../base/lazy-builtins.ts';
import { EXIT_EXEC, LaunchError } from './launch-error.ts';

/** True for a file that this process may execute. */
export function isExecutable(file: string): boolean {
  try {
    fs().accessSync(file, fs().constants.X_OK);
    return fs().statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The first bytes of a file; undefined when it can't be read, because a program may be executable and not readable. */
function headOf(file: string): string | undefined {
  const head = Buffer.alloc(256); // BINPRM_BUF_SIZE of Linux
  let fd: number | undefined;
  try {
    fd = fs().openSync(file, 'r');
    const size = fs().readSync(fd, head, 0, head.length, 0);
    return head.toString('latin1', 0, size);
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) fs().closeSync(fd);
  }
}

/**
 * Why the kernel does not execute a file that {@link isExecutable}: it needs a program, or a script whose first line is
 * such as `#!/usr/bin/env node`. A shell would run any text, and a service manager does not. Undefined when it does.
 */
export function whyNotExecuted(file: string): string | undefined {
  const head = headOf(file);
  const [, interpreter] = /^#![ \t]*([^ \t\n\0]+)/.exec(head ?? '') ?? [];
  if (interpreter !== undefined && !isExecutable(interpreter))
    return `its first line names ${interpreter}, and there is no such program`;
  const isText = head !== undefined && !head.includes('\0'); // no program has a head without one
  return isText && interpreter === undefined
    ? 'it is text, and its first line names no program, such as #!/bin/sh'
    : undefined;
}

/**
 * The paths at which this process looks for a program by its name. A relative folder of PATH would be another one
 * there.
 */
function placesOf(name: string): string[] {
  const { delimiter, isAbsolute, join } = path();
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  return folders.map((folder) => join(folder, name));
}

/** The program of this name in the PATH of this process; undefined when there is none. */
export function findInPath(name: string): string | undefined {
  return placesOf(name).find(isExecutable);
}

/**
 * The path of a program. A name without a slash is searched in the PATH of this process, because a test says `node` and
 * means its own. systemd searches in its PATH, which has only folders of the system.
 *
 * @throws LaunchError 203 when there is no such program, or it can't be executed
 */
export function findProgram(program: string, directory: string): string {
  const candidates = program.includes('/')
    ? [path().resolve(directory, program)]
    : placesOf(program);
  const found = candidates.find(isExecutable);
  if (found === undefined) throw new LaunchError(EXIT_EXEC, notFound(program, candidates));
  const why = whyNotExecuted(found);
  if (why !== undefined) throw new LaunchError(EXIT_EXEC, `${found} can't be executed: ${why}`);
  return found;
}

function notFound(program: string, candidates: readonly string[]): string {
  const [only] = candidates;
  const words = program
    .trim()
    .split(/\s+/)
    .map((word) => `'${word}'`);
  const advice = words.length > 1 ? ` (a command is a list of words: ${words.join(', ')})` : '';
  if (!program.includes('/')) return `${program} was found in no folder of PATH${advice}`;
  return fs().existsSync(only as string)
    ? `${only} can't be executed: it is no program, or lacks the permission (chmod +x)`
    : `${only} does not exist${advice}`;
}
