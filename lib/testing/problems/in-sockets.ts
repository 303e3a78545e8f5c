// The problems that the sockets of a unit show: what the program has done to them.
import { fs } from '../../base/lazy-builtins.ts';
import { acceptQueue } from '../../descriptor/accept-queue.ts';
import type { OpenSocket } from '../../manager/listeners.ts';
import { ACCEPTING_KINDS } from '../../manager/socket-description.ts';
import type { Problem } from './codes.ts';

/** A socket as it was when it was opened. */
export interface OpenedSocket {
  readonly name: string;
  readonly fd: number;
  /** The path of a Unix socket or a FIFO. */
  readonly path?: string;
  /** The longest queue of connections, see {@link acceptQueue}. */
  readonly limit?: number;
}

/** What a socket is like before a program has it. */
export function asOpened({ description: { name, kind, address }, fd }: OpenSocket): OpenedSocket {
  const limit = ACCEPTING_KINDS.includes(kind) ? acceptQueue(fd)?.limit : undefined;
  return {
    name,
    fd,
    ...(address.startsWith('/') && kind !== 'queue' ? { path: address } : {}),
    ...(limit === undefined ? {} : { limit }),
  };
}

function isGone(path: string): boolean {
  return !fs().existsSync(path);
}

/** The problems of one socket. */
export function socketProblems({ name, fd, path, limit }: OpenedSocket): Problem[] {
  const problems: Problem[] = [];
  const now = limit === undefined ? undefined : acceptQueue(fd)?.limit;
  if (limit !== undefined && now !== undefined && now < limit)
    problems.push({
      code: 'backlog-shrunk',
      message: `the queue of the socket '${name}' had room for ${limit} connections, and now for ${now}`,
      hint: 'server.listen({ fd }) of Node sets 511: use listen() or serve() of libsystemd, which keep it',
    });
  if (path !== undefined && isGone(path))
    problems.push({
      code: 'path-unlinked',
      message: `the socket '${name}' has lost its file ${path}, so nobody can connect to it any more`,
      hint: 'Leave the file alone: it belongs to the socket unit. server.close() of Node removes that of a path which it has opened itself',
    });
  return problems;
}
