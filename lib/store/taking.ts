// Taking: inherited descriptors become the caller's, and the service manager closes its copies.

import { primaryDescriptorOf } from '../activation/activation.ts';
import { stopSharing } from '../activation/cluster/shared.ts';
import { listenFd, listenFds } from '../activation/listen-fds.ts';
import { hasListener, isRemoved, isTaken, markTaken } from '../activation/ownership.ts';
import { native } from '../addon/exports.ts';
import { SystemdError } from '../base/errors.ts';
import { isMainThread } from '../base/main-thread.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import { type InheritedDescriptor, inspectNamed } from '../descriptor/inspect.ts';
import { isForServers } from '../descriptor/predicates.ts';
import { isSealed, readSealed } from './sealed-memfd.ts';
import { removeFromStore } from './storing.ts';

/**
 * Throws when the descriptor is not this thread's or this process's to close: the list of a cluster
 * worker is the primary's, and the list of a worker thread is the main thread's.
 */
function assertOwned(descriptor: InheritedDescriptor): void {
  const isInThread = !isMainThread();
  if (!isInThread && primaryDescriptorOf(descriptor) === undefined) return;
  const owner = isInThread ? 'the main thread' : "the cluster's primary";
  throw new SystemdError(
    isInThread ? 'ERR_SYSTEMD_THREAD' : 'ERR_SYSTEMD_CLUSTER',
    `Only ${owner} can take ${formatDescriptor(descriptor)}: call fdStore there`,
  );
}

/**
 * Leaves out what is for a server, because a stored descriptor may have the same name as a socket of
 * the unit, for example when users choose the names. A socket that a server listens on is never taken.
 * A socket for servers is taken only when nothing else has this name.
 */
function withoutServerSockets(descriptors: readonly InheritedDescriptor[]) {
  const unused = descriptors.filter((descriptor) => !hasListener(descriptor));
  const others = unused.filter((descriptor) => !isForServers(descriptor));
  return others.length > 0 ? others : unused;
}

/** The inherited descriptors of this name that can be taken, and were not taken before. */
function takeable(name: string): readonly InheritedDescriptor[] {
  const untaken = listenFds(name).filter((descriptor) => !isTaken(descriptor));
  const descriptors = withoutServerSockets(untaken);
  if (descriptors[0] !== undefined) assertOwned(descriptors[0]);
  return descriptors;
}

/** Sends the removal first: when that throws, nothing is taken, and the caller can try again. */
function markAsTaken(name: string, descriptors: readonly InheritedDescriptor[]): void {
  if (!isRemoved(name)) removeFromStore(name);
  markTaken(descriptors);
  for (const descriptor of descriptors) stopSharing(descriptor);
}

/** Takes all descriptors of this name. */
export function takeFds(name: string): readonly InheritedDescriptor[] {
  const descriptors = takeable(name);
  if (descriptors.length > 0) markAsTaken(name, descriptors);
  return descriptors;
}

function assertSealed({ fd, name }: InheritedDescriptor): void {
  if (isSealed(fd)) return;
  const found = formatDescriptor(inspectNamed(fd, name));
  const message = `Expected a sealed memory file, as fdStore.save() stores, and got ${found}: use fdStore.take() for it`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd });
}

/**
 * Takes the sealed memory file of this name, reads its bytes, and closes it. undefined when there is
 * none.
 */
export function takeBytes(name: string): Uint8Array | undefined {
  const descriptors = takeable(name);
  const files = descriptors.filter(({ kind }) => kind === 'file');
  const descriptor = files[0] ?? descriptors[0];
  if (descriptor === undefined) return undefined;
  if (files.length > 1) listenFd(name); // throws ERR_SYSTEMD_FD_COUNT, which lists them all
  assertSealed(descriptor);
  const bytes = readSealed(descriptor.fd);
  markAsTaken(name, [descriptor]);
  native().close(descriptor.fd);
  return bytes;
}
