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
import { EINVAL } from '../../base/errno.ts';
import { isExhausted, SystemdError, systemError } from '../../base/errors.ts';
import { cluster, fs, nodeModule } from '../../base/lazy-builtins.ts';
import { processState } from '../../base/process-state.ts';
import { fromJson, toJson } from '../../descriptor/address-json.ts';
import {
  acceptQueue,
  type Descriptor,
  inspect,
  inspectNamed,
  isSame,
  type NamedDescriptor,
} from '../../descriptor/inspect.ts';
import { SD_LISTEN_FDS_START } from '../../sd/constants.ts';
import type { PrimaryDescriptor } from '../inherited.ts';

/** In the primary: what a worker is told. */
interface Told {
  readonly pid: number;
  readonly shared: readonly { readonly descriptor: NamedDescriptor; readonly limit?: number }[];
}

/** In the primary: a descriptor that workers may ask for. */
interface Shared {
  readonly descriptor: NamedDescriptor;
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

/** The text goes as this variable and, where one has no room for it, `…_2`, `…_3` and so on. */
const VARIABLE = 'LIBSYSTEMD_CLUSTER_FDS';

/** An environment string of 128 KiB or more, with its name, has every exec fail (execve(2)). */
const LONGEST_TEXT = 120 * 1024;

/** What Node calls listen(2) with when it is not told. */
const NODE_BACKLOG = 511;

/** A number that no descriptor has, so that Node's primary refuses to open it. */
const NO_FD = 0x7fff_ffff;

/** In the primary, by number: what its workers may ask for; undefined when that has got an owner. */
function sharing(): Map<number, Shared | undefined> {
  return processState('cluster', () => new Map<number, Shared | undefined>());
}

/**
 * Whether this process is a cluster worker. Without a channel to a parent it is none, and need not load
 * the module to find out.
 */
export function isWorker(): boolean {
  return process.channel !== undefined && cluster().isWorker;
}

/** Whether its primary was, or may have been, passed descriptors. */
export function isWorkerWithDescriptors(): boolean {
  const maybe = process.env[VARIABLE] !== undefined || process.env.LISTEN_PID !== undefined;
  return maybe && isWorker();
}

/** In the primary: lets future workers know of these, and opens copies for those that ask. */
export function shareWithWorkers(descriptors: readonly NamedDescriptor[]): void {
  const shared = sharing();
  for (const descriptor of descriptors) {
    shared.set(descriptor.fd, { descriptor, limit: undefined, copies: new Map() });
  }
  tellForks();
  cluster().on('fork', answer);
}

/** In the primary: this descriptor has another owner now, who may close it. */
export function stopSharing({ fd }: { readonly fd: number }): void {
  if (sharing().has(fd)) sharing().set(fd, undefined);
}

/** In the primary: whether a worker listens on it. */
export function hasWorkers({ fd }: { readonly fd: number }): boolean {
  return (sharing().get(fd)?.copies.size ?? 0) > 0;
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
  const shared = [...sharing().values()].filter((one) => one !== undefined);
  for (const one of shared) findLimit(one);
  const told: Told = {
    pid: process.pid,
    shared: shared.map(({ descriptor, limit }) => ({ descriptor, ...(limit && { limit }) })),
  };
  return inVariables(asciiOf(toJson(told)));
}

/** The same JSON without a character that takes more than one byte, so that it can be cut anywhere. */
function asciiOf(json: string): string {
  return json.replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function inVariables(text: string): Record<string, string> {
  const parts: Record<string, string> = {};
  for (let i = 0; i * LONGEST_TEXT < text.length; i++) {
    parts[variable(i)] = text.slice(i * LONGEST_TEXT, (i + 1) * LONGEST_TEXT);
  }
  return parts;
}

function variable(i: number): string {
  return i === 0 ? VARIABLE : `${VARIABLE}_${i + 1}`;
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
    asked = sharing().get(message.fd as number);
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
  if (typeof fd !== 'number' || !sharing().has(fd)) return;
  const shared = sharing().get(fd);
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
  if (known !== undefined && holds(known.fd, descriptor)) return known;
  const fd = holds(descriptor.fd, descriptor) ? native().dup(descriptor.fd, 3) : -1;
  if (fd < 0) return undefined;
  native().release(fd); // Node will close it
  const copy = { fd, workers: new Set<number>() };
  copies.set(server, copy);
  return copy;
}

/** Whether the number is still that of what was passed: other code may have closed it. */
function holds(fd: number, descriptor: Descriptor): boolean {
  try {
    return native().file_type(fd) >= 0 && isSame(inspect(fd), descriptor);
  } catch {
    return false;
  }
}

/** What a worker no longer listens by, or all of that, Node closes when nobody else does. */
function forget(worker: number, fd?: number): void {
  for (const shared of sharing().values()) {
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
  if (shared?.limit === undefined || !holds(shared.descriptor.fd, shared.descriptor)) return;
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

/** In a worker: what its primary has told it, which its own children are not to see. */
function told(): readonly PrimaryDescriptor[] | undefined {
  let text = '';
  for (let i = 0; process.env[variable(i)] !== undefined; i++) {
    text += process.env[variable(i)];
    delete process.env[variable(i)];
  }
  if (text === '') return undefined;
  const { pid, shared } = fromJson(text) as Told;
  if (pid !== process.ppid) return undefined;
  return shared.map((one) => ({ ...one, told: true }));
}

/** Whether system calls are filtered (SystemCallFilter=); where /proc does not say, they may be. */
function isFiltered(): boolean {
  try {
    return /^Seccomp:\s*2$/m.test(fs().readFileSync('/proc/self/status', 'latin1'));
  } catch (error) {
    const { code, errno = 0 } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') throw systemError(errno, 'open');
    return true;
  }
}

/** A filter may end the process for a call that is not in it: only a child can find out (20 ms). */
function isLookingDeadly(): boolean {
  return isFiltered() && native().pid_getfd_kills() !== 0;
}

/** In a worker: a copy of a descriptor of the primary's; a negative errno where the kernel refuses. */
export function copyOfPrimarys(fd: number): number {
  return native().pid_getfd(process.ppid, fd);
}

/** In a worker that was told nothing: what the primary was passed as `fd`. */
function lookedAt(fd: number, name: string): PrimaryDescriptor {
  const copy = copyOfPrimarys(fd);
  if (copy < 0) {
    const error = systemError(copy, 'pidfd_getfd', { fd });
    throw isExhausted(error) ? error : notTold(error.message);
  }
  try {
    const descriptor = Object.freeze({ ...inspectNamed(copy, name), fd });
    return { descriptor, limit: acceptQueue(copy)?.limit, told: false };
  } finally {
    native().close(copy);
  }
}

function notTold(why: string): SystemdError {
  return new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `This worker can't look at the descriptors that the primary was passed (${why}): call listenFds() in the primary before cluster.fork()`,
  );
}

/** The names of LISTEN_FDNAMES, as libsystemd reads them; undefined where it refuses to. */
function namesIn(text: string): string[] | undefined {
  const names = [''];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ':') {
      names.push('');
      continue;
    }
    // A backslash goes, and what follows stays as it is.
    if (text[i] === '\\') i++;
    if (i === text.length) return undefined;
    names.push(`${names.pop()}${text[i]}`);
  }
  return names;
}

/** LISTEN_FDS and LISTEN_FDNAMES as the manager writes them; libsystemd reads them for itself only. */
function listedNames(): string[] {
  const { LISTEN_FDS, LISTEN_FDNAMES } = process.env;
  const count = Number(LISTEN_FDS);
  const names =
    LISTEN_FDNAMES === undefined
      ? new Array<string>(count || 0).fill('unknown')
      : namesIn(LISTEN_FDNAMES);
  if (Number.isInteger(count) && count > 0 && names?.length === count) return names;
  const detail = `LISTEN_FDS=${LISTEN_FDS} LISTEN_FDNAMES=${LISTEN_FDNAMES}`;
  throw systemError(-EINVAL, 'sd_listen_fds_with_names', {}, detail);
}

/** In a worker: what the primary was passed; undefined when that is nothing. */
export function fromPrimary(): readonly PrimaryDescriptor[] | undefined {
  const shared = told();
  if (shared !== undefined) return shared;
  if (process.env.LISTEN_PID !== String(process.ppid)) return undefined;
  const names = listedNames();
  if (isLookingDeadly()) throw notTold('a filter of system calls ends who calls pidfd_getfd(2)');
  return names.map((name, i) => lookedAt(SD_LISTEN_FDS_START + i, name));
}

/**
 * In a worker whose server listens by itself: tells Node's primary that it listens, and closes it when the
 * primary disconnects the worker, as Node does with servers that it knows.
 */
export function listenApart(fd: number, port: number | undefined, close: () => void): () => void {
  const message = {
    cmd: 'NODE_CLUSTER',
    act: 'listening',
    addressType: null,
    address: null,
    fd,
    port,
  };
  process.send?.(message, undefined, undefined, () => {});
  const { worker } = cluster();
  worker?.once('disconnect', close);
  return () => {
    worker?.off('disconnect', close);
  };
}
