// The parts notify, check and inspect: single calls, in C, by this package and by others. calls-child.mjs measures them
// in a process that is started like a service.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTool } from '../scripts/build-tools.mjs';
import { otherPackages } from './packages.mjs';
import { buildCSide, runForJson } from './programs.mjs';

const ROUNDS = 40;

/** Measures the calls of one list of calls-list.mjs, in `most` rounds at most. */
export async function calls(list, most) {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  const notifySocket = join(folder, 'notify');
  const receiver = spawn(await buildCSide(), ['drain', notifySocket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const receiverClosed = once(receiver, 'close');
  try {
    await Promise.race([once(receiver.stdout, 'data'), receiverClosed]);
    return await measure(list, Math.min(ROUNDS, most), folder, notifySocket);
  } finally {
    receiver.kill();
    await receiverClosed;
    await rm(folder, { recursive: true });
  }
}

/** Passes the descriptors in the order in which c-side.c numbers them. */
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
    await buildCSide(),
    list,
    rounds,
    others,
    JSON.stringify(packages),
  ];
  return await runForJson(
    await buildTool('test/tools/launch.c'),
    [...descriptors, '--', process.execPath, ...child],
    { NOTIFY_SOCKET: notifySocket, WATCHDOG_USEC: '30000000' },
  );
}
