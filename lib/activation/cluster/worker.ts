// The descriptors of the primary, as a cluster worker finds them.
import { cluster } from '../../base/lazy-builtins.ts';
import type { InheritedDescriptor } from '../../descriptor/inspect.ts';
import { hasAnnouncement, takeAnnouncement } from './announcement.ts';
import { inspectPrimary } from './inspect-primary.ts';
import { isClusterLoaded } from './loaded.ts';

/** What a worker knows about a descriptor of its primary. */
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
 * True in a cluster worker. Neither a process without a channel to a parent is one, nor one in which Node has not
 * loaded node:cluster itself. They need not load the module, which some runtimes lack, to find that out.
 */
export function isWorker(): boolean {
  return process.channel !== undefined && isClusterLoaded() !== false && cluster().isWorker;
}

/** True in a worker whose primary was passed descriptors, or may have been. */
export function mayHavePrimaryDescriptors(): boolean {
  return (hasAnnouncement() || process.env.LISTEN_PID !== undefined) && isWorker();
}

/**
 * The descriptors of the primary:
 * - the primary has called listenFds(), and so announced its descriptors: these
 * - it has not: the descriptors that were passed to it, according to LISTEN_FDS
 * - undefined: no descriptors were passed to the primary
 */
export function descriptorsOfPrimary(): readonly PrimaryDescriptor[] | undefined {
  const announced = takeAnnouncement();
  if (announced !== undefined) return announced.map((known) => ({ ...known, isAnnounced: true }));
  if (process.env.LISTEN_PID !== String(process.ppid)) return undefined;
  return inspectPrimary().map((known) => ({ ...known, isAnnounced: false }));
}
