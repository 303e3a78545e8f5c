// Runs the command line of dist/.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../support/tools.ts';

export const PROGRAM = join(root, 'dist/cli.js');

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** Runs `npx libsystemd` with these arguments, to its end. Nothing is a terminal. */
export function cli(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Result {
  return spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', ...options });
}

/**
 * The output of the same in a terminal of 80 columns, with its control characters. Without CI, for which Node's
 * hasColors() says false.
 */
export function cliInTerminal(args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const quoted = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(' ');
  const { stdout } = spawnSync('script', ['-qec', `stty cols 80; ${quoted}`, join('/dev/fd/2')], {
    encoding: 'utf8',
    env: { ...process.env, CI: undefined, TERM: 'xterm-256color', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return stdout;
}
