// Sends to the service manager without ever waiting for it.
//
// While the manager's queue is full, messages wait here, in order, until there is room. So they do while
// this process has no descriptor left to send by.

import { native } from '../addon/exports.ts';
import { now } from '../base/clock.ts';
import { check, isExhausted, runtimeError, SystemdError } from '../base/errors.ts';
import { visible } from '../base/printable.ts';
import { warnAtExit, warn as warnSoon } from '../base/warn.ts';
import { managerAddress } from './manager-environment.ts';
import { type Notification, transmit } from './transport.ts';

export interface Message extends Notification {
  /**
   * Told when the message waited and then could not be sent. By default one process warning covers all
   * messages that were lost in the same flush.
   */
  readonly onLost?: (error: unknown) => void;
}

interface WaitingMessage extends Message {
  /** NOTIFY_SOCKET as it was: it may change meanwhile. */
  readonly address: string;
}

/** At most this many messages wait, of at most 4 KiB each. */
const MOST_WAITING = 16_384;

/** And with them this many descriptors, so that a stuck manager does not use up this process's. */
const MOST_WAITING_FDS = 253;

/** So many are sent before the event loop gets its turn. */
const MOST_PER_TURN = 256;

/** The waits between two looks, in milliseconds: from short to long while nothing moves. */
const FIRST_DELAY = 1;
const LONGEST_DELAY = 64;

/** A process that has nothing else to do stays this long, in milliseconds, for a stuck manager. */
const PATIENCE = 5_000;

const waiting: WaitingMessage[] = [];
let timer: NodeJS.Timeout | NodeJS.Immediate | undefined;
let delay = FIRST_DELAY;
let lastProgress = 0;
/** True once the process has begun to exit. */
let ending = false;

/** false when libsystemd has found no address; undefined when nothing can be sent now. */
function trySend(address: string, message: Message): boolean | undefined {
  try {
    return transmit(address, message);
  } catch (error) {
    if (isExhausted(error)) return undefined;
    throw error;
  }
}

/**
 * What waited has nobody to throw to any more. When the process ends, a warning has to be told
 * at once.
 */
function tell(message: string, code: string): void {
  (ending ? warnAtExit : warnSoon)(message, { code });
}

/** One warning stands for all that failed together. */
function warn([first, ...more]: readonly unknown[]): void {
  if (first === undefined) return;
  const also = more.length === 0 ? '' : `, and ${more.length} more`;
  const { message, code } = first as SystemdError;
  tell(`A waiting notification could not be sent${also}: ${message}`, code);
}

/** Whether a message that waited need wait no longer. One that can't be sent at all is lost. */
function deliverLate(message: WaitingMessage, onLost: (error: unknown) => void): boolean {
  const { address } = message;
  try {
    const sent = trySend(address, message);
    if (sent === undefined) return false;
    if (!sent) throw unseen(address);
  } catch (error) {
    const own = Object.hasOwn(message, 'onLost') ? message.onLost : undefined;
    (own ?? onLost)(error);
  }
  for (const fd of message.fds) native().close(fd);
  return true;
}

/** Sends what can be sent now, of at most so many messages, and says how many that were. */
function deliverSome(most: number): number {
  const lost: unknown[] = [];
  let sent = 0;
  for (const message of waiting.slice(0, most)) {
    if (!deliverLate(message, (error) => lost.push(error))) break;
    sent++;
  }
  waiting.splice(0, sent);
  warn(lost);
  return sent;
}

function flush(): void {
  schedule(deliverSome(MOST_PER_TURN) > 0);
}

/** While the manager reads, at once again; while it doesn't, later and later. */
function schedule(progress: boolean): void {
  timer = undefined;
  if (waiting.length === 0) return;
  if (progress) {
    lastProgress = now();
    delay = FIRST_DELAY;
    timer = setImmediate(flush);
    return;
  }
  timer = setTimeout(flush, delay);
  delay = Math.min(delay * 2, LONGEST_DELAY);
  if (now() - lastProgress > PATIENCE) timer.unref();
}

const STUCK =
  'The service manager does not read its notifications, or this process has no descriptor left to send by';

/** What fits is still sent when the process ends. */
function flushAtExit(): void {
  ending = true;
  deliverSome(waiting.length);
  if (waiting.length === 0) return;
  tell(`${STUCK}: ${waiting.length} that waited are lost with this process`, 'ERR_SYSTEMD_LOST');
}

/** Forgets the message that has this `onLost`, where it still waits. */
export function withdraw(onLost: (error: unknown) => void): void {
  const at = waiting.findIndex((message) => message.onLost === onLost);
  if (at < 0) return;
  for (const { fds } of waiting.splice(at, 1)) for (const fd of fds) native().close(fd);
}

/** With copies of the descriptors, for the caller may close its own. */
function withCopies(address: string, messages: readonly Message[]): WaitingMessage[] {
  const copied: number[] = [];
  const copy = (fd: number) => {
    const made = check(native().dup(fd, 3), 'sd_pid_notify_with_fds', fd);
    copied.push(made);
    return made;
  };
  try {
    return messages.map((message) => ({ ...message, address, fds: message.fds.map(copy) }));
  } catch (error) {
    for (const fd of copied) native().close(fd);
    throw error;
  }
}

function full(what: string): SystemdError {
  return new SystemdError('ERR_SYSTEMD_QUEUE_FULL', `${STUCK}, and ${what} are waiting already`);
}

/** The one way in which libsystemd can find no address where there is one. */
function unseen(address: string): SystemdError {
  return runtimeError(
    `libsystemd does not see NOTIFY_SOCKET=${visible(address)}: what Bun, or a worker thread, writes to process.env stays there. Set it for the process that starts this one`,
  );
}

function countFds(messages: readonly Message[]): number {
  return messages.reduce((sum, { fds }) => sum + fds.length, 0);
}

function assertWaitingRoom(messages: readonly Message[]): void {
  if (waiting.length + messages.length > MOST_WAITING) throw full(`${waiting.length}`);
  const fds = countFds(messages);
  if (fds === 0) return; // the many, which need no count of all that wait
  const held = countFds(waiting);
  if (held + fds > MOST_WAITING_FDS) throw full(`${held} descriptors`);
}

function wait(address: string, messages: readonly Message[]): void {
  assertWaitingRoom(messages);
  waiting.push(...withCopies(address, messages));
  if (timer !== undefined) return;
  process.off('exit', flushAtExit).once('exit', flushAtExit);
  lastProgress = now();
  delay = FIRST_DELAY;
  schedule(false);
}

/** Whether this very message waits for the manager to read. */
export function isWaiting(state: string): boolean {
  return waiting.some((message) => message.state === state);
}

/**
 * Sends messages in their order, or lets them wait for their turn; true for both. false when there is
 * no manager. Throws when one can't be sent; of those that have to wait, then none does.
 */
export function send(...messages: readonly Message[]): boolean {
  const address = managerAddress();
  if (address === undefined) return false;
  for (const [i, message] of messages.entries()) {
    const sent = waiting.length > 0 ? undefined : trySend(address, message);
    if (sent === undefined) {
      wait(address, messages.slice(i));
      return true;
    }
    if (!sent) throw unseen(address);
  }
  return true;
}
