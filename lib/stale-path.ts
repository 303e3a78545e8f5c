// The path of a Unix socket whose process has gone without unlinking it.
import { encodeUnixAddress } from './address.ts';
import { fs } from './builtin.ts';
import { ECONNREFUSED } from './errors.ts';
import { native } from './native.ts';

/**
 * Whether the kernel refuses to connect there, as it does when no socket has the path any more. It is asked
 * with a socket of datagrams, because a server of connections never sees that.
 */
function isRefused(path: string): boolean {
  const name = path.startsWith('@') ? `./${path}` : path;
  return native().datagram_room(encodeUnixAddress(name)) === -ECONNREFUSED;
}

/**
 * Unlinks a Unix socket that no process has any more, as systemd does before it binds.
 *
 * @returns whether it may be bound to now; false where a process has it, or it is no socket
 */
export function removeStale(path: string): boolean {
  if (process.platform !== 'linux') return false;
  try {
    if (!fs().lstatSync(path).isSocket() || !isRefused(path)) return false;
    fs().unlinkSync(path);
    return true;
  } catch {
    return false; // who listens has the error of Node, which says more
  }
}
