// The backlog of an inherited listener: how many connections may wait to be accepted. The unit has set it
// (Backlog= of the socket unit), and every later listen(2) replaces it; Node calls listen(2) with 511 by default.
//
// So listen() finds out the unit's backlog (here) and gives it to Node (server-kinds/net.ts). A cluster primary
// restores it after Node's own listen(2) (cluster/primary.ts).
import { native } from '../addon/exports.ts';
import { cluster } from '../base/lazy-builtins.ts';
import { processState } from '../base/process-state.ts';
import { warn } from '../base/warn.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { isWorker } from './cluster/worker.ts';

/** The largest int. The kernel caps it to net.core.somaxconn. */
export const LARGEST_BACKLOG = 0x7fff_ffff;

const state = processState<{ hasWarned: boolean }>('unknown-backlog', () => ({ hasWarned: false }));

/** False in all cluster workers but the first: all of them would give the same warning. */
function isFirstProcess(): boolean {
  return !isWorker() || cluster().worker?.id === 1;
}

/** Warns, once in a service, that the unit's backlog is lost. The kernel tells the backlog of every TCP socket. */
function warnOfUnknownBacklog(descriptor: InheritedDescriptor): void {
  const isUnix = descriptor.kind === 'socket' && descriptor.family === 'unix';
  if (!isUnix || !descriptor.listening || state.hasWarned || !isFirstProcess()) return;
  state.hasWarned = true;
  const message = `The kernel does not tell this process the backlog of ${formatDescriptor(descriptor)}, so that Backlog= of its socket unit is lost, and net.core.somaxconn holds`;
  warn(message, {
    code: 'ERR_SYSTEMD_BACKLOG',
    detail:
      'Where Backlog= matters, add AF_NETLINK to RestrictAddressFamilies= of the service, and leave PrivateNetwork= out.',
  });
}

/**
 * The backlog that a server listens with:
 * - the backlog of the unit, or `minBacklog` if that is larger
 * - the largest possible, with a warning, when the kernel does not tell the backlog of the unit
 *
 * @param limit - the backlog of the unit; undefined when the kernel does not tell it
 * @param minBacklog - the backlog that the program has chosen; 0 when it has chosen none
 */
export function backlogFor(
  descriptor: InheritedDescriptor,
  limit: number | undefined,
  minBacklog: number,
): number {
  if (limit === undefined) warnOfUnknownBacklog(descriptor);
  return Math.max(limit ?? LARGEST_BACKLOG, minBacklog);
}

/** Sets the backlog again after the server listens, because Bun's net ignores the given one and uses 511. */
export function restoreBacklog(descriptor: InheritedDescriptor, backlog: number): void {
  if (descriptor.kind === 'socket' && descriptor.listening) native().listen(descriptor.fd, backlog);
}
