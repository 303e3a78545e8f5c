// Opens a server on inherited sockets in place of the address that the program has asked for.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { backlogFor, restoreBacklog } from '../activation/backlog.ts';
import { markListening } from '../activation/ownership.ts';
import { NET } from '../activation/server-kinds/net.ts';
import { native } from '../addon/exports.ts';
import { replaceMethod } from '../base/replace-method.ts';
import { warn } from '../base/warn.ts';
import { acceptQueue } from '../descriptor/accept-queue.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import { copyFd, type InheritedDescriptor, inspectNamed } from '../descriptor/inspect.ts';
import { handleFd, whenHandleCloses } from '../descriptor/node-handles.ts';
import { looksTheSame } from '../descriptor/predicates.ts';

/** Node's function that makes a server listen, once its options are read and its host is looked up. */
export type Listen2 = (
  this: Server,
  address: string | null,
  port: number | null,
  addressType: number | null,
  backlog: number | undefined,
  fd: number | undefined,
  flags: number | undefined,
) => void;

/** False when other code of this process has closed the descriptor, or its number is another file's now. */
export function isStillInherited(descriptor: InheritedDescriptor): boolean {
  try {
    if (looksTheSame(inspectNamed(descriptor.fd, descriptor.name), descriptor)) return true;
  } catch {
    // It is closed.
  }
  warn(
    `${formatDescriptor(descriptor)} is no longer open in this process: the program listens by itself`,
    { code: 'ERR_SYSTEMD_FD_KIND' },
  );
  return false;
}

/** Calls `open` with a copy of the descriptor, which Node closes with the server; closes the copy when that fails. */
function openOnCopy(server: object, descriptor: InheritedDescriptor, open: (fd: number) => void) {
  const copy = copyFd(descriptor.fd);
  const end = markListening(descriptor, server);
  let isNodes = false;
  try {
    open(copy);
  } finally {
    isNodes = handleFd(server) === copy;
    if (isNodes) native().release(copy);
    else native().close(copy);
  }
  if (isNodes) whenHandleCloses(server as Server, end);
  else end();
}

/** Makes a server listen on one inherited socket. The limit of the queue stays that of the unit, or grows. */
function listenOnOne(
  server: Server,
  listen2: Listen2,
  descriptor: InheritedDescriptor,
  backlog: number,
  flags: number | undefined,
): void {
  const limit = backlogFor(descriptor, acceptQueue(descriptor.fd)?.limit, backlog);
  openOnCopy(server, descriptor, (fd) => listen2.call(server, null, null, null, limit, fd, flags));
  restoreBacklog(descriptor, limit);
}

/**
 * Makes a server listen on all of these sockets. An error is emitted by the server as Node does: on the next tick.
 *
 * @param backlog - the backlog that the program has chosen; undefined when it has chosen none
 */
export function listenOnInherited(
  server: Server,
  listen2: Listen2,
  descriptors: readonly InheritedDescriptor[],
  backlog: number | undefined,
  flags: number | undefined,
): void {
  try {
    const [first, ...further] = descriptors as [InheritedDescriptor, ...InheritedDescriptor[]];
    listenOnOne(server, listen2, first, backlog ?? 0, flags);
    if (!server.listening) return; // Node emits the error
    for (const descriptor of further) {
      listenOnOne(NET.helper?.(server) as Server, listen2, descriptor, backlog ?? 0, flags);
    }
  } catch (error) {
    if (server.listening) NET.close(server);
    process.nextTick(() => server.emit('error', error));
  }
}

const INTERNAL_ASSERTION = /\bERR_INTERNAL_ASSERTION\b/;

/**
 * True for a server of Node's own, by which a cluster primary accepts for its workers (SCHED_RR). Node listens on one
 * socket with it, and then takes its handle, so that a connection which it gets itself is a failed assertion.
 */
export function acceptsForWorkers(server: NodeJS.EventEmitter): boolean {
  return server
    .listeners('connection')
    .some((listener) => INTERNAL_ASSERTION.test(Function.prototype.toString.call(listener)));
}

/** Servers that are a part of another one. */
const helpers = new WeakSet<object>();

export function isHelper(server: object): boolean {
  return helpers.has(server);
}

/**
 * In a cluster worker: makes a server that listens on one inherited socket listen on further ones, which the primary
 * opens. An error is emitted by the server.
 */
export function listenOnFurther(
  server: Server,
  descriptors: readonly InheritedDescriptor[],
  backlog: number | undefined,
): void {
  for (const { fd } of descriptors) {
    const helper = NET.helper?.(server) as Server;
    helpers.add(helper);
    helper.once('error', (error) => {
      if (!helper.listening) server.emit('error', error);
    });
    helper.once('listening', () => {
      if (!server.listening) helper.close(); // closed before the primary has answered
    });
    NET.open(helper, { fd, backlog: backlog ?? 0, bypassesPrimary: false });
  }
}

export type Bind = (this: DgramSocket, ...args: unknown[]) => DgramSocket;

/** Holds 'listening' back until the next tick, because bind({ fd }) emits it at once, and bind(port) does not. */
function delayListening(socket: DgramSocket, act: () => void): void {
  const { emit } = socket;
  const emitLater = (event: string | symbol, ...args: unknown[]) => {
    if (event !== 'listening') return Reflect.apply(emit, socket, [event, ...args]) as boolean;
    process.nextTick(() => {
      if (handleFd(socket) !== undefined) socket.emit('listening');
    });
    return true;
  };
  const restore = replaceMethod(socket, 'emit', emitLater);
  try {
    act();
  } finally {
    restore();
  }
}

/** Binds a socket of dgram to an inherited one. Throws as bind() does. */
export function bindToInherited(
  socket: DgramSocket,
  bind: Bind,
  descriptor: InheritedDescriptor,
  callback: unknown,
): void {
  const more = typeof callback === 'function' ? [callback] : [];
  const open = (fd: number) => {
    const options = { __proto__: null, fd, exclusive: true };
    delayListening(socket, () => bind.call(socket, options, ...more));
  };
  openOnCopy(socket, descriptor, open);
}
