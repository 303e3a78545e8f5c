// The backlog of a unit's Unix socket where the kernel does not tell it.

import { cluster } from '../base/lazy-builtins.ts';
import { processState } from '../base/process-state.ts';
import { warn } from '../base/warn.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { isWorker } from './cluster/worker.ts';

const state = processState<{ told: boolean }>('unknown-backlog', () => ({ told: false }));

/** Of cluster workers, which all find the same, the first one tells. */
function isFirst(): boolean {
  return !isWorker() || cluster().worker?.id === 1;
}

/**
 * Tells, once a service, that the unit's Backlog= is lost: Node calls listen(2), which sets a backlog anew,
 * and the one to set again can't be asked. Of other sockets the kernel tells it always.
 */
export function warnOfUnknownBacklog(descriptor: InheritedDescriptor): void {
  const isUnix = descriptor.kind === 'socket' && descriptor.family === 'unix';
  if (!isUnix || !descriptor.listening || state.told || !isFirst()) return;
  state.told = true;
  const message = `The kernel does not tell this process the backlog of ${formatDescriptor(descriptor)}, so that Backlog= of its socket unit is lost, and net.core.somaxconn holds`;
  warn(message, {
    code: 'ERR_SYSTEMD_BACKLOG',
    detail:
      'Where Backlog= matters, add AF_NETLINK to RestrictAddressFamilies= of the service, and leave PrivateNetwork= out.',
  });
}
