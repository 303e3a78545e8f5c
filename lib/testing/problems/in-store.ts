// The problems that a message shows which stores descriptors.
import { isFdName } from '../../base/fd-names.ts';
import { formatCount } from '../../base/format-count.ts';
import { excerpt } from '../../base/validate.ts';
import { inspectNamed } from '../../descriptor/inspect.ts';
import type { UnitDescription } from '../../manager/description.ts';
import { findValue } from '../../manager/message.ts';
import type { StoredDescriptor } from '../../manager/stored.ts';
import type { Message } from '../message.ts';
import { visible } from '../text.ts';
import type { Problem } from './codes.ts';
import { linesOf } from './in-messages.ts';

/** What the fd store held, and what it holds after a message. */
export interface StoreChange {
  readonly message: Message;
  readonly unit: UnitDescription;
  /** How many descriptors were stored before. */
  readonly before: number;
  /** What is stored now, the newest first. */
  readonly stored: readonly StoredDescriptor[];
}

/** Those that the manager drops at once: sockets that are not connected, and neither listen. */
function unconnectedSockets(stored: readonly StoredDescriptor[]): string[] {
  return stored
    .filter(({ poll }) => poll)
    .map(({ fd, name }) => inspectNamed(fd, name))
    .filter((one) => one.kind === 'socket' && one.type === 'stream')
    .filter((one) => one.kind === 'socket' && !one.listening && one.peerAddress === undefined)
    .map(({ name }) => `the stored socket '${name}'`);
}

/** The problems of a message that stores descriptors. */
export function storeProblems({ message, unit, before, stored }: StoreChange): Problem[] {
  const lines = linesOf(message);
  if (message.outcome === 'dropped' || !lines.includes('FDSTORE=1')) return [];
  if (lines.includes('FDSTOREREMOVE=1')) return [];
  const problems: Problem[] = [];
  const name = findValue(lines, 'FDNAME');
  if (name !== undefined && !isFdName(name))
    problems.push({
      code: 'store-name',
      message: `FDNAME=${visible(excerpt(name))} is no valid name, so the descriptor is called 'stored'`,
      hint: 'A name has at most 255 characters of ASCII, and no colon',
    });
  const added = stored.length - before;
  const lost = message.fds - added;
  if (lost > 0) problems.push(notStored(unit, stored.length, lost));
  for (const what of unconnectedSockets(stored.slice(0, Math.max(added, 0))))
    problems.push({
      code: 'store-unconnected',
      message: `${what} is not connected, so the manager drops it at once (EPOLLHUP)`,
      hint: 'Store it with FDPOLL=0, or once it is connected: fdStore.add(name, socket, { poll: false })',
    });
  return problems;
}

function notStored(unit: UnitDescription, after: number, lost: number): Problem {
  const what = formatCount(lost, 'descriptor');
  if (after >= unit.fdStoreMax)
    return {
      code: 'store-full',
      message: `${what} of a message came too many: FileDescriptorStoreMax=${unit.fdStoreMax}`,
      hint:
        unit.fdStoreMax === 0
          ? 'Set FileDescriptorStoreMax= of the unit ({ fdStore: 16 })'
          : 'Remove what is not needed any more (FDSTOREREMOVE=1), or raise FileDescriptorStoreMax=',
    };
  return {
    code: 'store-duplicate',
    message: `${what} of a message is in the store already, and the first name stays`,
    hint: 'Store each descriptor once, or remove it first',
  };
}
