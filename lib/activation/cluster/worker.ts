// In a cluster worker: the descriptors of its primary.
import { cluster } from '../../base/lazy-builtins.ts';
import type { InheritedDescriptor } from '../../descriptor/inspect.ts';
import { hasAnnouncement, takeAnnouncement } from './announcement.ts';
import { inspectPrimary } from './inspect-primary.ts';

/** What a worker knows of a descriptor of its primary. */
export interface PrimaryDescriptor {
  readonly descriptor: InheritedDescriptor;
  /** The limit of its accept queue, which the unit has set; undefined when the kernel does not tell it. */
  readonly limit?: number | undefined;
  /**
   * True when the primary has announced the descriptor, and so opens it for its workers. On a descriptor
   * that the worker has found by itself, the worker listens by a copy.
   */
  readonly isAnnounced: boolean;
}

/**
 * True in a cluster worker. A process without a channel to a parent is none: node:cluster need not be
 * loaded, nor exist, to find that out.
 */
export function isWorker(): boolean {
  return process.channel !== undefined && cluster().isWorker;
}

/** True in a worker whose primary was passed descriptors, or may have been. */
export function mayHavePrimaryDescriptors(): boolean {
  return (hasAnnouncement() || process.env.LISTEN_PID !== undefined) && isWorker();
}

/**
 * The descriptors of the primary:
 * - those that it has announced, because it called listenFds()
 * - else those that LISTEN_* says were passed to it
 * - undefined when it was passed none
 */
export function descriptorsOfPrimary(): readonly PrimaryDescriptor[] | undefined {
  const announced = takeAnnouncement();
  if (announced !== undefined) return announced.map((one) => ({ ...one, isAnnounced: true }));
  if (process.env.LISTEN_PID !== String(process.ppid)) return undefined;
  return inspectPrimary().map((one) => ({ ...one, isAnnounced: false }));
}
