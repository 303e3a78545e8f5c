// listen(): a Node server on the sockets that systemd opened for it.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { takeOptions } from '../base/options.ts';
import type { Address } from '../descriptor/address.ts';
import { LISTEN_OPTIONS, type ListenFdOptions } from './listen-options.ts';
import { prepareServer } from './prepared-server.ts';

/**
 * Makes a server listen on the sockets that systemd opened for it, or on `fallback` when none was passed.
 *
 * **Which sockets.** All of one name: a socket unit may have several, as for IPv4 and IPv6. A server of
 * connections takes listening stream sockets, a socket of dgram takes a UDP socket of its family. Files and
 * connections, which the fd store and OpenFile= pass too, never count. Neither does a descriptor that
 * `take()`, `load()` or `connection()` has handed out. A listener that the service itself has stored counts.
 *
 * **Two servers.** Without a name, a server never gets a socket that another server of this process
 * listens on. By name or descriptor, several servers may listen on the same socket. Each gets a copy, so
 * closing the server leaves the inherited socket open and keeps the connections that wait in its queue.
 *
 * **Several sockets.** The server itself listens on the first. Each further socket has a listener that hands
 * its connections to the server, as `server.emit('connection', socket)` does, and closes with the server.
 *
 * **The backlog** of the unit stays as it was. The kernel may not tell that of a Unix socket
 * (RestrictAddressFamilies= without AF_NETLINK, PrivateNetwork=yes). Then net.core.somaxconn holds, and a
 * process warning says so (ERR_SYSTEMD_BACKLOG).
 *
 * **In a cluster worker** the same call listens on the primary's sockets.
 *
 * @param server - a server of net, http, https, http2 or tls, or a `udp4` or `udp6` socket of dgram
 * @param options - default {}: the sockets of the only name, and no fallback
 * @returns the addresses that the server listens on, in the unit's order; frozen. The first one is
 * `server.address()`
 * @throws SystemdError ERR_SYSTEMD_NOT_ACTIVATED when there is neither a socket nor a fallback
 * @throws SystemdError ERR_SYSTEMD_FD_NAME when sockets were passed, none has this name, and there is no
 * fallback; with a fallback, a process warning
 * @throws SystemdError ERR_SYSTEMD_FD_COUNT when sockets of several names suit and `name` is left out, or
 * when several sockets suit a socket of dgram
 * @throws SystemdError ERR_SYSTEMD_FD_KIND when only sockets of another kind have the name, also with a
 * fallback
 * @throws SystemdError ERR_SYSTEMD_CLOSED when the program closes the server before it listens, or the
 * signal of its fallback is aborted
 * @throws SystemdError EBADF when other code has closed a descriptor
 * @throws SystemdError EMFILE when no descriptor is left for the copy
 * @throws SystemdError ERR_SYSTEMD_CLUSTER in a cluster worker whose primary can't open the socket
 * @throws SystemdError ERR_SYSTEMD_RUNTIME in a runtime whose server ignores the descriptor, as in Bun
 * @throws SystemdError as {@link listenFds}
 * @throws Error of Node when the server can't listen: EADDRINUSE, ERR_SERVER_ALREADY_LISTEN …
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong
 * arguments, an unknown option too
 * @see systemd.socket(5), sd_listen_fds(3)
 */
export async function listen(
  server: Server | DgramSocket,
  options: ListenFdOptions = {},
): Promise<readonly Address[]> {
  const taken = takeOptions(options, LISTEN_OPTIONS, 'listen()');
  return await prepareServer(server, taken).start();
}
