// The messages that wait for the service manager, in their order.
//
// A waiting message has copies of its descriptors, because its sender may close the originals. Of the
// messages that a service sends again and again only the last one waits.

import { native } from '../addon/exports.ts';
import { resultOrThrow, SystemdError } from '../base/errors.ts';
import { type Message, NO_FDS } from './message.ts';
import { type Kind, mergeStates, replaceableKind } from './replaceable.ts';

/**
 * A message that waits. It is one small object, because thousands may wait, and the garbage collector
 * stops the program for as long as it takes to copy them.
 */
export interface WaitingMessage {
  readonly pid: number;
  readonly state: string;
  /** The copies. */
  readonly fds: readonly number[];
  /** NOTIFY_SOCKET at the time of the call, because the variable may change meanwhile. */
  readonly address: string;
  /** What the message says, when a newer message may replace this one. */
  readonly kind: Kind | undefined;
  /** The message as its sender made it, when the sender may remove it or wants to know of its loss. */
  readonly original: Message | undefined;
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

function countFds(messages: readonly { readonly fds: readonly number[] }[]): number {
  return messages.reduce((sum, { fds }) => sum + fds.length, 0);
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) native().close(fd);
}

function entryOf(message: Message, address: string, fds: readonly number[]): WaitingMessage {
  const { pid, state } = message;
  const original = Object.hasOwn(message, 'onLost') ? message : undefined;
  return { pid, state, fds, address, kind: replaceableKind(message), original };
}

/** Copies the descriptors of all messages, or throws and leaves no copy. Returns a list for each message. */
function copyFds(messages: readonly Message[]): number[][] {
  const copies: number[] = [];
  const copy = (fd: number) => {
    const copied = resultOrThrow(native().dup(fd, 3), 'sd_pid_notify_with_fds', fd);
    copies.push(copied);
    return copied;
  };
  try {
    return messages.map(({ fds }) => fds.map(copy));
  } catch (error) {
    closeAll(copies);
    throw error;
  }
}

/** One message with the effect of both, when they are replaceable and there is such a message. */
function merge(older: WaitingMessage, newer: WaitingMessage): WaitingMessage | undefined {
  const { kind, pid, address } = newer;
  if (kind === undefined || older.kind !== kind) return undefined;
  if (older.pid !== pid || older.address !== address) return undefined;
  return { ...newer, state: mergeStates(kind, older.state, newer.state) };
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
    const known = this.#messages.at(-1)?.address;
    // `process.env` makes a new string at each read. One string for all needs less memory.
    const shared = address === known ? known : address;
    const fdCount = countFds(messages);
    this.#assertRoomFor(messages, fdCount);
    const copies = fdCount === 0 ? undefined : copyFds(messages);
    for (let i = 0; i < messages.length; i++) {
      this.#append(entryOf(messages[i] as Message, shared, copies?.[i] ?? NO_FDS));
    }
  }

  /**
   * Hands over at most `most` messages, the oldest first, and removes them. Stops at the first message
   * that `deliver` returns false for: it goes on waiting, and so do all behind it.
   *
   * @returns how many were handed over
   */
  handOver(most: number, deliver: (message: WaitingMessage) => boolean): number {
    let count = 0;
    for (const message of this.#messages) {
      if (count === most || !deliver(message)) break;
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
    for (let i = this.size - 1; message.kind !== undefined && i >= 0; i--) {
      const waiting = this.#messages[i] as WaitingMessage;
      if (waiting.kind === undefined) break;
      const merged = merge(waiting, message);
      if (merged === undefined) continue;
      this.#messages[i] = merged;
      return;
    }
    this.#messages.push(message);
  }

  #assertRoomFor(messages: readonly Message[], fdCount: number): void {
    if (this.size + messages.length > MOST_WAITING) {
      const others = messages.filter((message) => replaceableKind(message) === undefined);
      const isFull = others.length > 0 && this.size + others.length > MOST_WAITING;
      if (isFull) throw queueFull(`${this.size} notifications`);
    }
    // Most messages have no descriptor, and then nobody has to count those of all waiting messages.
    if (fdCount === 0) return;
    const waitingFds = countFds(this.#messages);
    if (waitingFds + fdCount > MOST_WAITING_FDS) throw queueFull(`${waitingFds} descriptors`);
  }
}
