// The messages that wait for the service manager, in their order.
//
// A waiting message has copies of its descriptors, because its sender may close the originals. Of the
// messages that a service sends again and again only the last one waits.

import { native } from '../addon/exports.ts';
import { resultOrThrow, SystemdError } from '../base/errors.ts';
import type { Message } from './message.ts';
import { isReplaceable, mergeStates } from './replaceable.ts';

/** A message that waits. Its `fds` are the copies. */
export interface WaitingMessage extends Message {
  /** The message as its sender made it. */
  readonly original: Message;
  /** NOTIFY_SOCKET at the time of the call, because the variable may change meanwhile. */
  readonly address: string;
  /** True when a newer message may replace this one. */
  readonly isReplaceable: boolean;
}

/**
 * No more messages than this may wait, beside the replaceable ones behind them. A message has at most
 * 4 KiB.
 */
const MOST_WAITING = 16_384;

/** No more descriptors than this may wait, so that a stuck manager does not use up all that are left. */
const MOST_WAITING_FDS = 253;

/** The end of error messages and warnings. */
export const WHY_MESSAGES_WAIT =
  'the service manager does not read its notifications, or this process has no free descriptor to send them with';

function queueFull(waiting: string): SystemdError {
  return new SystemdError(
    'ERR_SYSTEMD_QUEUE_FULL',
    `The notification can't wait, because ${waiting} are waiting already: ${WHY_MESSAGES_WAIT}`,
  );
}

function countFds(messages: readonly Message[]): number {
  return messages.reduce((sum, { fds }) => sum + fds.length, 0);
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) native().close(fd);
}

/** One array for all waiting messages without descriptors, so that they need less memory. */
const NO_FDS: readonly number[] = [];

/** Copies the descriptors of all messages, or throws and leaves no copy. */
function withCopiedFds(address: string, messages: readonly Message[]): WaitingMessage[] {
  const copies: number[] = [];
  const copy = (fd: number) => {
    const copied = resultOrThrow(native().dup(fd, 3), 'sd_pid_notify_with_fds', fd);
    copies.push(copied);
    return copied;
  };
  try {
    return messages.map((message) => ({
      ...message,
      original: message,
      address,
      fds: message.fds.length === 0 ? NO_FDS : message.fds.map(copy),
      isReplaceable: isReplaceable(message),
    }));
  } catch (error) {
    closeAll(copies);
    throw error;
  }
}

/** One message with the effect of both, when they are replaceable and there is such a message. */
function merge(older: WaitingMessage, newer: WaitingMessage): WaitingMessage | undefined {
  if (older.pid !== newer.pid || older.address !== newer.address) return undefined;
  const state = mergeStates(older.state, newer.state);
  return state === undefined ? undefined : { ...newer, state };
}

/** The list of waiting messages. A message enters by add() only, and its removal closes its copies. */
export class WaitingMessages {
  readonly #messages: WaitingMessage[] = [];

  get size(): number {
    return this.#messages.length;
  }

  /**
   * Appends all of these messages, or none. There is always room for a replaceable message, because few
   * of them wait behind the last message that is not replaceable.
   *
   * @throws SystemdError ERR_SYSTEMD_QUEUE_FULL when too many would wait; EBADF, EMFILE when a
   * descriptor can't be copied
   */
  add(address: string, messages: readonly Message[]): void {
    this.#assertRoomFor(messages.filter((message) => !isReplaceable(message)));
    for (const message of withCopiedFds(address, messages)) this.#append(message);
  }

  /**
   * Hands over at most `most` messages, the oldest first, and removes them. Stops at the first message
   * that `deliver` returns false for: it goes on waiting, and so do all behind it.
   *
   * @returns how many were handed over
   */
  handOver(most: number, deliver: (message: WaitingMessage) => boolean): number {
    let count = 0;
    for (const message of this.#messages.slice(0, most)) {
      if (!deliver(message)) break;
      closeAll(message.fds);
      count++;
    }
    this.#messages.splice(0, count);
    return count;
  }

  /** Removes this message if it waits. */
  remove(original: Message): void {
    const index = this.#messages.findIndex((message) => message.original === original);
    if (index < 0) return;
    const behind = this.#messages.splice(index + 1);
    closeAll(this.#messages.pop()?.fds ?? NO_FDS);
    // A status before the removed message may be replaced by one behind it now.
    for (const message of behind) this.#append(message);
  }

  /**
   * Appends a message, or merges it with a replaceable one. Nothing moves past a message that is not
   * replaceable: a barrier is passed only after every earlier status, and READY=1 stays between the
   * status before it and the status after it.
   */
  #append(message: WaitingMessage): void {
    for (let i = this.size - 1; message.isReplaceable && i >= 0; i--) {
      const waiting = this.#messages[i] as WaitingMessage;
      if (!waiting.isReplaceable) break;
      const merged = merge(waiting, message);
      if (merged === undefined) continue;
      this.#messages[i] = merged;
      return;
    }
    this.#messages.push(message);
  }

  #assertRoomFor(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    if (this.size + messages.length > MOST_WAITING) throw queueFull(`${this.size} notifications`);
    const fds = countFds(messages);
    // Most messages have no descriptor, and then nobody has to count those of all waiting messages.
    if (fds === 0) return;
    const waitingFds = countFds(this.#messages);
    if (waitingFds + fds > MOST_WAITING_FDS) throw queueFull(`${waitingFds} descriptors`);
  }
}
