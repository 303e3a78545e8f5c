// The descriptors of a process, inspected: copies of its sockets, or where the kernel refuses these, the kernel's
// tables.
import { mayBeFiltered, parseNames } from '../../activation/cluster/inspect-primary.ts';
import { native } from '../../addon/exports.ts';
import { EBADF } from '../../base/errno.ts';
import { systemError } from '../../base/errors.ts';
import { excerpt } from '../../base/validate.ts';
import { acceptQueue } from '../../descriptor/accept-queue.ts';
import { type Descriptor, inspect } from '../../descriptor/inspect.ts';
import { initialEnvironment } from '../../manager/proc.ts';
import { SD_LISTEN_FDS_START } from '../../sd/constants.ts';
import { type ListedSocket, listedSockets } from './kernel-tables.ts';
import {
  commandOf,
  type Flags,
  type OpenFile,
  openFiles,
  ownPidOf,
  processOf,
} from './process-files.ts';

/** The accept queue of a listening socket. The kernel's tables alone do not tell the limit. */
export interface Queue {
  readonly waiting: number;
  readonly limit?: number;
}

/** A descriptor of a process, with what `inspect()` tells of it. */
export type InspectedDescriptor = Descriptor & { readonly queue?: Queue; readonly flags: Flags };

/** What there is to say of the descriptors of a process. */
export interface Inspection {
  readonly pid: number;
  readonly command: string;
  readonly descriptors: readonly InspectedDescriptor[];
  /** How the sockets were inspected; absent when there are none. */
  readonly by?: 'pidfd_getfd' | 'proc';
  /** Why not by pidfd_getfd(2); absent when they were. */
  readonly why?: string;
  /**
   * That a thread was asked about, or why the descriptors have no names although LISTEN_FDS is set. Absent: neither.
   */
  readonly note?: string;
}

/** What is known of a socket, apart from its number. */
type SocketFacts = Pick<InspectedDescriptor, 'queue'> & { readonly descriptor: Descriptor };

/** Copies a socket of the process, and inspects the copy. Returns a negative errno when the kernel refuses. */
function inspectCopy(pid: number, fd: number): SocketFacts | number {
  const copy = native().pid_getfd(pid, fd);
  if (copy < 0) return copy;
  try {
    const queue = acceptQueue(copy);
    return { descriptor: inspect(copy), ...(queue && { queue }) };
  } finally {
    native().close(copy);
  }
}

/** The socket by the kernel's tables; without its family when it is in none of them. */
function inspectListed({ fd, link }: OpenFile, listed: ListedSocket | undefined): SocketFacts {
  if (listed === undefined) return { descriptor: { fd, kind: 'other', path: link } };
  const { socket, queue } = listed;
  return { descriptor: { ...socket, fd }, ...(queue && { queue }) };
}

/** Why the sockets of the process can't be copied; undefined when they can, and when there are none. */
function refusal(pid: number, sockets: readonly OpenFile[]): string | undefined {
  if (sockets.length > 0 && mayBeFiltered() && native().pid_getfd_kills() !== 0) {
    return 'a system call filter (SystemCallFilter=) ends a process that calls pidfd_getfd(2)';
  }
  for (const { fd } of sockets) {
    const copy = native().pid_getfd(pid, fd);
    if (copy >= 0) {
      native().close(copy);
      return undefined;
    }
    // The process may have closed this one meanwhile.
    if (copy !== -EBADF) return systemError(copy, 'pidfd_getfd').message;
  }
  return undefined;
}

type Inspector = (file: OpenFile) => SocketFacts;

/** Inspects sockets by copies; one that was closed meanwhile is shown by its name. */
function byCopies(pid: number): Inspector {
  return (file) => {
    const facts = inspectCopy(pid, file.fd);
    return typeof facts === 'number' ? inspectListed(file, undefined) : facts;
  };
}

function byTables(pid: number): Inspector {
  const sockets = listedSockets(pid);
  return (file) => inspectListed(file, sockets.get(file.inode));
}

/**
 * A pipe's name, such as `pipe:[4711]`, is the same at both of its ends, so it is shown here, unlike by `inspect()`.
 */
function fileFacts({ fd, link, kind }: OpenFile): SocketFacts {
  return { descriptor: { fd, kind: kind as Exclude<OpenFile['kind'], 'socket'>, path: link } };
}

interface Names {
  /** The name of the descriptor at this place, of which the first is fd 3. */
  readonly nameAt: (index: number) => string | undefined;
  readonly note?: string;
}

const nameless = () => undefined;

/**
 * The names of the descriptors from 3 on, by the LISTEN_* that the process was started with: they are there also after
 * sd_listen_fds(3) has removed them.
 */
function namesOf(pid: number): Names {
  const environment = initialEnvironment(pid);
  const [fds = '', listenPid, list] = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'].map((name) =>
    environment?.get(name),
  );
  if (!/^[1-9]\d*$/.test(fds)) return { nameAt: nameless };
  const passed = `LISTEN_FDS=${fds} is in its environment`;
  if (listenPid !== String(ownPidOf(pid))) {
    const named = listenPid === undefined ? 'is not set' : `is ${excerpt(listenPid)}`;
    const note = `${passed}, but LISTEN_PID ${named}: they are for another process`;
    return { nameAt: nameless, note };
  }
  if (list === undefined) {
    return { nameAt: (index) => (index >= 0 && index < Number(fds) ? 'unknown' : undefined) };
  }
  const names = parseNames(list) ?? [];
  if (names.length === Number(fds)) return { nameAt: (index) => names[index] };
  const note = `${passed}, but LISTEN_FDNAMES is ${excerpt(list)}: sd_listen_fds_with_names(3) refuses another number of names`;
  return { nameAt: nameless, note };
}

/**
 * Inspects all descriptors of a process, which may be this one.
 *
 * @param asked - the process, or one of its threads
 * @throws Failure when there is no such process, or this process may not read about it
 */
export function inspectProcess(asked: number): Inspection {
  const pid = processOf(asked);
  const files = openFiles(pid);
  const sockets = files.filter(({ kind }) => kind === 'socket');
  const why = refusal(pid, sockets);
  const inspectSocket = why === undefined ? byCopies(pid) : byTables(pid);
  const { nameAt, note: aboutNames } = namesOf(pid);
  const aboutThread = pid === asked ? undefined : `${asked} is a thread of process ${pid}`;
  const note = [aboutThread, aboutNames].filter(Boolean).join('. ');
  const descriptors = files.map((file): InspectedDescriptor => {
    const facts = file.kind === 'socket' ? inspectSocket(file) : fileFacts(file);
    const name = nameAt(file.fd - SD_LISTEN_FDS_START);
    return {
      ...facts.descriptor,
      fd: file.fd,
      ...(name !== undefined && { name }),
      ...(facts.queue && { queue: facts.queue }),
      flags: file.flags,
    };
  });
  return {
    pid,
    command: commandOf(pid),
    descriptors,
    ...(sockets.length > 0 && { by: why === undefined ? 'pidfd_getfd' : 'proc' }),
    ...(why !== undefined && { why }),
    ...(note !== '' && { note }),
  };
}
