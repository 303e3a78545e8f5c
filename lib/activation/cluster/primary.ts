// The primary's descriptors in its cluster workers.
//
// Node's cluster takes `listen({ fd })` in a worker as a descriptor of the primary's, which opens it,
// shares it, and closes it when the last worker has gone. So a worker must know what the primary was
// passed, and the primary must open a copy. A primary that has called listenFds() tells each worker by
// its environment, and gives Node a copy whenever a worker asks for a descriptor. Of one that hasn't, a
// worker reads LISTEN_* itself and listens on copies of its own, by pidfd_getfd(2), where the kernel
// lets it.

import type { Worker } from 'node:cluster';
import { native } from '../../addon/exports.ts';
import { cluster, nodeModule } from '../../base/lazy-builtins.ts';
import { processState } from '../../base/process-state.ts';
import { acceptQueue } from '../../descriptor/accept-queue.ts';
import { toJson } from '../../descriptor/address-json.ts';
import { type Descriptor, type InheritedDescriptor, inspect } from '../../descriptor/inspect.ts';
import { isSame } from '../../descriptor/predicates.ts';
import { asciiOf, inVariables, type WorkerListing } from './listing.ts';

/** In the primary: a descriptor that workers may ask for. */
interface Shared {
  readonly descriptor: InheritedDescriptor;
  /** The accept queue's limit, once it is known: the unit's, or more where a worker asked for more. */
  limit: number | undefined;
  /** The copies that Node's primary has open, one for each of the servers of a worker. */
  readonly copies: Map<string, Copy>;
}

interface Copy {
  readonly fd: number;
  /** The workers that listen by it: with the last of them Node closes it. */
  readonly workers: Set<number>;
}

/** What Node's workers tell their primary, beside the program's messages. Node does not document it. */
interface NodeMessage {
  readonly cmd?: unknown;
  readonly act?: unknown;
  /** Of `queryServer`: which descriptor the worker asks for. */
  fd?: unknown;
  /** Of `queryServer`: which of the worker's servers asks for it. */
  readonly index?: unknown;
  readonly addressType?: unknown;
  /** Of `queryServer`: what the worker would call listen(2) with. */
  readonly backlog?: unknown;
  /** Of `close`: the server, in Node's words. They have the descriptor's number and the index at the end. */
  readonly key?: unknown;
}

/** What Node calls listen(2) with when it is not told. */
const NODE_BACKLOG = 511;

/** A number that no descriptor has, so that Node's primary refuses to open it. */
const NO_FD = 0x7fff_ffff;

/** In the primary, by number: what its workers may ask for; undefined when that has got an owner. */
function sharedDescriptors(): Map<number, Shared | undefined> {
  return processState('cluster', () => new Map<number, Shared | undefined>());
}

/** In the primary: lets future workers know of these, and opens copies for those that ask. */
export function shareWithWorkers(descriptors: readonly InheritedDescriptor[]): void {
  const shared = sharedDescriptors();
  for (const descriptor of descriptors) {
    shared.set(descriptor.fd, { descriptor, limit: undefined, copies: new Map() });
  }
  tellForks();
  cluster().on('fork', answer);
}

/** In the primary: this descriptor has another owner now, who may close it. */
export function stopSharing({ fd }: { readonly fd: number }): void {
  if (sharedDescriptors().has(fd)) sharedDescriptors().set(fd, undefined);
}

/** In the primary: whether a worker listens on it. */
export function hasWorkers({ fd }: { readonly fd: number }): boolean {
  return (sharedDescriptors().get(fd)?.copies.size ?? 0) > 0;
}

/**
 * cluster.fork() gives workers one more variable. It is not in process.env, because then each child of
 * the service would get it too.
 */
function tellForks(): void {
  const node = cluster();
  const { fork } = node;
  node.fork = (env?: object) => fork.call(node, { ...environmentOfWorker(), ...env });
  nodeModule().syncBuiltinESMExports(); // for programs that import { fork }
}

function environmentOfWorker(): Record<string, string> {
  const shared = [...sharedDescriptors().values()].filter((one) => one !== undefined);
  for (const one of shared) findLimit(one);
  const told: WorkerListing = {
    pid: process.pid,
    shared: shared.map(({ descriptor, limit }) => ({ descriptor, ...(limit && { limit }) })),
  };
  return inVariables(asciiOf(toJson(told)));
}

/** Where it can't be asked now, it is asked at the next fork. */
function findLimit(shared: Shared): void {
  try {
    shared.limit ??= acceptQueue(shared.descriptor.fd)?.limit;
  } catch {
    // Closed by other code, or no descriptor is left to ask by.
  }
}

/** In the primary: before Node answers a worker that asks for a descriptor, it gets a copy's number. */
function answer(worker: Worker): void {
  const { process: child, id } = worker;
  let asked: Shared | undefined;
  const before = (message: NodeMessage) => {
    if (message?.cmd !== 'NODE_CLUSTER') return;
    asked = sharedDescriptors().get(message.fd as number);
    if (message.act === 'queryServer' && !worker.exitedAfterDisconnect) giveCopy(id, message);
    if (message.act === 'close') forget(id, numberIn(message.key));
  };
  // What Node has just opened, it or the worker has called listen(2) on, perhaps with another backlog.
  const after = (message: NodeMessage) => {
    if (message?.cmd !== 'NODE_CLUSTER') return;
    if (message.act === 'queryServer' || message.act === 'listening') keepBacklog(asked);
  };
  child.prependListener('internalMessage', before);
  child.on('internalMessage', after);
  child.prependListener('disconnect', () => forget(id));
}

function giveCopy(worker: number, message: NodeMessage): void {
  const { fd, index, addressType, backlog } = message;
  if (typeof fd !== 'number' || !sharedDescriptors().has(fd)) return;
  const shared = sharedDescriptors().get(fd);
  const copy = shared && copyFor(shared, `${addressType}:${index}`);
  copy?.workers.add(worker);
  message.fd = copy?.fd ?? NO_FD;
  if (shared?.limit !== undefined && typeof backlog === 'number') {
    shared.limit = Math.max(shared.limit, backlog);
  }
}

/** One that Node has open already, or a new one; undefined when that can't be made. */
function copyFor({ descriptor, copies }: Shared, server: string): Copy | undefined {
  const known = copies.get(server);
  if (known !== undefined && stillIs(known.fd, descriptor)) return known;
  const fd = stillIs(descriptor.fd, descriptor) ? native().dup(descriptor.fd, 3) : -1;
  if (fd < 0) return undefined;
  native().release(fd); // Node will close it
  const copy = { fd, workers: new Set<number>() };
  copies.set(server, copy);
  return copy;
}

/** Whether the number is still that of what was passed: other code may have closed it. */
function stillIs(fd: number, descriptor: Descriptor): boolean {
  try {
    return native().file_type(fd) >= 0 && isSame(inspect(fd), descriptor);
  } catch {
    return false;
  }
}

/** What a worker no longer listens by, or all of that, Node closes when nobody else does. */
function forget(worker: number, fd?: number): void {
  for (const shared of sharedDescriptors().values()) {
    for (const [server, copy] of shared?.copies ?? []) {
      if (fd !== undefined && copy.fd !== fd) continue;
      if (copy.workers.delete(worker) && copy.workers.size === 0) shared?.copies.delete(server);
    }
  }
}

/** In what Node's worker tells its primary of a listener, the key ends with its number and an index. */
function numberIn(key: unknown): number | undefined {
  const [, fd] = /:(\d+):\d+$/.exec(String(key)) ?? [];
  return fd === undefined ? NO_FD : Number(fd);
}

function keepBacklog(shared: Shared | undefined): void {
  if (shared?.limit === undefined || !stillIs(shared.descriptor.fd, shared.descriptor)) return;
  const { fd } = shared.descriptor;
  const now = limitNow(fd);
  if (now < shared.limit || now === NODE_BACKLOG) native().listen(fd, shared.limit);
}

/** Where it can't be asked, with no descriptor left to ask by, it is likely Node's. */
function limitNow(fd: number): number {
  try {
    return acceptQueue(fd)?.limit ?? NODE_BACKLOG;
  } catch {
    return NODE_BACKLOG;
  }
}
