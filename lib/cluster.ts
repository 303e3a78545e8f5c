// The primary's descriptors in its cluster workers.
//
// Node's cluster takes `listen({ fd })` in a worker as a descriptor of the primary's, which opens
// and shares it. So a worker must know what the primary was passed. A primary that has called
// listenFds() tells its workers by an environment variable; from one that hasn't, a worker takes
// copies by pidfd_getfd(2), where the kernel lets it, and reads LISTEN_* itself.
import type { Worker, Address as WorkerAddress } from 'node:cluster';
import { cluster } from './builtin.ts';
import { SD_LISTEN_FDS_START } from './constants.ts';
import { acceptQueue, type Descriptor, inspectNamed, type NamedDescriptor } from './descriptor.ts';
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

/** What the variable tells: of many descriptors only the names, and workers look for themselves. */
interface Told {
  readonly pid: number;
  readonly shared?: readonly PrimaryDescriptor[];
  readonly names?: readonly string[];
}

const VARIABLE = 'LIBSYSTEMD_CLUSTER_FDS';

/** An environment string of more than 128 KiB would make every exec fail (execve(2)). */
const MOST_SHARED = 100;

/** What Node calls listen(2) with when it is not told. */
const NODE_BACKLOG = 511;

/**
 * High, so that nothing else gets a number that a worker still means; where a process may not have as
 * many, the last ones there are.
 */
const LOWEST_COPY = 768;

/** In the primary: what workers may listen on. */
let sharing: readonly PrimaryDescriptor[] = [];

/** Whether this process is a cluster worker that knows who its primary is. */
export function isClusterWorker(): boolean {
  const maybe = process.env[VARIABLE] !== undefined || process.env.LISTEN_PID !== undefined;
  // Without a channel to a parent it is none, and need not load the module to find out.
  return maybe && process.channel !== undefined && cluster().isWorker;
}

/** What workers can listen on. Of anything else a copy would only keep it open behind its back. */
function isShareable(descriptor: Descriptor): boolean {
  return descriptor.kind === 'socket' && (descriptor.listening || descriptor.type === 'dgram');
}

/**
 * Each with the number of a copy, which is made at the first fork: a number this high has the kernel
 * enlarge its table of files and wait for all that read it, which takes 10 ms.
 */
function withNumbersForWorkers(descriptors: readonly NamedDescriptor[]): PrimaryDescriptor[] {
  // RLIMIT_NOFILE (LimitNOFILE=), which Node raises as far as it may when it starts.
  const lowest = Math.min(LOWEST_COPY, native().getdtablesize() - descriptors.length);
  return descriptors.map((descriptor, i) => {
    const copy = lowest + i;
    const fd = isShareable(descriptor) && native().file_type(copy) < 0 ? copy : descriptor.fd;
    return { descriptor, fd, limit: acceptQueue(descriptor.fd)?.limit };
  });
}

function tell(told: Told): void {
  process.env[VARIABLE] = toJson(told);
}

/**
 * In the primary: lets future workers know. They listen by copies of their own, because Node's
 * primary closes a descriptor when the last worker that listens on it has gone, and takes its
 * backlog away when the first one comes. Both are mended here.
 */
export function shareWithWorkers(descriptors: readonly NamedDescriptor[]): void {
  const { pid } = process;
  if (descriptors.length > MOST_SHARED) {
    tell({ pid, names: descriptors.map(({ name }) => name) });
    return;
  }
  sharing = withNumbersForWorkers(descriptors);
  tell({ pid, shared: sharing });
  keepOpen();
  keepBacklogs();
}

/** In the primary: this descriptor has another owner now, who may close it. */
export function stopSharing({ fd }: NamedDescriptor): void {
  sharing = sharing.filter(({ descriptor }) => descriptor.fd !== fd);
}

function keepOpen(): void {
  const reopen = () => {
    for (const { descriptor, fd } of sharing) {
      if (native().file_type(fd) < 0) native().dup3(descriptor.fd, fd);
    }
  };
  cluster().on('fork', (worker: Worker) => {
    reopen();
    // A worker may also close its last listener and listen again. Node tells that to nobody but
    // its own primary, by a message of its own.
    worker.process.on('internalMessage', ({ act }: { act?: unknown }) => {
      if (act === 'close') reopen();
    });
  });
  for (const event of ['disconnect', 'exit']) cluster().on(event, reopen);
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
  const { pid, shared, names } = fromJson(text) as Told;
  if (pid !== process.ppid) return undefined;
  return shared ?? names?.map(copiedByPosition);
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

function copied(fd: number, name: string): PrimaryDescriptor {
  const shared = withCopy(fd, (copy) => ({
    descriptor: { ...inspectNamed(copy, name), fd },
    fd,
    limit: acceptQueue(copy)?.limit,
  }));
  if (typeof shared !== 'number') return shared;
  const error = systemError(shared, 'pidfd_getfd', { fd });
  if (isExhausted(error)) throw error;
  throw new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `This worker can't look at the descriptors that the primary was passed (${error.message}): call listenFds() in the primary before cluster.fork()`,
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

function copiedByPosition(name: string, i: number): PrimaryDescriptor {
  return copied(SD_LISTEN_FDS_START + i, name);
}

/** In a worker: what the primary was passed; undefined when that is nothing. */
export function fromPrimary(): readonly PrimaryDescriptor[] | undefined {
  const shared = told();
  if (shared !== undefined) return shared;
  if (process.env.LISTEN_PID !== String(process.ppid)) return undefined;
  return listedNames().map(copiedByPosition);
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
