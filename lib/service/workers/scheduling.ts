// Who accepts the connections of a cluster: each worker, or the primary for all of them.
import { cluster } from '../../base/lazy-builtins.ts';

/**
 * Makes the workers accept by themselves, unless NODE_CLUSTER_SCHED_POLICY says otherwise. By Node's default the
 * primary accepts connections for its workers. At a stop it would lose those that it has accepted and not handed over
 * yet.
 */
export function letWorkersAccept(): void {
  if (process.env.NODE_CLUSTER_SCHED_POLICY !== undefined) return;
  const node = cluster();
  node.schedulingPolicy = node.SCHED_NONE;
}
