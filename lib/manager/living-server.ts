// Finds out whether a Unix socket file has a server that lives, without a connection that the server would see.
import { EADDRINUSE } from '../base/errno.ts';
import { systemError } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';
import type { SocketDescription } from './socket-description.ts';

/** The flag of a socket that listens (__SO_ACCEPTCON in Linux's net.h). Connections have their server's path, too. */
const LISTENS = 0x10000;

/**
 * True when a socket of this network namespace takes connections or datagrams at the path, by /proc/net/unix
 * (proc_pid_net(5)).
 */
function hasServer(path: string, takesConnections: boolean): boolean {
  const lines = fs().readFileSync('/proc/net/unix', 'utf8').split('\n');
  return lines.some((line) => {
    const [, , , flags = '', , , , ...words] = line.split(/ +/);
    const listens = (Number.parseInt(flags, 16) & LISTENS) !== 0;
    return words.join(' ') === path && listens === takesConnections;
  });
}

/**
 * Refuses a path at which a server listens. systemd would take the path over; but a test or a developer has chosen a
 * wrong path then, and the other server would lose its clients without a word. The file of a server that has ended is
 * none.
 *
 * @throws SystemdError EADDRINUSE
 */
export function refuseLivingServer({ name, kind, address }: SocketDescription): void {
  if (!['stream', 'datagram', 'seqpacket'].includes(kind) || !address.startsWith('/')) return;
  if (!fs().existsSync(address) || !hasServer(address, kind !== 'datagram')) return;
  const advice = `the ${kind} '${name}' at ${address}: another process has this socket open, so choose another path, or end that process`;
  throw systemError(-EADDRINUSE, 'bind', { path: address }, advice);
}
