// The primary's descriptors in its cluster workers.
//
// Node's cluster takes `listen({ fd })` in a worker as a descriptor of the primary's, which opens
// and shares it. So a worker must know what the primary was passed. A primary that has called
// listenFds() tells its workers by an environment variable; from one that hasn't, a worker takes
// copies by pidfd_getfd(2), where the kernel lets it, and reads LISTEN_* itself.
import type { Worker, Address as WorkerAddress } from 'node:cluster';
import { cluster } from './builtin.ts';
import { SD_LISTEN_FDS_START } from './constants.ts';
import {
  acceptQueue,
  type Descriptor,
  inspect,
  inspectNamed,
  isSame,
  type NamedDescriptor,
} from './descriptor.ts';
import { EINVAL, isExhausted, SystemdError, systemError } from './errors.ts';
import { fromJson, toJson } from './json.ts';
import { native } from './native.ts';

/** A descriptor that the primary was passed. */
export interface PrimaryDescriptor {
  readonly descriptor: NamedDescriptor;
  /** The number in the primary that a worker listens by. */
  readonly fd: number;
  /** The accept queue's limit that the unit has set. */
  readonly limit?: number | undefined;
}

/**
 * What the variable tells: of very many descriptors only names and numbers, and workers look for
 * themselves; where not even those have room, nothing.
 */
interface Told {
  readonly pid: number;
  readonly shared?: readonly PrimaryDescriptor[];
  readonly names?: readonly string[];
  /** What was passed. */
  readonly passed?: readonly number[];
  /** By which workers listen. */
  readonly fds?: readonly number[];
}

const VARIABLE = 'LIBSYSTEMD_CLUSTER_FDS';

/** An environment string of more bytes, its name, `=` and null byte too, has every exec fail (execve(2)). */
const LONGEST_VARIABLE = 128 * 1024;
const MOST_TOLD = LONGEST_VARIABLE - `${VARIABLE}=\0`.length;

/** To describe more of them would hold up the primary's own start, and most primaries are none. */
const MOST_DESCRIBED = 100;

/** What Node calls listen(2) with when it is not told. */
const NODE_BACKLOG = 511;

/**
 * How far behind what was passed the copies are, so that nothing else gets a number that a worker still
 * means; where a process may not have as many, they have the last ones there are.
 */
const FAR = 768;

/** In the primary: what workers may listen on. */
let sharing: readonly PrimaryDescriptor[] = [];

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

/** What workers can listen on. Of anything else a copy would only keep it open behind its back. */
function isShareable(descriptor: Descriptor): boolean {
  return descriptor.kind === 'socket' && (descriptor.listening || descriptor.type === 'dgram');
}

/** A copy with this number or the next that is free; Node closes it. A negative errno if there is none. */
function copyFrom(lowest: number, fd: number): number {
  const copy = native().dup(fd, lowest);
  if (copy >= 0) native().release(copy);
  return copy;
}

/**
 * The number of a copy, which is made at the first fork: a number this high has the kernel enlarge its
 * table of files and wait for all that read it, which takes 10 ms. Where it is in use, the table is as
 * large already, and a copy is made at once, behind the numbers of the others.
 */
function numberForWorkers(descriptor: Descriptor, number: number, behind: number): number {
  if (!isShareable(descriptor)) return descriptor.fd;
  if (native().file_type(number) < 0) return number;
  const copy = copyFrom(behind, descriptor.fd);
  return copy < 0 ? descriptor.fd : copy;
}

function withNumbersForWorkers(descriptors: readonly NamedDescriptor[]): PrimaryDescriptor[] {
  const count = descriptors.length;
  // RLIMIT_NOFILE (LimitNOFILE=), which Node raises as far as it may when it starts.
  const end = native().getdtablesize();
  const lowest = Math.min(count + FAR, end - count);
  return descriptors.map((descriptor, i) => {
    return { descriptor, fd: numberForWorkers(descriptor, lowest + i, lowest + count) };
  });
}

function withLimit(shared: PrimaryDescriptor): PrimaryDescriptor {
  return { ...shared, limit: shared.limit ?? acceptQueue(shared.descriptor.fd)?.limit };
}

/** The text of it, if there is room for that. */
function textOf(told: Told): string | undefined {
  const text = toJson(told);
  return Buffer.byteLength(text) <= MOST_TOLD ? text : undefined;
}

/** What workers need to look for themselves. */
function namesAndNumbers(shared: readonly PrimaryDescriptor[]): string | undefined {
  return textOf({
    pid: process.pid,
    names: shared.map(({ descriptor }) => descriptor.name),
    passed: shared.map(({ descriptor }) => descriptor.fd),
    fds: shared.map(({ fd }) => fd),
  });
}

/** Shares these, and tells as much of them as there is room for. */
function share(shared: readonly PrimaryDescriptor[]): void {
  sharing = shared;
  const { pid } = process;
  const described = shared.length <= MOST_DESCRIBED ? textOf({ pid, shared }) : undefined;
  process.env[VARIABLE] = described ?? namesAndNumbers(shared) ?? textOf({ pid });
}

/**
 * In the primary: lets future workers know. They listen by copies of their own, because Node's
 * primary closes a descriptor when the last worker that listens on it has gone, and takes its
 * backlog away when the first one comes. Both are mended here.
 */
export function shareWithWorkers(descriptors: readonly NamedDescriptor[]): void {
  const shared = withNumbersForWorkers(descriptors);
  share(shared.length <= MOST_DESCRIBED ? shared.map(withLimit) : shared);
  keepOpen();
  keepBacklogs();
}

/** In the primary: this descriptor has another owner now, who may close it. */
export function stopSharing({ fd }: NamedDescriptor): void {
  const given = sharing.find(({ descriptor }) => descriptor.fd === fd);
  sharing = sharing.filter((shared) => shared !== given);
  if (given === undefined || given.fd === fd || !holds(given.fd, given.descriptor)) return;
  // A copy that a worker may listen by is Node's to close.
  const hasWorkers = Object.keys(cluster().workers ?? {}).length > 0;
  if (!hasWorkers) native().close(given.fd);
}

/** Whether the number is still that of what was passed: other code may have closed it. */
function holds(fd: number, descriptor: Descriptor): boolean {
  return native().file_type(fd) >= 0 && isSame(inspect(fd), descriptor);
}

/** With its copy open: where somebody else has taken its number, behind those of all others. */
function reopened(shared: PrimaryDescriptor): PrimaryDescriptor {
  const { descriptor, fd } = shared;
  if (holds(fd, descriptor) || !holds(descriptor.fd, descriptor)) return shared;
  const isFree = native().file_type(fd) < 0;
  const behind = sharing.reduce((most, one) => Math.max(most, one.fd + 1), 0);
  const copy = copyFrom(isFree ? fd : behind, descriptor.fd);
  return copy < 0 || copy === fd ? shared : { ...shared, fd: copy };
}

/** Of all, or of the one that workers listen on by this number. Workers to come are told what has changed. */
function reopen(only?: number): void {
  const isMeant = ({ fd }: PrimaryDescriptor) => only === undefined || fd === only;
  const now = sharing.map((shared) => (isMeant(shared) ? reopened(shared) : shared));
  if (now.some((shared, i) => shared !== sharing[i])) share(now);
}

/** Those that were too many to ask about before, while they are still the unit's. */
function findLimits(): void {
  sharing = sharing.map((shared) => {
    try {
      return withLimit(shared);
    } catch {
      return shared; // closed by other code, or no descriptor is left to ask by
    }
  });
}

/** In what Node's worker tells its primary of a listener, the key ends with its number and an index. */
function numberIn(key: unknown): number | undefined {
  const [, fd] = /:(\d+):\d+$/.exec(String(key)) ?? [];
  return fd === undefined ? undefined : Number(fd);
}

function keepOpen(): void {
  cluster().on('fork', (worker: Worker) => {
    findLimits();
    reopen();
    // A worker may also close its last listener and listen again. Node tells that to nobody but
    // its own primary, by a message of its own: when it stops, one for each of its listeners.
    worker.process.on('internalMessage', ({ act, key }: { act?: unknown; key?: unknown }) => {
      if (act === 'close') reopen(numberIn(key));
    });
  });
  for (const event of ['disconnect', 'exit']) cluster().on(event, () => reopen());
}

/** Where it can't be asked, with no descriptor left to ask by, it is likely Node's. */
function limitNow(fd: number): number {
  try {
    return acceptQueue(fd)?.limit ?? NODE_BACKLOG;
  } catch {
    return NODE_BACKLOG;
  }
}

function keepBacklogs(): void {
  cluster().on('listening', (_worker: Worker, address: WorkerAddress & { fd?: number }) => {
    const { fd = -1, limit } = sharing.find((listener) => listener.fd === address.fd) ?? {};
    if (limit === undefined) return;
    const now = limitNow(fd);
    // More than the unit's is what a worker asked for, unless it is Node's own doing.
    if (now < limit || now === NODE_BACKLOG) native().listen(fd, limit);
  });
}

function told(): readonly PrimaryDescriptor[] | undefined {
  const text = process.env[VARIABLE];
  if (text === undefined) return undefined;
  const { pid, shared, names, passed, fds } = fromJson(text) as Told;
  if (pid !== process.ppid) return undefined;
  if (shared !== undefined) return shared;
  if (names !== undefined) return names.map((name, i) => copied(passed?.[i] ?? 0, name, fds?.[i]));
  throw new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `The primary was passed so many descriptors with such long names that a worker can't be told of them (an environment variable has ${LONGEST_VARIABLE} bytes at most): shorten FileDescriptorName= in the socket units`,
  );
}

/** A copy of a descriptor of the primary's, for as long as `use` runs; a negative errno if refused. */
function withCopy<T>(fd: number, use: (copy: number) => T): T | number {
  const copy = native().pid_getfd(process.ppid, fd);
  if (copy < 0) return copy;
  try {
    return use(copy);
  } finally {
    native().close(copy);
  }
}

/** In a worker: what the primary has under this number now; a negative errno if it can't be looked at. */
export function inPrimary(fd: number): Descriptor | number {
  return withCopy(fd, (copy) => ({ ...inspect(copy), fd }));
}

/** What the primary was passed as `fd`; `number` is the one to listen by. */
function copied(fd: number, name: string, number?: number): PrimaryDescriptor {
  const shared = withCopy(fd, (copy) => ({
    descriptor: { ...inspectNamed(copy, name), fd },
    fd: number ?? fd,
    limit: acceptQueue(copy)?.limit,
  }));
  if (typeof shared !== 'number') return shared;
  const error = systemError(shared, 'pidfd_getfd', { fd });
  if (isExhausted(error)) throw error;
  const advice =
    number === undefined
      ? 'call listenFds() in the primary before cluster.fork()'
      : 'they are too many for the primary to describe, so start the worker as the same user, or shorten FileDescriptorName= in the socket units';
  throw new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `This worker can't look at the descriptors that the primary was passed (${error.message}): ${advice}`,
  );
}

/** LISTEN_FDS and LISTEN_FDNAMES as the manager writes them; libsystemd reads them for itself only. */
function listedNames(): string[] {
  const count = Number(process.env.LISTEN_FDS);
  const names =
    process.env.LISTEN_FDNAMES?.split(':') ?? new Array<string>(count || 0).fill('unknown');
  if (!(Number.isInteger(count) && count > 0 && names.length === count)) {
    const { LISTEN_FDS, LISTEN_FDNAMES } = process.env;
    const detail = `LISTEN_FDS=${LISTEN_FDS} LISTEN_FDNAMES=${LISTEN_FDNAMES}`;
    throw systemError(-EINVAL, 'sd_listen_fds_with_names', {}, detail);
  }
  return names;
}

/** In a worker: what the primary was passed; undefined when that is nothing. */
export function fromPrimary(): readonly PrimaryDescriptor[] | undefined {
  const shared = told();
  if (shared !== undefined) return shared;
  if (process.env.LISTEN_PID !== String(process.ppid)) return undefined;
  return listedNames().map((name, i) => copied(SD_LISTEN_FDS_START + i, name));
}

/**
 * In a worker: gives a listener of the primary's its backlog back, where the kernel lets it. The
 * primary does the same when it has called listenFds().
 */
export function restoreBacklog(fd: number, limit: number): void {
  // Read after another worker had the primary listen, and before that one restored it.
  if (limit === NODE_BACKLOG) return;
  withCopy(fd, (copy) => native().listen(copy, limit));
}
