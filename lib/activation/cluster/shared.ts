// The descriptors that a cluster primary shares with its workers, by their numbers.
import { processState } from '../../base/process-state.ts';
import { acceptQueue } from '../../descriptor/accept-queue.ts';
import type { InheritedDescriptor } from '../../descriptor/inspect.ts';

/** A descriptor that workers may ask for. */
export interface SharedDescriptor {
  readonly descriptor: InheritedDescriptor;
  /**
   * The limit of its accept queue: the backlog of the unit, or a larger one that a worker asked for. undefined until
   * it is known.
   */
  limit: number | undefined;
  /** The copies that Node's primary has open: one for each server, which several workers may have. */
  readonly copies: Map<string, SharedCopy>;
}

/** A copy of a shared descriptor. */
export interface SharedCopy {
  readonly fd: number;
  /** The ids of the workers that listen on the copy. Node closes the copy when the last of them has gone. */
  readonly workers: Set<number>;
}

interface Added {
  descriptors: readonly InheritedDescriptor[];
}

/**
 * The descriptors that are not in the map yet: most processes have no workers, and some have a thousand descriptors.
 */
const added = processState<Added>('cluster-added', () => ({ descriptors: [] }));

/** The shared descriptors, by number. The value is undefined for a descriptor that is no longer shared. */
export function sharedDescriptors(): Map<number, SharedDescriptor | undefined> {
  const shared = processState('cluster', () => new Map<number, SharedDescriptor | undefined>());
  for (const descriptor of added.descriptors) {
    shared.set(descriptor.fd, { descriptor, limit: undefined, copies: new Map() });
  }
  added.descriptors = [];
  return shared;
}

/** From now on workers may ask for these descriptors. */
export function shareDescriptors(descriptors: readonly InheritedDescriptor[]): void {
  added.descriptors = descriptors;
}

/** From now on this descriptor has another owner, who may close it: workers no longer get it. */
export function stopSharing({ fd }: { readonly fd: number }): void {
  if (sharedDescriptors().has(fd)) sharedDescriptors().set(fd, undefined);
}

/** True when a worker listens on this descriptor. */
export function hasWorkers({ fd }: { readonly fd: number }): boolean {
  return (sharedDescriptors().get(fd)?.copies.size ?? 0) > 0;
}

/** Asks the kernel for the limit of the accept queue, unless it is known. */
export function findLimit(shared: SharedDescriptor): void {
  try {
    shared.limit ??= acceptQueue(shared.descriptor.fd)?.limit;
  } catch {
    // Other code has closed the descriptor, or none is left to ask the kernel by. The next fork asks again.
  }
}
