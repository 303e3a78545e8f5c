// Single calls, in C and in Node. This gives a process what a service would have, and there
// bench/calls-child.mjs measures.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTool } from '../scripts/build-tools.mjs';
import { otherPackages } from './packages.mjs';
import { answerOf, cSide } from './programs.mjs';

const ROUNDS = 40;

/** Those of one list of bench/calls-list.mjs, in so many rounds at most. */
export async function calls(list, most) {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  const notifySocket = join(folder, 'notify');
  const drain = spawn(await cSide(), ['drain', notifySocket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const drained = once(drain, 'close');
  try {
    await Promise.race([once(drain.stdout, 'data'), drained]);
    return await measure(list, Math.min(ROUNDS, most), folder, notifySocket);
  } finally {
    drain.kill();
    await drained;
    await rm(folder, { recursive: true });
  }
}

/** The descriptors are numbered as in bench/c-side.c. */
async function measure(list, rounds, folder, notifySocket) {
  const descriptors = [
    'tcp:127.0.0.1:0',
    `unix:${join(folder, 'unix')}`,
    `fifo:${join(folder, 'fifo')}`,
    `file:${join(folder, 'file')}`,
  ];
  const { folder: others, packages } = await otherPackages();
  const child = [
    join(import.meta.dirname, 'calls-child.mjs'),
    await cSide(),
    list,
    rounds,
    others,
    JSON.stringify(packages),
  ];
  return await answerOf(
    await buildTool('test/tools/launch.c'),
    [...descriptors, '--', process.execPath, ...child],
    { NOTIFY_SOCKET: notifySocket, WATCHDOG_USEC: '30000000' },
  );
}
