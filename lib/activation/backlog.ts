// The backlog of an inherited listener: how many connections may wait to be accepted. The unit has set it
// (Backlog= of the socket unit), and every listen(2) sets it anew, Node's with 511 by default.
//
// So listen() finds out the unit's backlog (here), gives it to Node (server-kinds/net.ts), and a cluster
// primary sets it back after Node's own listen(2) (cluster/primary.ts).
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

/** All cluster workers find the same, so only the first one warns. */
function isFirstProcess(): boolean {
  return !isWorker() || cluster().worker?.id === 1;
}

/** Warns, once a service, that the unit's backlog is lost. The kernel always tells that of TCP sockets. */
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
 * - the unit's, or `minBacklog` where that is more
 * - the largest, with a warning, where the kernel does not tell the unit's
 *
 * @param limit - the unit's backlog, as the kernel tells it
 * @param minBacklog - the program's backlog; 0 when it asks for none
 */
export function backlogFor(
  descriptor: InheritedDescriptor,
  limit: number | undefined,
  minBacklog: number,
): number {
  if (limit === undefined) warnOfUnknownBacklog(descriptor);
  return Math.max(limit ?? LARGEST_BACKLOG, minBacklog);
}

/** Sets the backlog again after the server listens: Bun's net uses 511, whatever it is given. */
export function restoreBacklog(descriptor: InheritedDescriptor, backlog: number): void {
  if (descriptor.kind === 'socket' && descriptor.listening) native().listen(descriptor.fd, backlog);
}
