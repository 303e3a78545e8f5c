// connection(): the one connection of a service that systemd starts for each client (Accept=yes).
import type { Socket } from 'node:net';
import { SystemdError } from '../base/errors.ts';
import { net } from '../base/lazy-builtins.ts';
import { connectInBun } from '../base/other-runtimes.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import { copyFd, type Descriptor, inspectNamed } from '../descriptor/inspect.ts';
import { socketOf } from '../descriptor/node-handles.ts';
import { isConnection } from '../descriptor/predicates.ts';
import { primaryDescriptorOf } from './activation.ts';
import { listenFds } from './listen-fds.ts';
import { isTaken, markTaken, rememberConnection, takenConnection } from './ownership.ts';
import { connectionOnStdin, STDIN } from './stdin.ts';

function findConnection(): Descriptor | undefined {
  const passed = listenFds();
  if (passed.length === 0) return connectionOnStdin();
  // A service with a listener is not started for one connection: a connection beside it was stored.
  if (passed.some((descriptor) => descriptor.kind === 'socket' && descriptor.listening)) {
    return undefined;
  }
  // The descriptors of a cluster worker are the primary's, and a primary serves its connections itself.
  const connections = passed.filter(
    (descriptor) =>
      isConnection(descriptor) && !isTaken(descriptor) && !primaryDescriptorOf(descriptor),
  );
  const [only, ...more] = connections;
  if (only === undefined || more.length > 0) return undefined;
  // Inspected again, because other code may have closed it, and the number may be another file's now.
  return inspectNamed(only.fd, only.name);
}

function assertStream(descriptor: Descriptor): void {
  const { family, type } = descriptor as Extract<Descriptor, { kind: 'socket' }>;
  if (type === 'stream' && ['inet', 'inet6', 'unix'].includes(family as string)) return;
  const message = `Expected a connected stream socket of family inet, inet6 or unix (ListenStream= with Accept=yes), and got ${formatDescriptor(descriptor)}`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd: descriptor.fd });
}

/**
 * The connection that systemd started this process to serve, for a socket unit with `Accept=yes`. systemd passes
 * it as descriptor 3, or with StandardInput=socket as standard input. Give the connection to a server by
 * `server.emit('connection', socket)`, or use it as it is.
 *
 * The socket owns descriptor 3, so closing the socket ends the connection. For standard input it owns a copy.
 * A client that has gone already is told by its 'error' or 'close', as of any socket.
 * Its `allowHalfOpen` is false, the default of net.Server; http.Server sets it to true for its connections.
 *
 * @returns the same socket on every call; undefined when the process was not started for a connection
 * @throws SystemdError, by its code:
 * - ERR_SYSTEMD_FD_KIND: Node can't serve the connection, such as a seqpacket socket
 * - EBADF: other code has closed the connection
 * - EMFILE, ENFILE: no descriptor is left for the copy of standard input
 * - those of {@link listenFds}
 * @see systemd.socket(5), Accept=
 */
export function connection(): Socket | undefined {
  const known = takenConnection();
  if (known !== undefined) return known;
  const descriptor = findConnection();
  if (descriptor === undefined) return undefined;
  assertStream(descriptor);
  const { fd } = descriptor;
  const options = { readable: true, writable: true };
  // A copy of standard input, because Node never closes 0, and the program may use process.stdin too.
  const own = fd === STDIN ? copyFd(fd) : fd;
  const socket = fd === STDIN ? socketOf(own, options) : new (net().Socket)({ ...options, fd });
  connectInBun(socket, own);
  markTaken([descriptor]);
  rememberConnection(socket);
  return socket;
}
