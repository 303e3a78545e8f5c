// The part race: three processes send status after status to one receiver, so any of them may take the last place of
// its queue from another. The receiver is stopped again and again. A sender whose call then waits for it has stalled.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { buildCSide } from './programs.mjs';

const SENDERS = 3;
const STOPS = 100;

/**
 * The milliseconds for which the receiver is stopped, and for which it then reads. A call that waits for it lasts as
 * long.
 */
const STOPPED = 20;
const READING = 10;

/** Starts a program, and waits until it has written something. */
async function start(program, args, env) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const closed = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), closed]);
  return { child, closed };
}

async function end({ child, closed }) {
  child.kill('SIGKILL');
  await closed;
}

/**
 * True while the main thread of a process waits in a call on a Unix socket. The time that a call takes would not tell,
 * because on a busy machine a thread also waits for a processor.
 */
function hasStalled({ child }) {
  if (child.exitCode !== null) throw new Error('A sender of bench/race.mjs has ended');
  return /^(unix|sock)_/.test(readFileSync(`/proc/${child.pid}/wchan`, 'latin1'));
}

/** Stops the receiver `stops` times, and returns how many senders have stalled, in all stops together. */
async function countStalls(receiver, stops, startSender) {
  const senders = await Promise.all(Array.from({ length: SENDERS }, startSender));
  let stalls = 0;
  try {
    for (let i = 0; i < stops; i++) {
      receiver.kill('SIGSTOP');
      await delay(STOPPED);
      stalls += senders.filter(hasStalled).length;
      receiver.kill('SIGCONT');
      await delay(READING);
    }
  } finally {
    await Promise.all(senders.map(end));
  }
  return stalls;
}

/** Stops the receiver at most `most` times. */
export async function race(most) {
  const stops = Math.min(STOPS, most);
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  const env = { PATH: process.env.PATH, NOTIFY_SOCKET: join(folder, 'notify') };
  const cSide = await buildCSide();
  const program = join(import.meta.dirname, 'race-child.mjs');
  const receiver = await start(cSide, ['drain', env.NOTIFY_SOCKET], env);
  const count = (...command) => countStalls(receiver.child, stops, () => start(...command, env));
  try {
    return [
      {
        what: `\`notify.status()\`, stalls of ${SENDERS} busy senders when the receiver stops`,
        inC: '`sd_notify()`',
        unit: `of ${SENDERS * stops}`,
        node: await count(process.execPath, [program]),
        c: await count(cSide, ['flood']),
        target: { most: 0 },
      },
    ];
  } finally {
    await end(receiver);
    await rm(folder, { recursive: true });
  }
}
