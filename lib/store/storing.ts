// Storing: the messages that add to the fd store of the service manager, and remove from it.
import { listenFds } from '../activation/environment.ts';
import { markRemoved } from '../activation/inherited.ts';
import { native } from '../addon/exports.ts';
import { managerAddress } from '../notification/manager-environment.ts';
import type { Message } from '../notification/message.ts';
import { sendOrQueue } from '../notification/queue.ts';
import { fdNameLine } from './fd-name.ts';
import { createSealed } from './sealed-memfd.ts';

function storeMessage(name: string, fd: number, poll: boolean): Message {
  const state = `FDSTORE=1\n${fdNameLine(name)}${poll ? '' : '\nFDPOLL=0'}`;
  return { pid: 0, state, fds: [fd] };
}

function removeMessage(name: string): Message {
  return { pid: 0, state: `FDSTOREREMOVE=1\n${fdNameLine(name)}`, fds: [] };
}

/**
 * Remembers that the manager no longer stores what the previous process had stored under this name.
 * Names that nothing was inherited by are not remembered, so a service may use any number of names.
 */
function recordRemoval(name: string): void {
  try {
    if (listenFds(name).length > 0) markRemoved(name);
  } catch {
    // When the descriptors can't be listed, they can't be taken either. Without a record, a later
    // taking removes them from the store once more, which does no harm.
  }
}

/** Stores a copy of the descriptor. False without a manager. */
export function storeFd(name: string, fd: number, poll: boolean): boolean {
  return sendOrQueue(storeMessage(name, fd, poll));
}

/** Makes the manager close everything that it stores under this name. False without a manager. */
export function removeFromStore(name: string): boolean {
  const isAccepted = sendOrQueue(removeMessage(name));
  if (isAccepted) recordRemoval(name);
  return isAccepted;
}

/**
 * Stores the bytes in a sealed memory file, in place of everything under this name. False without a
 * manager.
 */
export function storeBytes(name: string, bytes: Uint8Array): boolean {
  if (managerAddress() === undefined) return false;
  const fd = createSealed(name, bytes);
  try {
    // A memory file has no other side that could hang up, so there is nothing to poll.
    const isAccepted = sendOrQueue(removeMessage(name), storeMessage(name, fd, false));
    if (isAccepted) recordRemoval(name);
    return isAccepted;
  } finally {
    native().close(fd);
  }
}
