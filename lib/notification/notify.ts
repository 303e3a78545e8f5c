// What a service tells its manager.
import type { Socket } from 'node:net';
import { native } from '../addon/exports.ts';
import { LONGEST_TIMER } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import { ETIMEDOUT } from '../base/errno.ts';
import { check, runtimeError, systemError } from '../base/errors.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import {
  invalidType,
  invalidValue,
  outOfRange,
  validateInteger,
  validateMilliseconds,
} from '../base/validate.ts';
import { hasHandle, socketOf } from '../descriptor/node-handles.ts';
import { managerAddress, unsetEnvironment } from './manager-environment.ts';
import { send as sendMessage, withdraw } from './queue.ts';
import { recordSent } from './sent-state.ts';
import { encodeState, type NotifyState } from './state.ts';

/** What {@link notify.send} may be told. */
export interface SendOptions {
  /** Send in the name of this process, which needs privileges; default 0, this one. */
  readonly pid?: number;
  /** Descriptors to pass, at most 253; they stay open here. Default: none. */
  readonly fds?: readonly number[];
}

/** What {@link notify.barrier} may be told. */
export interface BarrierOptions {
  /** Milliseconds; Infinity waits for ever. Default 5000. */
  readonly timeout?: number;
  /** Stops the waiting. */
  readonly signal?: AbortSignal;
  /** Send in the name of this process, which needs privileges; default 0, this one. */
  readonly pid?: number;
}

const SEND_OPTIONS: OptionNames<SendOptions> = { pid: true, fds: true };

const BARRIER_OPTIONS: OptionNames<BarrierOptions> = { timeout: true, signal: true, pid: true };

/** What the kernel takes in one message (SCM_MAX_FD). */
const MOST_FDS = 253;

const BARRIER_TIMEOUT = 5_000;

function validatePid(pid: number): void {
  validateInteger('options.pid', pid, 0, 0x7fff_ffff);
}

function validateFds(fds: readonly number[]): void {
  if (!Array.isArray(fds)) throw invalidType('options.fds', 'an array of file descriptors', fds);
  if (fds.length > MOST_FDS) {
    throw outOfRange('options.fds', `an array of at most ${MOST_FDS} descriptors`, fds.length);
  }
  for (const fd of fds as unknown[]) validateInteger('options.fds', fd, -0x8000_0000, 0x7fff_ffff);
}

/** The descriptors that go along. With MAINPIDFD=1 the manager wants a single one. */
function descriptorsOf(state: NotifyState | string, fds: readonly number[]): readonly number[] {
  const pidFd = typeof state === 'object' && Object.hasOwn(state, 'mainPidFd') && state.mainPidFd;
  if (pidFd === undefined || pidFd === false) return fds;
  if (fds.length !== (pidFd === true ? 1 : 0)) {
    const expected = pidFd === true ? 'the pidfd alone' : 'none beside that of state.mainPidFd';
    throw invalidValue('options.fds', expected, fds);
  }
  return pidFd === true ? fds : [pidFd];
}

const DEFAULTS: SendOptions = { pid: 0, fds: [] };

function send(state: NotifyState | string, options?: SendOptions): boolean {
  const { pid = 0, fds = [] } =
    options === undefined ? DEFAULTS : takeOptions(options, SEND_OPTIONS, 'notify.send()');
  validatePid(pid);
  validateFds(fds);
  const message = encodeState(state);
  if (message === '' && state !== '') return false;
  const sent = sendMessage({ pid, state: message, fds: descriptorsOf(state, fds) });
  if (sent && pid === 0) recordSent(message);
  return sent;
}

/** With a text for people where there is one. */
function withStatus(state: NotifyState, status: string | undefined): boolean {
  return send(status === undefined ? state : { ...state, status });
}

/** The manager is told with `writeEnd`, and `onLost` when that waited and then failed. */
function sendBarrier(pid: number, writeEnd: number, onLost: (error: unknown) => void): void {
  try {
    sendMessage({ pid, state: 'BARRIER=1', fds: [writeEnd], onLost });
  } finally {
    native().close(writeEnd);
  }
}

/** Both ends of a pipe: of the one to read from a socket, and the number of the other. */
function openPipe(): [pipe: Socket, writeEnd: number] {
  const [result, readEnd, writeEnd] = native().pipe();
  check(result, 'pipe2');
  try {
    const pipe = socketOf(readEnd, { readable: true, writable: false });
    if (hasHandle(pipe)) return [pipe, writeEnd];
    native().close(readEnd);
    throw runtimeError(
      'This runtime has no way to wait for a pipe, as Node has: use sd_notify_barrier() of libsystemd/sd, which blocks',
    );
  } catch (error) {
    native().close(writeEnd);
    throw error;
  }
}

/** Resolves when the last copy of the pipe's write end is closed. Waits in the event loop. */
async function waitForHangUp(
  timeout: number,
  signal: AbortSignal | undefined,
  pid: number,
): Promise<void> {
  const [pipe, writeEnd] = openPipe();
  const { promise, resolve, reject } = deferred<void>();
  const onTimeout = () => reject(systemError(-ETIMEDOUT, 'sd_notify_barrier'));
  const onAbort = () => reject(signal?.reason);
  const timer = timeout <= LONGEST_TIMER ? setTimeout(onTimeout, timeout) : undefined;
  signal?.addEventListener('abort', onAbort, { once: true });
  pipe.once('error', reject).once('close', resolve).resume();
  try {
    sendBarrier(pid, writeEnd, reject);
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    withdraw(reject); // nobody would be told
    pipe.destroy();
  }
}

// As sd_notify_barrier(3) does: the write end of a pipe goes to the manager, which closes it when
// it has processed the message, and so all that came before.
async function barrier(options: BarrierOptions = {}): Promise<boolean> {
  const taken = takeOptions(options, BARRIER_OPTIONS, 'notify.barrier()');
  const { timeout = BARRIER_TIMEOUT, signal, pid = 0 } = taken;
  validatePid(pid);
  validateMilliseconds('options.timeout', timeout);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidType('options.signal', 'an instance of AbortSignal', signal);
  }
  signal?.throwIfAborted();
  if (managerAddress() === undefined) return false;
  await waitForHangUp(timeout, signal, pid);
  return true;
}

/**
 * Tells the service manager how the service is. Without a manager (NOTIFY_SOCKET unset, empty or
 * /dev/null) every function does nothing and returns false, and not even the add-on is loaded.
 *
 * Worker threads may call all of it, also while another thread writes to `process.env`.
 *
 * No call waits for the manager: while it doesn't read, or this process has no descriptor left to send
 * by, messages wait in this process in their order, 16,384 of them at most, and go out when they can.
 * Then true means «accepted». A process that has nothing else to do stays 5 seconds for them; those that
 * still wait at its end are lost, and a process warning says how many (ERR_SYSTEMD_LOST).
 *
 * @see sd_notify(3)
 */
export const notify = {
  /**
   * Sends a state.
   *
   * @param state - assignments by their names in {@link NotifyState}; those left out, undefined or
   * false are not made. A string is sent as it is, for what the types don't know yet.
   * @returns true when sent or accepted; false when there is no manager, or nothing to say
   * @throws SystemdError ECONNREFUSED, ENOENT, EACCES … when the manager's socket can't be reached;
   * EBADF for a descriptor that is not open, EMFILE when it has to wait and can't be copied for that;
   * ERR_SYSTEMD_MESSAGE_SIZE above 4096 bytes; ERR_SYSTEMD_QUEUE_FULL; ERR_SYSTEMD_LIBRARY when there is
   * a manager and no libsystemd; ERR_SYSTEMD_RUNTIME when libsystemd does not see the NOTIFY_SOCKET that
   * `process.env` has
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for
   * a value that doesn't fit its assignment
   * @see sd_pid_notify_with_fds(3), version 219
   */
  send,

  /**
   * READY=1: start-up, or a reload, is complete.
   *
   * @param status - STATUS= in the same message; default: none
   * @returns as {@link notify.send}, and so the errors
   * @see sd_notify(3)
   */
  ready: (status?: string): boolean => withStatus({ ready: true }, status),

  /**
   * RELOADING=1 with MONOTONIC_USEC=, as Type=notify-reload wants them. `ready()` ends it.
   *
   * @param status - STATUS= in the same message; default: none
   * @returns as {@link notify.send}, and so the errors
   * @see sd_notify(3), RELOADING= version 217, MONOTONIC_USEC= version 253
   */
  reloading: (status?: string): boolean => withStatus({ reloading: true }, status),

  /**
   * STOPPING=1: the service is shutting down.
   *
   * @param status - STATUS= in the same message; default: none
   * @returns as {@link notify.send}, and so the errors
   * @see sd_notify(3), version 217
   */
  stopping: (status?: string): boolean => withStatus({ stopping: true }, status),

  /**
   * STATUS=: a line for people, shown by `systemctl status`. Any text is safe: line breaks, tabs and
   * null bytes become spaces, what is no character becomes U+FFFD, what would control the terminal of
   * who looks is shown as `\x1b` or `\u{202e}`, and what doesn't fit is cut.
   *
   * @param text - '' clears it
   * @returns as {@link notify.send}, and so the errors
   * @see sd_notify(3)
   */
  status: (text: string): boolean => {
    if (typeof text !== 'string') throw invalidType('text', 'of type string', text);
    return send({ status: text });
  },

  /**
   * EXTEND_TIMEOUT_USEC=: asks for more time to start, stop or reload. To be repeated within it.
   *
   * @param ms - milliseconds from now
   * @returns as {@link notify.send}, and so the errors
   * @see sd_notify(3), version 236
   */
  extendTimeout: (ms: number): boolean => {
    validateMilliseconds('ms', ms);
    return send({ extendTimeout: ms });
  },

  /**
   * Waits until the manager has processed all that was sent before, in the event loop: nothing is
   * blocked meanwhile.
   *
   * @param options - default {}: 5 seconds, no signal, in the name of this process
   * @returns true when it has; false when there is no manager
   * @throws SystemdError ETIMEDOUT; EMFILE or ENFILE when no descriptor is left for its pipe;
   * ERR_SYSTEMD_RUNTIME in Bun; and what {@link notify.send} throws
   * @throws the signal's reason, when it is aborted
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for
   * wrong options
   * @see sd_notify_barrier(3), version 246; sd_pid_notify_barrier(3), version 254
   */
  barrier,

  /**
   * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of `process.env`, so that processes started
   * from now on can't notify in this service's name (NotifyAccess=exec, all), nor take its watchdog for
   * their own. This process goes on: `notify`, `watchdog` and `fdStore` remember the values, in worker
   * threads too. `serve()` does it by itself. Without a manager it does nothing.
   *
   * Afterwards sd_notify(3), of `libsystemd/sd` or of another library in this process, finds nothing.
   * Call it on the main thread; a worker thread has a copy of the environment, and takes them out of that.
   *
   * @see sd_notify(3), unset_environment
   */
  unsetEnvironment,
};
