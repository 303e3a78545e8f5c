// The programs that the benchmark runs, which print JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { buildTool } from '../scripts/build-tools.mjs';

/** Compiles c-side.c, and returns the path. It is linked by file name, so that libsystemd-dev is not needed. */
export function buildCSide() {
  return buildTool('bench/c-side.c', { libraries: ['-l:libsystemd.so.0'] });
}

/** The milliseconds that a program may take. */
const TIMEOUT = 180_000;

/** Runs a program to its end, and returns the JSON that it prints. The program gets only PATH and `env`. */
export async function runForJson(program, args, env = {}, cwd = process.cwd()) {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ...env },
    timeout: TIMEOUT,
    cwd,
  });
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code === 0) return JSON.parse(output);
  throw new Error(
    `${program} ${args.join(' ')} has ended with ${code ?? signal}, and should with 0`,
  );
}
