// listen(): a Node server on the sockets that systemd opened for it.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { takeOptions } from '../base/options.ts';
import type { Address } from '../descriptor/address.ts';
import type { UnixServer } from '../descriptor/unix-server.ts';
import { LISTEN_OPTIONS, type ListenFdOptions } from './listen-options.ts';
import { prepareServer } from './prepared-server.ts';

/**
 * Makes a server listen on the sockets that systemd opened for it, or on `fallback` when none was passed.
 *
 * **Which sockets.** All of one name: a socket unit may have several, as for IPv4 and IPv6. A server of
 * connections takes listening stream sockets, a socket of dgram takes a UDP socket of its family, and a server of
 * `libsystemd/unix` takes a Unix datagram or seqpacket socket. Files and
 * connections, which the fd store and OpenFile= pass too, never count. Neither does a descriptor that
 * `take()`, `load()` or `connection()` has handed out. A listener that the service itself has stored counts.
 *
 * **Two servers.** Without a name, a server never gets a socket on which another server of this process
 * listens. By name or descriptor, several servers may listen on the same socket. Each gets a copy, so
 * closing the server leaves the inherited socket open and keeps the connections that wait in its queue.
 *
 * **Several sockets.** The server itself listens on the first. Each further socket has a listener that hands
 * its connections to the server, as `server.emit('connection', socket)` does, and closes with the server.
 *
 * **The backlog** of the unit stays as it was. For a Unix socket the kernel may not tell the backlog
 * (RestrictAddressFamilies= without AF_NETLINK, PrivateNetwork=yes). Then the backlog is net.core.somaxconn, and a
 * process warning says so (ERR_SYSTEMD_BACKLOG).
 *
 * **In a cluster worker** the same call listens on the primary's sockets.
 *
 * @param server - a server of net, http, https, http2 or tls, a `udp4` or `udp6` socket of dgram, or a `UnixDatagram`
 * or `UnixSeqpacketServer` of `libsystemd/unix`
 * @param options - default {}: the sockets of the only name, and no fallback
 * @returns the addresses that the server listens on, in the unit's order; frozen. The first one is
 * `server.address()`, which is null for a Unix socket of the unit
 * @throws SystemdError, by its code:
 * - ERR_SYSTEMD_NOT_ACTIVATED: there is neither a socket nor a fallback
 * - ERR_SYSTEMD_FD_NAME: sockets were passed, none has this name, and there is no fallback; with a fallback
 *   this is a process warning
 * - ERR_SYSTEMD_FD_COUNT: sockets of several names suit, and `name` is left out; or several sockets suit a
 *   socket of dgram or a server of `libsystemd/unix`
 * - ERR_SYSTEMD_FD_KIND: only sockets of another kind have the name; a fallback does not help
 * - ERR_SYSTEMD_CLOSED: the program closed the server before it listened, or the signal of its fallback was
 *   aborted
 * - EBADF: other code has closed a descriptor
 * - EMFILE, ENFILE: no descriptor is left for the copy
 * - ERR_SYSTEMD_CLUSTER: this is a cluster worker, and its primary can't open the socket
 * - ERR_SYSTEMD_RUNTIME: this is not Node, and its server ignores the descriptor
 * - those of {@link listenFds}
 * @throws Error of Node when the server can't listen: EADDRINUSE, ERR_SERVER_ALREADY_LISTEN …
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong
 * arguments, an unknown option too
 * @see systemd.socket(5), sd_listen_fds(3)
 */
export async function listen(
  server: Server | DgramSocket | UnixServer,
  options: ListenFdOptions = {},
): Promise<readonly Address[]> {
  const taken = takeOptions(options, LISTEN_OPTIONS, 'listen()');
  return await prepareServer(server, taken).start();
}
