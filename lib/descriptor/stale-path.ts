// Removes the file of a Unix socket that no process has any more.
import { native } from '../addon/exports.ts';
import { ECONNREFUSED } from '../base/errno.ts';
import { fs, path as paths } from '../base/lazy-builtins.ts';
import { encodeUnixAddress } from '../sd/sockaddr.ts';

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
 * path, and bind(2) then fails with EADDRINUSE.
 *
 * Another cluster worker may do the same, and bind a new socket between the check and the unlinking. So the socket is
 * moved aside first, and the moved socket is checked again.
 */
export function unlinkStale(path: string): void {
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
