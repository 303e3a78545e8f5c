// Makes a server listen on descriptors that systemd passed. The server gets a copy of each descriptor: an event loop
// takes a number only once, Node closes the number with the server, and the next server needs the inherited one.
import { native } from '../addon/exports.ts';
import { resultOrThrow, SystemdError } from '../base/errors.ts';
import { runtimeError } from '../base/other-runtimes.ts';
import { acceptQueue } from '../descriptor/accept-queue.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import {
  copyFd,
  type InheritedDescriptor,
  inspectNamed,
  type SocketDescriptor,
} from '../descriptor/inspect.ts';
import { looksTheSame } from '../descriptor/predicates.ts';
import { primaryDescriptorOf } from './activation.ts';
import { backlogFor, restoreBacklog } from './backlog.ts';
import { copyAnnounced, copyFromPrimary } from './cluster/inspect-primary.ts';
import { informPrimary, listenByPrimary } from './cluster/listen.ts';
import { isWorker, type PrimaryDescriptor } from './cluster/worker.ts';
import { type AnyServer, assertSuits, type ServerKind } from './server-kinds/index.ts';
import { STDIN } from './stdin.ts';
import { type Listening, stillListens, untilListening } from './until-listening.ts';

/** A descriptor, and the way by which a server of this process can listen on it. */
interface Source {
  readonly descriptor: InheritedDescriptor;
  /** In a cluster worker: what the worker knows about the descriptor, if it is one of the primary's. */
  readonly inPrimary: PrimaryDescriptor | undefined;
  /**
   * True in a cluster worker for a descriptor that the primary does not open for its workers: a descriptor that the
   * primary has not announced, standard input, which each worker inherits, and one that Node can't open.
   */
  readonly bypassesPrimary: boolean;
}

function sourceOf(kind: ServerKind, descriptor: InheritedDescriptor): Source {
  const inPrimary = primaryDescriptorOf(descriptor);
  const bypassesPrimary =
    inPrimary === undefined
      ? descriptor.fd === STDIN && isWorker()
      : kind.opensByItself || !inPrimary.isAnnounced;
  return { descriptor, inPrimary, bypassesPrimary };
}

/** Inspects the descriptor again, because other code may have closed it, and the number may be another file's now. */
function assertUnchanged(kind: ServerKind, { descriptor, inPrimary }: Source): void {
  if (inPrimary !== undefined) return;
  const now = inspectNamed(descriptor.fd, descriptor.name);
  assertSuits(kind, now);
  if (looksTheSame(now, descriptor)) return;
  const message = `Expected ${formatDescriptor(descriptor)}, and got ${formatDescriptor(now)}: other code of this process has closed the inherited descriptor, which must stay open`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd: now.fd });
}

function backlogOf({ descriptor, inPrimary }: Source, minBacklog: number): number {
  const limit = inPrimary === undefined ? acceptQueue(descriptor.fd)?.limit : inPrimary.limit;
  return backlogFor(descriptor, limit, minBacklog);
}

function copyOf({ descriptor: { fd }, inPrimary }: Source): number {
  if (inPrimary === undefined) return copyFd(fd);
  return inPrimary.isAnnounced
    ? copyAnnounced(fd)
    : resultOrThrow(copyFromPrimary(fd), 'pidfd_getfd', fd);
}

/** Resolves with the handle once the server listens on a copy. When that fails, the copy is closed. */
async function listenOnCopy(
  kind: ServerKind,
  server: AnyServer,
  source: Source,
  backlog: number,
): Promise<unknown> {
  const fd = copyOf(source);
  const { bypassesPrimary } = source;
  let isNodes = false;
  const start = () => {
    try {
      kind.open(server, { fd, backlog, bypassesPrimary });
      isNodes = true;
    } finally {
      // When a 'listening' listener of the program has thrown, Node has the copy nevertheless.
      isNodes ||= kind.fds(server).includes(fd);
      if (isNodes) native().release(fd); // Node will close it
    }
  };
  try {
    return await untilListening(kind, server, start, () => kind.handle(server));
  } catch (error) {
    // Node closes a copy that it has taken, but not with EEXIST, because then another socket of Node's owns the number.
    if (!isNodes || (error as NodeJS.ErrnoException).code === 'EEXIST') native().close(fd);
    throw error;
  }
}

/** The port that a socket is bound to; undefined for a Unix socket. */
function portOf({ localAddress }: SocketDescriptor): number | undefined {
  const { family } = localAddress;
  return family === 'inet' || family === 'inet6' ? localAddress.port : undefined;
}

/** Throws in Bun, whose http ignores the descriptor and listens on a port of its own choice. */
function assertListensOnDescriptor(server: AnyServer, descriptor: InheritedDescriptor): void {
  const address = server.address();
  // A string or an address without a port for a Unix socket; null when the program has closed the server as soon as it
  // listened.
  if (typeof address === 'string' || address === null || !('port' in address)) return;
  const { port } = address;
  if (port === portOf(descriptor as SocketDescriptor)) return;
  server.close(); // but not the copy, because nobody knows whether the runtime has closed it
  const advice =
    "listen with a server of net, and hand its connections over: net.createServer((socket) => server.emit('connection', socket))";
  throw runtimeError(
    `In this runtime the server listens on port ${port}, and not on ${formatDescriptor(descriptor)}: ${advice}`,
  );
}

/** Resolves with the handle once the server listens on this descriptor. */
async function listenOnOne(
  kind: ServerKind,
  server: AnyServer,
  source: Source,
  minBacklog: number,
): Promise<unknown> {
  const { descriptor, inPrimary, bypassesPrimary } = source;
  const backlog = backlogOf(source, minBacklog);
  const isByPrimary = inPrimary !== undefined && !bypassesPrimary;
  const handle = isByPrimary
    ? await listenByPrimary(kind, server, descriptor, backlog)
    : await listenOnCopy(kind, server, source, backlog);
  if (bypassesPrimary) {
    informPrimary(kind, server, handle, descriptor.fd, portOf(descriptor as SocketDescriptor));
  } else if (inPrimary === undefined) {
    restoreBacklog(descriptor, backlog);
  }
  if (stillListens(kind, server, handle)) assertListensOnDescriptor(server, descriptor);
  return handle;
}

/**
 * Resolves once the server listens on all of the descriptors. The server itself listens on the first one; for each
 * further one a helper server listens, and hands its connections over. When one of them fails, the server is closed.
 *
 * @param minBacklog - the backlog that the program has chosen; 0 when it has chosen none
 */
export async function adopt(
  kind: ServerKind,
  server: AnyServer,
  descriptors: readonly InheritedDescriptor[],
  minBacklog: number,
): Promise<Listening> {
  const sources = descriptors.map((descriptor) => sourceOf(kind, descriptor));
  for (const source of sources) assertUnchanged(kind, source);
  const [first, ...further] = sources as [Source, ...Source[]];
  const handle = await listenOnOne(kind, server, first, minBacklog);
  try {
    // The program may have closed the server as soon as it listened.
    const rest = stillListens(kind, server, handle) ? further : [];
    const helped = rest.map(async (source) => {
      await listenOnOne(kind, kind.helper?.(server) as AnyServer, source, minBacklog);
    });
    await Promise.all(helped);
  } catch (error) {
    if (stillListens(kind, server, handle)) kind.close(server);
    throw error;
  }
  const addresses = descriptors.map((descriptor) => (descriptor as SocketDescriptor).localAddress);
  return { addresses, handle };
}
