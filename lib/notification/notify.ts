// notify: the functions by which a service tells its manager its state.
import { type OptionNames, takeOptions } from '../base/options.ts';
import { invalidType, invalidValue, validateMilliseconds } from '../base/validate.ts';
import { barrier } from './barrier.ts';
import { unsetEnvironment } from './manager-environment.ts';
import { type Message, NO_FDS, validateFds, validatePid } from './message.ts';
import { sendOrQueue } from './queue.ts';
import { recordSent } from './sent-state.ts';
import { appendStatus, encodeState, encodeStatus, type NotifyState } from './state.ts';

/** Options of {@link notify.send}. */
export interface SendOptions {
  /**
   * The pid of the process in whose name the message is sent; 0 means this process. For another process
   * the sender needs privileges. Default 0.
   */
  readonly pid?: number | undefined;
  /** File descriptors to pass, at most 253. They stay open in this process. Default: none. */
  readonly fds?: readonly number[] | undefined;
}

const SEND_OPTIONS: OptionNames<SendOptions> = { pid: true, fds: true };

/** What a message has beside its state. */
type Envelope = Pick<Message, 'pid' | 'fds'>;

const DEFAULTS: Envelope = { pid: 0, fds: NO_FDS };

function envelopeOf(options: SendOptions): Envelope {
  const { pid = 0, fds = NO_FDS } = takeOptions(options, SEND_OPTIONS, 'notify.send()');
  validatePid(pid);
  validateFds(fds);
  return { pid, fds };
}

/**
 * Returns the descriptors to pass with the state. With MAINPIDFD=1 the manager accepts a single
 * descriptor, the pidfd, so no other one may be passed beside it.
 */
function fdsToPass(state: NotifyState | string, fds: readonly number[]): readonly number[] {
  const pidFd = typeof state === 'object' && Object.hasOwn(state, 'mainPidFd') && state.mainPidFd;
  if (pidFd === undefined || pidFd === false) return fds;
  if (pidFd === true) {
    if (fds.length === 1) return fds;
    throw invalidValue('options.fds', 'the pidfd alone, because state.mainPidFd is true', fds);
  }
  if (fds.length === 0) return [pidFd];
  throw invalidValue('options.fds', 'empty, because state.mainPidFd is passed alone', fds);
}

function deliver(message: Message): boolean {
  const isAccepted = sendOrQueue(message);
  if (isAccepted && message.pid === 0) recordSent(message.state);
  return isAccepted;
}

function send(state: NotifyState | string, options?: SendOptions): boolean {
  const { pid, fds } = options === undefined ? DEFAULTS : envelopeOf(options);
  const encoded = encodeState(state);
  if (encoded === '' && state !== '') return false;
  return deliver({ pid, state: encoded, fds: fdsToPass(state, fds) });
}

// The functions below do the same as send(), without the checks that their own messages do not need. A start of a
// service waits for the first message, and a service may send its status very often.

function sendStatus(text: string): boolean {
  if (typeof text !== 'string') throw invalidType('text', 'of type string', text);
  return sendOrQueue({ pid: 0, state: encodeStatus(text), fds: NO_FDS });
}

function sendWithStatus(lines: string, status: string | undefined): boolean {
  return deliver({ pid: 0, state: appendStatus(lines, status), fds: NO_FDS });
}

/**
 * Tells the service manager the state of the service. Without a manager (NOTIFY_SOCKET is unset, empty
 * or /dev/null) every function does nothing and returns false, and the add-on is not even loaded.
 *
 * Every function may be called in a worker thread too, also while another thread writes to
 * `process.env`.
 *
 * No call waits for the manager. While the manager does not read, or this process has no free file
 * descriptor to send with, messages wait in this process. They go out later, in their order. At most
 * 16,384 messages wait. A message that is only STATUS=, WATCHDOG=1 or EXTEND_TIMEOUT_USEC= replaces a
 * waiting one of its kind, so `status()` may be called any number of times: the manager then reads the
 * last status alone. A process that has nothing else to do stays alive 5 seconds for waiting messages.
 * Messages that still wait when the process ends are lost, and a process warning says how many
 * (ERR_SYSTEMD_LOST).
 *
 * @see sd_notify(3)
 */
export const notify = {
  /**
   * Sends a state to the manager.
   *
   * @param state - an object of assignments, by their names in {@link NotifyState}. A key that is
   * undefined or false makes no assignment. A string is sent as it is, for assignments that the type
   * does not know yet
   * @param options - default {}: in the name of this process, without descriptors
   * @returns
   * - true: the message is sent, or waits to be sent
   * - false: there is no manager, or the state assigns nothing
   * @throws SystemdError
   * - ECONNREFUSED, ENOENT, EACCES and the like: the manager's socket can't be reached
   * - EBADF: a descriptor in `options.fds` is not open
   * - EMFILE: the message has to wait, and there is no free descriptor for copies of `options.fds`
   * - ERR_SYSTEMD_MESSAGE_SIZE: the message has more than 4096 bytes
   * - ERR_SYSTEMD_QUEUE_FULL: too many messages, or descriptors, wait already. Never thrown for a status,
   * a ping or an extension alone
   * - ERR_SYSTEMD_RUNTIME: libsystemd does not see the NOTIFY_SOCKET that `process.env` has
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for a
   * value that does not fit its assignment, or a wrong option
   * @see sd_pid_notify_with_fds(3), version 219
   */
  send,

  /**
   * READY=1: the start of the service, or a reload, is complete.
   *
   * @param status - text for STATUS= in the same message; default: none
   * @returns as {@link notify.send}
   * @throws SystemdError, TypeError as {@link notify.send}
   * @see sd_notify(3)
   */
  ready: (status?: string): boolean => sendWithStatus('READY=1', status),

  /**
   * RELOADING=1 with MONOTONIC_USEC=, as Type=notify-reload needs both: a reload has begun. Call
   * `ready()` when the reload is complete.
   *
   * @param status - text for STATUS= in the same message; default: none
   * @returns as {@link notify.send}
   * @throws SystemdError, TypeError as {@link notify.send}
   * @see sd_notify(3), RELOADING= version 217, MONOTONIC_USEC= version 253
   */
  reloading: (status?: string): boolean => sendWithStatus(encodeState({ reloading: true }), status),

  /**
   * STOPPING=1: the service has begun to stop.
   *
   * @param status - text for STATUS= in the same message; default: none
   * @returns as {@link notify.send}
   * @throws SystemdError, TypeError as {@link notify.send}
   * @see sd_notify(3), version 217
   */
  stopping: (status?: string): boolean => sendWithStatus('STOPPING=1', status),

  /**
   * STATUS=: a line for people, which `systemctl status` shows. Any text is safe:
   * - line breaks, tabs and null bytes become spaces
   * - invalid characters become U+FFFD
   * - control characters become visible text such as `\x1b` or `\u{202e}`, so the text can't control
   * the reader's terminal
   * - a text that is too long for a message is cut
   *
   * @param text - the line; '' clears the status
   * @returns as {@link notify.send}
   * @throws SystemdError, TypeError as {@link notify.send}
   * @see sd_notify(3)
   */
  status: sendStatus,

  /**
   * EXTEND_TIMEOUT_USEC=: asks for more time to start, stop or reload. When that time may not be enough
   * either, call this again before it has passed.
   *
   * @param ms - milliseconds from now
   * @returns as {@link notify.send}
   * @throws SystemdError as {@link notify.send}
   * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE when `ms` is no number of milliseconds
   * @see sd_notify(3), version 236
   */
  extendTimeout: (ms: number): boolean => {
    validateMilliseconds('ms', ms);
    return send({ extendTimeout: ms });
  },

  /**
   * Waits until the manager has processed every notification that was sent before. Waits in the event
   * loop, so that nothing is blocked meanwhile.
   *
   * @param options - default {}: a timeout of 5 seconds, no signal, in the name of this process
   * @returns
   * - true: the manager has processed every earlier notification
   * - false: there is no manager
   * @throws SystemdError
   * - ETIMEDOUT: the timeout has passed
   * - EMFILE, ENFILE: there is no free descriptor for a pipe
   * - ERR_SYSTEMD_RUNTIME: the runtime is Bun
   * - all that {@link notify.send} throws
   * @throws the signal's reason when the signal is aborted
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for
   * wrong options
   * @see sd_notify_barrier(3), version 246; sd_pid_notify_barrier(3), version 254
   */
  barrier,

  /**
   * Removes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from `process.env`. Processes that are
   * started afterwards do not inherit the variables. So they can't notify in this service's name
   * (NotifyAccess=exec or all), nor take the watchdog for their own.
   *
   * `notify`, `watchdog` and `fdStore` go on working in this process, in worker threads too, because
   * they remember the values. sd_notify(3) does not: called through `libsystemd/sd`, or by another
   * library in this process, it then finds no manager.
   *
   * `serve()` calls this function by itself. Without a manager the function does nothing. Call it on
   * the main thread, because a worker thread can change its own copy of the environment only.
   *
   * @see sd_notify(3), unset_environment
   */
  unsetEnvironment,
};
