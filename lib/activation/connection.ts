// The one connection of a service that is started for each (Accept=yes, inetd's way).
import type { Socket } from 'node:net';
import { SystemdError } from '../base/errors.ts';
import { net } from '../base/lazy-builtins.ts';
import { connectInBun } from '../base/other-runtimes.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import { type Descriptor, duplicate, inspect, inspectNamed } from '../descriptor/inspect.ts';
import { socketOf } from '../descriptor/node-handles.ts';
import { isConnection } from '../descriptor/predicates.ts';
import { listenFds, ofPrimary } from './environment.ts';
import { connectionTaken, isTaken, keepConnection, markTaken } from './inherited.ts';
import { isStdinSocket, STDIN } from './stdin.ts';

/** A socket without a local name on stdin is a pair that some parent made, and no client. */
function isClientOnStdin(descriptor: Descriptor): boolean {
  if (descriptor.kind !== 'socket' || !isConnection(descriptor)) return false;
  const { localAddress: local } = descriptor;
  return (
    local.family !== 'unix' || Object.hasOwn(local, 'path') || Object.hasOwn(local, 'abstract')
  );
}

function stdin(): Descriptor | undefined {
  if (!isStdinSocket()) return undefined;
  const descriptor = inspect(STDIN);
  return isClientOnStdin(descriptor) ? descriptor : undefined;
}

function find(): Descriptor | undefined {
  const passed = listenFds();
  if (passed.length === 0) return stdin();
  // Beside the connection there may be what the fd store and OpenFile= pass, but no listener.
  if (passed.some((descriptor) => descriptor.kind === 'socket' && descriptor.listening))
    return undefined;
  // A cluster worker's list is its primary's, which serves its connections itself.
  const connections = passed.filter((one) => isConnection(one) && !isTaken(one) && !ofPrimary(one));
  const [only, ...more] = connections;
  if (only === undefined || more.length > 0) return undefined;
  // Anew: other code may have closed it, and the number be another's by now.
  return inspectNamed(only.fd, only.name);
}

function assertStream(descriptor: Descriptor): void {
  const { family, type } = descriptor as Extract<Descriptor, { kind: 'socket' }>;
  if (type === 'stream' && ['inet', 'inet6', 'unix'].includes(family as string)) return;
  const message = `Expected a connected stream socket of family inet, inet6 or unix, and got ${formatDescriptor(descriptor)}`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd: descriptor.fd });
}

/**
 * The connection that this process was started to serve: the one of an `Accept=yes` socket, passed
 * as descriptor 3, or on standard input with StandardInput=socket. Give it to a server by
 * `server.emit('connection', socket)`, or use it as it is.
 *
 * The socket owns descriptor 3: closing it ends the connection. Of standard input it owns a copy.
 * It has `allowHalfOpen` false, as net.Server's connections by default; http's have it true.
 *
 * @returns the same socket on every call; undefined when the process was not started for a
 * connection
 * @throws SystemdError ERR_SYSTEMD_FD_KIND when the connection is none that Node can serve, such as
 * a seqpacket socket; EBADF when it was closed since; EMFILE when no descriptor is left for the copy; and
 * what {@link listenFds} throws
 * @see systemd.socket(5), Accept=
 */
export function connection(): Socket | undefined {
  const known = connectionTaken();
  if (known !== undefined) return known;
  const descriptor = find();
  if (descriptor === undefined) return undefined;
  assertStream(descriptor);
  const { fd } = descriptor;
  const options = { readable: true, writable: true };
  // A copy of standard input, because Node never closes 0, and process.stdin may be used too.
  const own = fd === STDIN ? duplicate(fd) : fd;
  const socket = fd === STDIN ? socketOf(own, options) : new (net().Socket)({ ...options, fd });
  connectInBun(socket, own);
  markTaken([descriptor]);
  keepConnection(socket);
  return socket;
}
