// Answers the requests by which cluster workers listen on the descriptors of a primary that has called listenFds().
//
// In a worker, Node takes the `fd` of listen({ fd }) as a descriptor of the primary. Node's primary opens that
// descriptor, calls listen(2) with its own backlog, shares the descriptor with the workers, and closes it when the last
// of them has gone. So this module
// - puts the number of a copy into a worker's request before Node reads the request, so that Node closes the copy,
// - restores the backlog after Node's listen(2).
import type { Worker } from 'node:cluster';
import { native } from '../../addon/exports.ts';
import { acceptQueue } from '../../descriptor/accept-queue.ts';
import { type Descriptor, inspect } from '../../descriptor/inspect.ts';
import { looksTheSame } from '../../descriptor/predicates.ts';
import { findLimit, type SharedCopy, type SharedDescriptor, sharedDescriptors } from './shared.ts';

/** A message that Node itself sends from a worker to the primary. Node does not document these messages. */
interface NodeMessage {
  readonly cmd?: unknown;
  readonly act?: unknown;
  /** In `queryServer`: the descriptor that the worker asks for. */
  fd?: unknown;
  /** In `queryServer`: the number of the server among the worker's servers. */
  readonly index?: unknown;
  readonly addressType?: unknown;
  /** In `queryServer`: the backlog that the worker would call listen(2) with. */
  readonly backlog?: unknown;
  /** In `close`: names the server, by a text that ends with the number of its descriptor, and in Node 20 its index. */
  readonly key?: unknown;
}

/** The backlog that Node calls listen(2) with when the program names none. */
const NODE_BACKLOG = 511;

/** A number that no descriptor has, so that Node's primary fails to open it. */
const UNUSABLE_FD = 0x7fff_ffff;

/** The workers whose requests are served. A worker that is forked just before may emit 'fork' after. */
const served = new WeakSet<Worker>();

/** Handles what this worker asks of Node's primary: once before Node does, and once after. */
export function serveRequests(worker: Worker): void {
  if (served.has(worker)) return;
  served.add(worker);
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
  if (shared) findLimit(shared); // of a worker that was forked before listenFds(), nobody has asked yet
  const copy = shared && copyFor(shared, `${addressType}:${index}`);
  copy?.workers.add(worker);
  message.fd = copy?.fd ?? UNUSABLE_FD;
  if (shared?.limit !== undefined && typeof backlog === 'number') {
    shared.limit = Math.max(shared.limit, backlog);
  }
}

/** The copy that Node has open for this server, or a new one; undefined when none can be made. */
function copyFor({ descriptor, copies }: SharedDescriptor, server: string): SharedCopy | undefined {
  const known = copies.get(server);
  if (known !== undefined && isUnchanged(descriptor, known.fd)) return known;
  const fd = isUnchanged(descriptor, descriptor.fd) ? native().dup(descriptor.fd, 3) : -1;
  if (fd < 0) return undefined;
  native().release(fd); // Node will close it
  const copy = { fd, workers: new Set<number>() };
  copies.set(server, copy);
  return copy;
}

/** True while the number is still open and is the descriptor that was passed. Other code may have closed it. */
function isUnchanged(descriptor: Descriptor, fd: number): boolean {
  try {
    return native().file_type(fd) >= 0 && looksTheSame(inspect(fd), descriptor);
  } catch {
    return false;
  }
}

/** Records that the worker no longer uses this copy, or any copy. Node closes a copy that no worker uses. */
function endUse(worker: number, fd?: number): void {
  for (const shared of sharedDescriptors().values()) {
    for (const [server, copy] of shared?.copies ?? []) {
      if (fd !== undefined && copy.fd !== fd) continue;
      if (copy.workers.delete(worker) && copy.workers.size === 0) shared?.copies.delete(server);
    }
  }
}

/** The descriptor's number in Node's key of a server: `address:port:type:fd`, and in Node 20 `:index`. */
function fdInKey(key: unknown): number {
  const [, fd = UNUSABLE_FD] = /^[^:]*:[^:]*:[^:]*:(\d+)(?::\d+)?$/.exec(String(key)) ?? [];
  return Number(fd);
}

/** Restores the backlog, because Node's primary, or the worker, may just have called listen(2) with another one. */
function restoreLimit(shared: SharedDescriptor | undefined): void {
  if (shared?.limit === undefined || !isUnchanged(shared.descriptor, shared.descriptor.fd)) return;
  const { fd } = shared.descriptor;
  const now = currentLimit(fd);
  if (now < shared.limit || now === NODE_BACKLOG) native().listen(fd, shared.limit);
}

/** The limit that the kernel tells. Node's backlog, as the likely one, when no descriptor is left to ask the kernel. */
function currentLimit(fd: number): number {
  try {
    return acceptQueue(fd)?.limit ?? NODE_BACKLOG;
  } catch {
    return NODE_BACKLOG;
  }
}
