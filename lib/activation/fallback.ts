// Makes a server listen on its fallback, because no socket was passed for it.
import { native } from '../addon/exports.ts';
import { ECONNREFUSED } from '../base/errno.ts';
import { fs, path as paths } from '../base/lazy-builtins.ts';
import { propertyOf } from '../base/options.ts';
import { encodeUnixAddress } from '../sd/sockaddr.ts';
import type { ListenFdOptions } from './listen-options.ts';
import type { AnyServer, ServerKind } from './server-kinds/index.ts';
import { type Listening, untilListening } from './until-listening.ts';

/** The path that Node will bind to; undefined when the fallback has a port or a descriptor, which Node prefers. */
function pathOf(fallback: ListenFdOptions['fallback']): string | undefined {
  if (typeof fallback === 'object') {
    const hasPort = Object.hasOwn(fallback, 'port') || propertyOf(fallback, 'port') !== undefined;
    const isElsewhere = hasPort || propertyOf(fallback, 'fd') !== undefined;
    return isElsewhere ? undefined : pathOf(propertyOf(fallback, 'path') as string | undefined);
  }
  return typeof fallback === 'string' && !/^(\d+$|\0)/.test(fallback) ? fallback : undefined;
}

/**
 * True when no process has the socket at this path any more: the kernel then refuses a connection. The question is
 * asked by a datagram socket, because a server of connections never sees that.
 */
function isStale(path: string): boolean {
  const name = path.startsWith('@') ? `./${path}` : path;
  return native().datagram_room(encodeUnixAddress(name)) === -ECONNREFUSED;
}

/**
 * Unlinks a Unix socket that no process has any more, as systemd does before it binds. Anything else stays at the
 * path, and Node then fails with EADDRINUSE.
 *
 * Another cluster worker may do the same, and bind a new socket between the check and the unlinking. So the socket is
 * moved aside first, and the moved socket is checked again.
 */
function unlinkStale(path: string): void {
  if (process.platform !== 'linux') return;
  try {
    if (!fs().lstatSync(path).isSocket() || !isStale(path)) return;
    const aside = paths().join(paths().dirname(path), `.${process.pid}.stale`);
    fs().renameSync(path, aside);
    if (isStale(aside)) fs().unlinkSync(aside);
    else fs().renameSync(aside, path);
  } catch {
    // This process may not write there, or another worker was first.
  }
}

/** Resolves once the server listens on its fallback; rejects as {@link untilListening}. */
export async function listenOnFallback(
  kind: ServerKind,
  server: AnyServer,
  { fallback, backlog }: ListenFdOptions,
): Promise<Listening> {
  const path = pathOf(fallback);
  // Before Node tries to bind, because a failure would emit 'error' to the program's listeners, and because a cluster
  // primary gives the result of the first try to all its workers.
  if (path !== undefined) unlinkStale(path);
  const start = () => kind.openFallback(server, fallback as object, backlog);
  const read = () => {
    try {
      return { addresses: [kind.address(server)], handle: kind.handle(server) };
    } catch (error) {
      kind.close(server);
      throw error;
    }
  };
  return await untilListening(kind, server, start, read);
}
