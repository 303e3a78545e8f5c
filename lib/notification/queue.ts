// The queue of messages to the service manager, so that no call has to wait for the manager.
//
// Messages wait here while the manager's socket is full, or while this process has no free descriptor
// to send them with. A timer sends them later, in their order.

import { now } from '../base/clock.ts';
import { isExhausted, type SystemdError } from '../base/errors.ts';
import { runtimeError } from '../base/other-runtimes.ts';
import { escapeUnprintable } from '../base/printable.ts';
import { type WarningCode, warn, warnAtExit } from '../base/warn.ts';
import { managerAddress } from './manager-environment.ts';
import type { Message } from './message.ts';
import { type Transmission, transmit } from './transport.ts';
import { type WaitingMessage, WaitingMessages, WHY_MESSAGES_WAIT } from './waiting-messages.ts';

/** After this many messages the event loop gets its turn. */
const MOST_PER_TURN = 256;

/** Milliseconds between two attempts to send. Each attempt without a success doubles the delay. */
const FIRST_DELAY = 1;
const LONGEST_DELAY = 64;

/** Milliseconds that a process with nothing else to do stays alive for a manager that does not read. */
const PATIENCE = 5_000;

const waiting = new WaitingMessages();
let timer: NodeJS.Timeout | NodeJS.Immediate | undefined;
let delay = FIRST_DELAY;
let lastProgress = 0;
/** True once the process has begun to exit. */
let isExiting = false;

/** As transmit(), but a lack of descriptors or memory is no error: a later attempt may succeed. */
function tryTransmit(address: string, message: Message): Transmission {
  try {
    return transmit(address, message);
  } catch (error) {
    if (isExhausted(error)) return 'full';
    throw error;
  }
}

/** The error when libsystemd finds no address although `process.env` has one. */
function unseenAddress(address: string): SystemdError {
  return runtimeError(
    `libsystemd does not see NOTIFY_SOCKET=${escapeUnprintable(address)} of process.env, because Bun, and a worker thread, change a copy of the environment only. Set the variable in the process that starts this one`,
  );
}

/** The sender's call has returned long ago, so a warning is the only way to report a failure. */
function warnOfLoss(message: string, code: WarningCode): void {
  if (isExiting) warnAtExit(message, { code });
  else warn(message, { code });
}

/** One warning covers all messages that were lost in the same flush. */
function warnOfErrors(errors: readonly unknown[]): void {
  if (errors.length === 0) return;
  const { message, code } = errors[0] as Error & { readonly code: WarningCode };
  const what =
    errors.length === 1
      ? 'A waiting notification could not be sent'
      : `${errors.length} waiting notifications could not be sent. The first error`;
  warnOfLoss(`${what}: ${message}`, code);
}

/** Returns false when the message has to go on waiting. A message that can't be sent at all is lost. */
function sendWaiting(message: WaitingMessage, onLost: (error: unknown) => void): boolean {
  const { address } = message;
  try {
    const transmission = tryTransmit(address, message);
    if (transmission === 'full') return false;
    if (transmission === 'unseen') throw unseenAddress(address);
  } catch (error) {
    (message.original?.onLost ?? onLost)(error);
  }
  return true;
}

/** Sends at most `most` waiting messages, and returns how many do not wait any more. */
function flush(most: number): number {
  const errors: unknown[] = [];
  const count = waiting.handOver(most, (message) =>
    sendWaiting(message, (error) => errors.push(error)),
  );
  warnOfErrors(errors);
  return count;
}

function flushLater(): void {
  const hasProgress = flush(MOST_PER_TURN) > 0;
  timer = undefined;
  if (waiting.size > 0) schedule(hasProgress);
}

/** The next attempt is at once while the manager reads, and later each time while it does not. */
function schedule(hasProgress: boolean): void {
  if (hasProgress) {
    lastProgress = now();
    delay = FIRST_DELAY;
    timer = setImmediate(flushLater);
    return;
  }
  timer = setTimeout(flushLater, delay);
  delay = Math.min(delay * 2, LONGEST_DELAY);
  if (now() - lastProgress > PATIENCE) timer.unref();
}

/** At the exit of the process every message is sent that the manager's socket has room for. */
function flushAtExit(): void {
  isExiting = true;
  flush(waiting.size);
  if (waiting.size === 0) return;
  const lost = waiting.size === 1 ? '1 notification is' : `${waiting.size} notifications are`;
  warnOfLoss(
    `${lost} lost, because the process ends while ${WHY_MESSAGES_WAIT}`,
    'ERR_SYSTEMD_LOST',
  );
}

function wait(address: string, messages: readonly Message[]): void {
  waiting.add(address, messages);
  if (timer !== undefined) return;
  process.off('exit', flushAtExit).once('exit', flushAtExit);
  lastProgress = now();
  delay = FIRST_DELAY;
  schedule(false);
}

/**
 * Sends messages in their order. All messages from the first that can't be sent now wait in the queue.
 *
 * @returns
 * - true: every message is sent or waits
 * - false: there is no manager
 * @throws SystemdError when a message can't be sent, now or later, or when there is no room in the
 * queue. Of the messages that would have to wait, either all do or none
 */
export function sendOrQueue(...messages: readonly Message[]): boolean {
  const address = managerAddress();
  if (address === undefined) return false;
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i] as Message;
    const transmission = waiting.size > 0 ? 'full' : tryTransmit(address, message);
    if (transmission === 'full') {
      wait(address, i === 0 ? messages : messages.slice(i));
      return true;
    }
    if (transmission === 'unseen') throw unseenAddress(address);
  }
  return true;
}

/**
 * Removes a message from the queue. Does nothing once the message is sent.
 *
 * @param message - the same object that sendOrQueue() was called with
 */
export function removeFromQueue(message: Message): void {
  waiting.remove(message);
}
