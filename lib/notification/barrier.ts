// The barrier: waits until the manager has processed every earlier notification.
//
// As sd_notify_barrier(3) does, a message passes the write end of a pipe to the manager. The manager
// closes the descriptor once it has processed the message, and so every message before it.
import type { Socket } from 'node:net';
import { native } from '../addon/exports.ts';
import { LONGEST_TIMER } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import { ETIMEDOUT } from '../base/errno.ts';
import { resultOrThrow, systemError } from '../base/errors.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { hasHandle, runtimeError } from '../base/other-runtimes.ts';
import { invalidType, validateMilliseconds } from '../base/validate.ts';
import { socketOf } from '../descriptor/node-handles.ts';
import { managerAddress } from './manager-environment.ts';
import { type Message, validatePid } from './message.ts';
import { removeFromQueue, sendOrQueue } from './queue.ts';

/** Options of {@link notify.barrier}. */
export interface BarrierOptions {
  /** How long to wait at most, in milliseconds; Infinity waits without a limit. Default 5000. */
  readonly timeout?: number | undefined;
  /** Ends the waiting when aborted. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The pid of the process in whose name the message is sent; 0 means this process. For another process
   * the sender needs privileges. Default 0.
   */
  readonly pid?: number | undefined;
}

const BARRIER_OPTIONS: OptionNames<BarrierOptions> = { timeout: true, signal: true, pid: true };

const DEFAULT_TIMEOUT = 5_000;

/** Opens a pipe. Its read end is a socket of Node's, so that the event loop can wait for it. */
function openPipe(): [readEnd: Socket, writeEnd: number] {
  const [result, readFd, writeEnd] = native().pipe();
  resultOrThrow(result, 'pipe2');
  try {
    const readEnd = socketOf(readFd, { readable: true, writable: false });
    if (hasHandle(readEnd)) return [readEnd, writeEnd];
    native().close(readFd);
    throw runtimeError(
      'This runtime cannot wait for a pipe in the event loop, as Node can: use sd_notify_barrier() of libsystemd/sd, which blocks the thread',
    );
  } catch (error) {
    native().close(writeEnd);
    throw error;
  }
}

/** Sends or queues the message. The manager, or the queue, then has a copy of the write end. */
function sendAndClose(message: Message, writeEnd: number): void {
  try {
    sendOrQueue(message);
  } finally {
    native().close(writeEnd);
  }
}

/** Resolves when the last copy of the pipe's write end is closed. Waits in the event loop. */
async function waitForManager({
  timeout = DEFAULT_TIMEOUT,
  signal,
  pid = 0,
}: BarrierOptions): Promise<void> {
  const [readEnd, writeEnd] = openPipe();
  const { promise, resolve, reject } = deferred<void>();
  const message: Message = { pid, state: 'BARRIER=1', fds: [writeEnd], onLost: reject };
  const onTimeout = () => reject(systemError(-ETIMEDOUT, 'sd_notify_barrier'));
  const onAbort = () => reject(signal?.reason);
  const timer = timeout <= LONGEST_TIMER ? setTimeout(onTimeout, timeout) : undefined;
  signal?.addEventListener('abort', onAbort, { once: true });
  readEnd.once('error', reject).once('close', resolve).resume();
  try {
    sendAndClose(message, writeEnd);
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    // After a timeout or an abort nobody waits for the manager.
    removeFromQueue(message);
    readEnd.destroy();
  }
}

// Documented as notify.barrier.
export async function barrier(options: BarrierOptions = {}): Promise<boolean> {
  const taken = takeOptions(options, BARRIER_OPTIONS, 'notify.barrier()');
  const { timeout = DEFAULT_TIMEOUT, signal, pid = 0 } = taken;
  validatePid(pid);
  validateMilliseconds('options.timeout', timeout);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidType('options.signal', 'an instance of AbortSignal', signal);
  }
  signal?.throwIfAborted();
  if (managerAddress() === undefined) return false;
  await waitForManager(taken);
  return true;
}
