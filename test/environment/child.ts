// A child process with an environment of its own, which asks libsystemd/environment.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { root } from '../support/tools.ts';

const run = promisify(execFile);

/** What an expression has come to: its value, or the error that it threw. */
export interface Outcome {
  readonly value?: unknown;
  readonly error?: {
    readonly name: string;
    readonly code: string;
    readonly message: string;
    readonly path?: string;
  };
}

/** The source of a program that prints the outcome of each expression, as JSON. */
export function program(expressions: readonly string[]): string {
  return `
    import * as environment from 'libsystemd/environment';
    const { ${NAMES.join(', ')} } = environment;
    const outcome = (call) => {
      try {
        return { value: call() };
      } catch ({ name, code, message, path }) {
        return { error: { name, code, message, path } };
      }
    };
    const outcomes = [${expressions.map((one) => `outcome(() => (${one}))`).join(', ')}];
    console.log(JSON.stringify(outcomes));
  `;
}

const NAMES = [
  ...['credentials', 'directory', 'invocationId', 'bootId', 'machineId', 'startedByManager'],
  ...['remote', 'unitOf', 'peerUnit', 'credentialRequest'],
];

/** Evaluates expressions in a child process with these variables, and in this folder. */
export async function evaluate(
  variables: Readonly<Record<string, string>>,
  ...expressions: readonly string[]
): Promise<Outcome[]> {
  const { PATH = '' } = process.env;
  const args = ['--input-type=module', '-e', program(expressions)];
  const { stdout } = await run(process.execPath, args, { cwd: root, env: { PATH, ...variables } });
  return JSON.parse(stdout);
}
