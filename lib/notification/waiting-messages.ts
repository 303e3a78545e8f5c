// The messages that wait for the service manager, in their order.
//
// A waiting message has copies of its descriptors, because its sender may close the originals.

import { native } from '../addon/exports.ts';
import { check, SystemdError } from '../base/errors.ts';
import type { Message } from './message.ts';

/** A message that waits. Its `fds` are the copies. */
export interface WaitingMessage extends Message {
  /** The message as its sender made it. */
  readonly original: Message;
  /** NOTIFY_SOCKET at the time of the call, because the variable may change meanwhile. */
  readonly address: string;
}

/** No more messages than this may wait. A message has at most 4 KiB. */
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

/** Copies the descriptors of all messages, or throws and leaves no copy. */
function withCopiedFds(address: string, messages: readonly Message[]): WaitingMessage[] {
  const copies: number[] = [];
  const copy = (fd: number) => {
    const copied = check(native().dup(fd, 3), 'sd_pid_notify_with_fds', fd);
    copies.push(copied);
    return copied;
  };
  try {
    return messages.map((message) => ({
      ...message,
      original: message,
      address,
      fds: message.fds.map(copy),
    }));
  } catch (error) {
    closeAll(copies);
    throw error;
  }
}

/** The list of waiting messages. A message enters by add() only, and its removal closes its copies. */
export class WaitingMessages {
  readonly #messages: WaitingMessage[] = [];

  get size(): number {
    return this.#messages.length;
  }

  hasState(state: string): boolean {
    return this.#messages.some((message) => message.state === state);
  }

  /**
   * Appends all of these messages, or none.
   *
   * @throws SystemdError ERR_SYSTEMD_QUEUE_FULL when too many would wait; EBADF, EMFILE when a
   * descriptor can't be copied
   */
  add(address: string, messages: readonly Message[]): void {
    this.#assertRoomFor(messages);
    this.#messages.push(...withCopiedFds(address, messages));
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
    for (const { fds } of this.#messages.splice(index, 1)) closeAll(fds);
  }

  #assertRoomFor(messages: readonly Message[]): void {
    if (this.size + messages.length > MOST_WAITING) throw queueFull(`${this.size} notifications`);
    const fds = countFds(messages);
    // Most messages have no descriptor, and then nobody has to count those of all waiting messages.
    if (fds === 0) return;
    const waitingFds = countFds(this.#messages);
    if (waitingFds + fds > MOST_WAITING_FDS) throw queueFull(`${waitingFds} descriptors`);
  }
}
