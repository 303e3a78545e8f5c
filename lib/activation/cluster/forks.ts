// Announces the descriptors of a primary that has called listenFds() to each cluster worker that the program forks.
//
// For that, cluster.fork() is wrapped. A program that forks no workers need not load node:cluster, so the wrapping
// waits until the module is loaded anyway: by the program, by Node, or because this package forks.
import type { ChildProcess } from 'node:child_process';
import { native } from '../../addon/exports.ts';
import { childProcess, cluster, nodeModule } from '../../base/lazy-builtins.ts';
import { processState } from '../../base/process-state.ts';
import type { InheritedDescriptor } from '../../descriptor/inspect.ts';
import { isForUnixServers } from '../../descriptor/predicates.ts';
import { announcementOf } from './announcement.ts';
import { isClusterLoaded, nodeProcess } from './loaded.ts';
import { serveRequests } from './primary.ts';
import { findLimit, shareDescriptors, sharedDescriptors } from './shared.ts';

const nothing = () => {};

/** Another copy of this package may fork, so the function is in the state of the process. */
const state = processState<{ prepareForks: () => void }>('cluster-forks', () => ({
  prepareForks: nothing,
}));

/** From now on, announces these descriptors to workers, and gives a worker copies of those that it asks for. */
export function shareWithWorkers(descriptors: readonly InheritedDescriptor[]): void {
  shareDescriptors(descriptors);
  if (isClusterLoaded() === false) {
    state.prepareForks = prepareAtFirstSetup();
  } else {
    wrapFork();
    serveWorkers();
  }
}

/** To be called before this package forks a worker. */
export function prepareForks(): void {
  state.prepareForks();
}

/**
 * Prepares the forks when cluster.fork() or cluster.setupPrimary() is called for the first time. Both begin by adding a
 * listener to `process`, which emits 'newListener' before. Returns a function that prepares the forks at once.
 */
function prepareAtFirstSetup(): () => void {
  const prepare = () => {
    nodeProcess().off('newListener', onNewListener);
    state.prepareForks = nothing;
    wrapFork();
    serveWorkers();
  };
  const onNewListener = (event: string | symbol) => {
    if (event !== 'internalMessage') return;
    prepare();
    announceToForkUnderWay();
  };
  nodeProcess().on('newListener', onNewListener);
  return prepare;
}

/** Adds the announcement to the environment of cluster.fork() alone: every child would see it in process.env. */
function wrapFork(): void {
  const node = cluster();
  const { fork } = node;
  node.fork = (env?: object) => fork.call(node, { ...announcementNow(), ...env });
  nodeModule().syncBuiltinESMExports(); // for programs that import { fork }
}

/** Serves the requests of later workers, and of the workers that run already. */
function serveWorkers(): void {
  const node = cluster();
  for (const worker of Object.values(node.workers ?? {})) if (worker) serveRequests(worker);
  node.on('fork', serveRequests);
}

function announcementNow(): Record<string, string> {
  const shared = [...sharedDescriptors().values()].filter((entry) => entry !== undefined);
  for (const entry of shared) findLimit(entry);
  // Node's primary can't open these for its workers, so each worker copies them (pidfd_getfd(2)).
  if (shared.some(({ descriptor }) => isForUnixServers(descriptor))) native().let_children_copy();
  return announcementOf(shared.map(({ descriptor, limit }) => ({ descriptor, limit })));
}

/** The argument of `ChildProcess.prototype.spawn`, which Node does not document. */
interface SpawnOptions {
  readonly envPairs?: string[];
}

/**
 * Adds the announcement to the environment of the worker that a call of cluster.fork() is about to start. The call has
 * begun before cluster.fork() was wrapped, and starts the process before it returns.
 */
function announceToForkUnderWay(): void {
  const { prototype } = childProcess().ChildProcess as unknown as {
    prototype: { spawn(options: SpawnOptions): unknown };
  };
  const { spawn } = prototype;
  const restore = () => {
    if (prototype.spawn === announcingSpawn) prototype.spawn = spawn;
  };
  function announcingSpawn(this: ChildProcess, options: SpawnOptions): unknown {
    restore();
    addAnnouncement(options.envPairs ?? []);
    return spawn.call(this, options);
  }
  prototype.spawn = announcingSpawn;
  process.nextTick(restore); // because cluster.setupPrimary() starts no process
}

/** Adds the announcement to the environment of a worker. Another child, and a worker that has one, gets none. */
function addAnnouncement(envPairs: string[]): void {
  const has = (name: string) => envPairs.some((pair) => pair.startsWith(`${name}=`));
  if (!has('NODE_UNIQUE_ID')) return;
  for (const [name, value] of Object.entries(announcementNow())) {
    if (!has(name)) envPairs.push(`${name}=${value}`);
  }
}
