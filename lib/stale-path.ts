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
 * Unlinks a Unix socket that no process has any more, as systemd does before it binds. What a process has,
 * and what is no socket, stays.
 */
export function removeStale(path: string): void {
  if (process.platform !== 'linux') return;
  try {
    if (fs().lstatSync(path).isSocket() && isRefused(path)) fs().unlinkSync(path);
  } catch {
    // There is nothing, or who listens gets the error of Node, which says more.
  }
}
