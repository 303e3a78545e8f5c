// The path of a Unix socket whose process has gone without unlinking it.

import { native } from '../addon/exports.ts';
import { ECONNREFUSED } from '../base/errno.ts';
import { fs, path as paths } from '../base/lazy-builtins.ts';
import { encodeUnixAddress } from '../sd/sockaddr.ts';

/**
 * Whether the kernel refuses to connect there, as it does when no socket has the path any more. It is asked
 * with a socket of datagrams, because a server of connections never sees that.
 */
function isRefused(path: string): boolean {
  const name = path.startsWith('@') ? `./${path}` : path;
  return native().datagram_room(encodeUnixAddress(name)) === -ECONNREFUSED;
}

/**
 * Unlinks a Unix socket that no process has any more, as systemd does before it binds. What has a process,
 * and what is no socket, stays; who then listens there gets the error of Node, which says more.
 *
 * Another worker of the cluster may do the same, and bind a new socket there, just between the question
 * and the unlinking. So the path is moved aside first, and what was moved is asked again.
 */
export function removeStale(path: string): void {
  if (process.platform !== 'linux') return;
  try {
    if (!fs().lstatSync(path).isSocket() || !isRefused(path)) return;
    const aside = paths().join(paths().dirname(path), `.${process.pid}.stale`);
    fs().renameSync(path, aside);
    if (isRefused(aside)) fs().unlinkSync(aside);
    else fs().renameSync(aside, path);
  } catch {
    // Without the right to write there, or because another worker was first.
  }
}
