// The programs that the benchmark runs, and how their answers come back.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { buildTool } from '../scripts/build-tools.mjs';

/** The path of bench/c-side.c as a program. Linked by file name: no package for development needed. */
export function cSide() {
  return buildTool('bench/c-side.c', { libraries: ['-l:libsystemd.so.0'] });
}

const LONGEST_MS = 180_000;

/** Runs a program to its end; what it prints is JSON. It gets PATH and `env`, and nothing else. */
export async function answerOf(program, args, env = {}) {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ...env },
    timeout: LONGEST_MS,
  });
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code === 0) return JSON.parse(output);
  throw new Error(`${program} ${args.join(' ')} ended with ${code ?? signal}`);
}
