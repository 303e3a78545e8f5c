// In a cluster primary that has called listenFds(): workers listen on its descriptors.
//
// Node takes listen({ fd }) in a worker as a number of the primary's. Node's primary opens that number,
// calls listen(2) with its own backlog, shares it with the workers, and closes it when the last of them
// has gone. So this module
// - announces the descriptors to each worker that is forked, in its environment,
// - puts the number of a copy into a worker's request before Node reads it, so that Node closes the copy,
// - sets the backlog back after Node's listen(2).
import type { Worker } from 'node:cluster';
import { native } from '../../addon/exports.ts';
import { cluster, nodeModule } from '../../base/lazy-builtins.ts';
import { acceptQueue } from '../../descriptor/accept-queue.ts';
import { type Descriptor, type InheritedDescriptor, inspect } from '../../descriptor/inspect.ts';
import { looksTheSame } from '../../descriptor/predicates.ts';
import { announcementOf } from './announcement.ts';
import { type Copy, findLimit, type SharedDescriptor, sharedDescriptors } from './shared.ts';

/** What Node's workers send to Node's primary, beside the program's messages. Node does not document it. */
interface NodeMessage {
  readonly cmd?: unknown;
  readonly act?: unknown;
  /** In `queryServer`: the descriptor that the worker asks for. */
  fd?: unknown;
  /** In `queryServer`: which of the worker's servers asks. */
  readonly index?: unknown;
  readonly addressType?: unknown;
  /** In `queryServer`: the backlog that the worker would call listen(2) with. */
  readonly backlog?: unknown;
  /** In `close`: the server, as a text that ends with the descriptor's number and the index. */
  readonly key?: unknown;
}

/** The backlog that Node calls listen(2) with when the program names none. */
const NODE_BACKLOG = 511;

/** A number that no descriptor has: Node's primary refuses to open it. */
const UNUSABLE_FD = 0x7fff_ffff;

/** From now on, announces these descriptors to workers, and gives them copies of those that they ask for. */
export function shareWithWorkers(descriptors: readonly InheritedDescriptor[]): void {
  const shared = sharedDescriptors();
  for (const descriptor of descriptors) {
    shared.set(descriptor.fd, { descriptor, limit: undefined, copies: new Map() });
  }
  announceInForks();
  cluster().on('fork', serveRequests);
}

/** In the environment of cluster.fork() alone, because in process.env every child would see it. */
function announceInForks(): void {
  const node = cluster();
  const { fork } = node;
  node.fork = (env?: object) => fork.call(node, { ...announcementNow(), ...env });
  nodeModule().syncBuiltinESMExports(); // for programs that import { fork }
}

function announcementNow(): Record<string, string> {
  const shared = [...sharedDescriptors().values()].filter((one) => one !== undefined);
  for (const one of shared) findLimit(one);
  return announcementOf(shared.map(({ descriptor, limit }) => ({ descriptor, limit })));
}

/** Listens to what this worker asks of Node's primary, before Node does and after. */
function serveRequests(worker: Worker): void {
  const { process: child, id } = worker;
  let asked: SharedDescriptor | undefined;
  const beforeNode = (message: NodeMessage) => {
    if (message?.cmd !== 'NODE_CLUSTER') return;
    asked = sharedDescriptors().get(message.fd as number);
    if (message.act === 'queryServer' && !worker.exitedAfterDisconnect) giveCopy(id, message);
    if (message.act === 'close') endUse(id, fdInKey(message.key));
  };
  const afterNode = (message: NodeMessage) => {
    if (message?.cmd !== 'NODE_CLUSTER') return;
    if (message.act === 'queryServer' || message.act === 'listening') restoreLimit(asked);
  };
  child.prependListener('internalMessage', beforeNode);
  child.on('internalMessage', afterNode);
  child.prependListener('disconnect', () => endUse(id));
}

function giveCopy(worker: number, message: NodeMessage): void {
  const { fd, index, addressType, backlog } = message;
  if (typeof fd !== 'number' || !sharedDescriptors().has(fd)) return;
  const shared = sharedDescriptors().get(fd);
  const copy = shared && copyFor(shared, `${addressType}:${index}`);
  copy?.workers.add(worker);
  message.fd = copy?.fd ?? UNUSABLE_FD;
  if (shared?.limit !== undefined && typeof backlog === 'number') {
    shared.limit = Math.max(shared.limit, backlog);
  }
}

/** The copy that Node has open for this server, or a new one; undefined when none can be made. */
function copyFor({ descriptor, copies }: SharedDescriptor, server: string): Copy | undefined {
  const known = copies.get(server);
  if (known !== undefined && isUnchanged(descriptor, known.fd)) return known;
  const fd = isUnchanged(descriptor, descriptor.fd) ? native().dup(descriptor.fd, 3) : -1;
  if (fd < 0) return undefined;
  native().release(fd); // Node will close it
  const copy = { fd, workers: new Set<number>() };
  copies.set(server, copy);
  return copy;
}

/** True while the number is open and means what was passed: other code may have closed it. */
function isUnchanged(descriptor: Descriptor, fd: number): boolean {
  try {
    return native().file_type(fd) >= 0 && looksTheSame(inspect(fd), descriptor);
  } catch {
    return false;
  }
}

/** The worker listens no longer by this copy, or by any: Node closes a copy that has no worker left. */
function endUse(worker: number, fd?: number): void {
  for (const shared of sharedDescriptors().values()) {
    for (const [server, copy] of shared?.copies ?? []) {
      if (fd !== undefined && copy.fd !== fd) continue;
      if (copy.workers.delete(worker) && copy.workers.size === 0) shared?.copies.delete(server);
    }
  }
}

/** The descriptor's number in Node's key of a server. */
function fdInKey(key: unknown): number {
  const [, fd = UNUSABLE_FD] = /:(\d+):\d+$/.exec(String(key)) ?? [];
  return Number(fd);
}

/** Node's primary, or the worker, may just have called listen(2) with another backlog. */
function restoreLimit(shared: SharedDescriptor | undefined): void {
  if (shared?.limit === undefined || !isUnchanged(shared.descriptor, shared.descriptor.fd)) return;
  const { fd } = shared.descriptor;
  const now = currentLimit(fd);
  if (now < shared.limit || now === NODE_BACKLOG) native().listen(fd, shared.limit);
}

/** Node's backlog is likely where the kernel can't be asked, because no descriptor is left to ask by. */
function currentLimit(fd: number): number {
  try {
    return acceptQueue(fd)?.limit ?? NODE_BACKLOG;
  } catch {
    return NODE_BACKLOG;
  }
}
