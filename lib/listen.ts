// A Node server on the socket that systemd opened for it.
import type { BindOptions, Socket as DgramSocket } from 'node:dgram';
import type { AddressInfo, ListenOptions, Server } from 'node:net';
import { type InheritedDescriptor, listenFd, meantForAnother, ofPrimary } from './activation.ts';
import type { Address } from './address.ts';
import { http, net } from './builtin.ts';
import { inPrimary, type PrimaryDescriptor, restoreBacklog } from './cluster.ts';
import {
  acceptQueue,
  type Descriptor,
  duplicate,
  formatDescriptor,
  inspectNamed,
  isSame,
  localAddress,
} from './descriptor.ts';
import {
  EBADF,
  invalidType,
  invalidValue,
  runtimeError,
  SystemdError,
  systemError,
  validateInteger,
  validateOptionalString,
  validateOptions,
} from './errors.ts';
import { handleFd, isDgramSocket } from './handle.ts';
import { native } from './native.ts';
import { type OptionNames, propertyOf, takeOptions } from './options.ts';
import { warnOfUnknownBacklog } from './unknown-backlog.ts';

/** What {@link listen} may be told. */
export interface ListenFdOptions {
  /** The descriptor's name (FileDescriptorName=). Default: the only one that was passed. */
  readonly name?: string;
  /**
   * Where to listen when the process was not socket-activated: what `server.listen()` or
   * `socket.bind()` takes first: options, a port, a path. Default: nowhere, that is an error.
   */
  readonly fallback?: ListenOptions | BindOptions | number | string;
  /**
   * How many connections may wait to be accepted; of no use for datagrams. An inherited listener
   * keeps what its unit gave it (Backlog=) if that is more. Default: the unit's; Node's 511 for the
   * fallback.
   */
  readonly backlog?: number;
}

/** Their names, for the check. */
export const LISTEN_OPTIONS: OptionNames<ListenFdOptions> = {
  name: true,
  fallback: true,
  backlog: true,
};

/** Capped by the kernel to net.core.somaxconn, so it shrinks no queue. */
const LARGEST_BACKLOG = 0x7fff_ffff;

/** What a server of Node can take over, for the check and for its error message. */
interface Wanted {
  readonly what: string;
  readonly suits: (descriptor: Descriptor) => boolean;
}

const LISTENER: Wanted = {
  what: 'a listening stream socket of family inet, inet6 or unix (ListenStream=)',
  suits: (descriptor) =>
    descriptor.kind === 'socket' &&
    descriptor.listening &&
    descriptor.type === 'stream' &&
    ['inet', 'inet6', 'unix'].includes(descriptor.family as string),
};

function datagramOf(type: string): Wanted {
  const family = type === 'udp6' ? 'inet6' : 'inet';
  return {
    what: `an unconnected dgram socket of family ${family} for a ${type} socket (ListenDatagram=)`,
    suits: (descriptor) =>
      descriptor.kind === 'socket' &&
      descriptor.type === 'dgram' &&
      descriptor.family === family &&
      descriptor.peerAddress === undefined,
  };
}

/** Bun's servers of http and https are none of net's. */
function isServer(value: unknown): value is Server {
  return value instanceof net().Server || value instanceof http().Server;
}

/** dgram keeps a socket's type to itself in types, but has always had it as a property. */
function dgramType(socket: DgramSocket): string {
  return (socket as unknown as { type: string }).type;
}

function validateFallback(server: Server | DgramSocket, fallback: unknown, name: string): void {
  const isOptions = typeof fallback === 'object' && fallback !== null;
  if (!isOptions && typeof fallback !== 'number' && typeof fallback !== 'string') {
    throw invalidType(name, 'of type object, number or string', fallback);
  }
  if (!isDgramSocket(server)) return;
  // Node's dgram would ignore a path, and bind any port.
  const isPath = isOptions
    ? propertyOf(fallback, 'path') !== undefined
    : !/^\d+$/.test(String(fallback));
  if (isPath) throw invalidValue(name, 'a port or options of bind()', fallback);
}

/** What errors call the arguments, for whoever has them in a list. */
export interface ArgumentNames {
  readonly server: string;
  readonly options: string;
}

export const NAMES: ArgumentNames = { server: 'server', options: 'options' };

function validate(server: unknown, options: ListenFdOptions, names: ArgumentNames): void {
  if (!isDgramSocket(server) && !isServer(server)) {
    const expected = 'a server of net, http, https, http2 or tls, or a socket of dgram';
    throw invalidType(names.server, expected, server);
  }
  validateOptions(options);
  validateOptionalString(`${names.options}.name`, options.name);
  if (options.fallback !== undefined) {
    validateFallback(server, options.fallback, `${names.options}.fallback`);
  }
  if (options.backlog !== undefined) {
    validateInteger(`${names.options}.backlog`, options.backlog, 0, LARGEST_BACKLOG);
  }
}

function assertSuits(server: Server | DgramSocket, descriptor: InheritedDescriptor): void {
  const wanted = isDgramSocket(server) ? datagramOf(dgramType(server)) : LISTENER;
  if (wanted.suits(descriptor)) return;
  const message = `Expected ${wanted.what}, and got ${formatDescriptor(descriptor)}`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd: descriptor.fd });
}

/** Starts it by `start`, and waits for the one event or the other. */
function started(server: Server | DgramSocket, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => {
      server.off('listening', done);
      server.off('error', done);
      if (error) reject(error);
      else resolve(); // 'listening' of Bun's http comes with a null
    };
    server.once('listening', done);
    server.once('error', done);
    try {
      start();
    } catch (error) {
      done(error as Error);
    }
  });
}

/**
 * The backlog goes as the second argument, because Node ignores `{ fd, backlog }` and would call
 * listen(2) with its own 511, shrinking the unit's queue for good, the manager's copy included.
 */
function open(server: Server | DgramSocket, fd: number, backlog: number): void {
  if (isDgramSocket(server)) server.bind({ fd });
  else server.listen({ fd }, backlog);
}

/** What the unit has set, where the kernel tells. */
function unitsBacklog(descriptor: InheritedDescriptor, limit: number | undefined): number {
  if (limit === undefined) warnOfUnknownBacklog(descriptor);
  return limit ?? LARGEST_BACKLOG;
}

/** A copy, because one event loop takes a descriptor only once. */
async function adopt(
  server: Server | DgramSocket,
  descriptor: InheritedDescriptor,
  atLeast: number,
): Promise<void> {
  const { fd, name } = descriptor;
  // Anew: other code may have closed it, and the number be another's by now.
  assertSuits(server, inspectNamed(fd, name));
  const limit = Math.max(unitsBacklog(descriptor, acceptQueue(fd)?.limit), atLeast);
  const copy = duplicate(fd);
  let thrown = true;
  try {
    await started(server, () => {
      open(server, copy, limit);
      native().release(copy);
      thrown = false;
    });
  } catch (error) {
    // What Node took it has closed, but not where by its books another socket has the number.
    if (thrown || (error as NodeJS.ErrnoException).code === 'EEXIST') native().close(copy);
    throw error;
  }
  // Bun's net has 511, whatever it is told.
  if (!isDgramSocket(server)) native().listen(fd, limit);
}

function anothers(expected: Descriptor, now: Descriptor): SystemdError {
  const why =
    now.fd === expected.fd
      ? 'other code of it has closed what is not its own'
      : 'other code of it took that number before cluster.fork(), and the next worker is told another';
  return new SystemdError(
    'ERR_SYSTEMD_FD_KIND',
    `Expected ${formatDescriptor(expected)}, and the cluster's primary has ${formatDescriptor(now)}: ${why}`,
    { fd: now.fd },
  );
}

/** Why Node's primary could not open it, by what is there; the error itself where that is as it was. */
function explainByPrimary({ descriptor, fd }: PrimaryDescriptor, error: unknown): unknown {
  const copy = inPrimary(fd);
  const now = copy === -EBADF ? inPrimary(descriptor.fd) : copy;
  if (now === -EBADF) {
    const detail = `where the cluster's primary had ${formatDescriptor(descriptor)}: other code of it has closed that`;
    return systemError(now, 'pidfd_getfd', { fd: descriptor.fd }, detail);
  }
  if (typeof now !== 'number' && !isSame(now, descriptor)) return anothers(descriptor, now);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'EINVAL') return error;
  return new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `The cluster's primary could not open its ${formatDescriptor(descriptor)} (${message}): other code of it has closed that, or it has no descriptor left for a copy`,
    { fd: descriptor.fd },
    { cause: error },
  );
}

/** In a cluster worker Node takes the number as the primary's, and makes the copies itself. */
async function adoptFromPrimary(
  server: Server | DgramSocket,
  shared: PrimaryDescriptor,
  atLeast: number,
): Promise<void> {
  const { descriptor, fd } = shared;
  // What is closed is perhaps not opened yet, and the kernel may not let it look.
  const now = inPrimary(fd);
  if (typeof now !== 'number' && !isSame(now, descriptor)) throw anothers(descriptor, now);
  const limit = Math.max(unitsBacklog(descriptor, shared.limit), atLeast);
  try {
    await started(server, () => open(server, fd, limit));
  } catch (error) {
    throw explainByPrimary(shared, error);
  }
  restoreBacklog(fd, limit);
}

/**
 * Bun's http ignores the descriptor, and listens on a port of its own choice. What has become of the
 * copy is then not known, so it is left open.
 */
function assertListensOn(server: Server | DgramSocket, descriptor: InheritedDescriptor): void {
  const { localAddress } = descriptor as Extract<Descriptor, { kind: 'socket' }>;
  const { port } = (server.address() ?? {}) as Partial<AddressInfo>;
  // None on a Unix socket, and where the program has closed the server as soon as it listened.
  if (port === undefined) return;
  if (port === ('port' in localAddress ? localAddress.port : undefined)) return;
  server.close();
  const advice =
    "Serve it over net, which can: net.createServer((socket) => server.emit('connection', socket))";
  throw runtimeError(
    `In this runtime the server took port ${port}, and not ${formatDescriptor(descriptor)}. ${advice}`,
  );
}

/** Node's address, where Node knows all of it: without a scope, and not in the abstract namespace. */
function toAddress(address: AddressInfo | string): Address | undefined {
  if (typeof address === 'string') {
    return address.startsWith('\0') ? undefined : { family: 'unix', path: address };
  }
  const { address: host, port, family } = address;
  if (family === 'IPv4') return { family: 'inet', address: host, port };
  return host.includes('%')
    ? undefined
    : { family: 'inet6', address: host, port, flowinfo: 0, scopeId: 0 };
}

/** By Node where that will do, so that without systemd not even the add-on is loaded. */
function addressOf(server: Server | DgramSocket): Address {
  const address = server.address();
  const known = address === null ? undefined : toAddress(address);
  const fd = handleFd(server);
  if (known === undefined && fd !== undefined) return Object.freeze(localAddress(fd));
  return Object.freeze(known ?? { family: 'unix' });
}

async function listenOn(
  server: Server | DgramSocket,
  { fallback, backlog }: ListenFdOptions,
): Promise<Address> {
  await started(server, () => {
    if (isDgramSocket(server)) server.bind(fallback as BindOptions);
    else if (typeof fallback === 'object') server.listen({ backlog, ...fallback } as ListenOptions);
    else server.listen(fallback, backlog);
  });
  try {
    return addressOf(server);
  } catch (error) {
    server.close();
    throw error;
  }
}

/** A server and what it is to listen on: all that can be wrong is checked, and nothing touched. */
export interface PreparedListen {
  /** What systemd passed for it; undefined when it is to listen on its fallback. */
  readonly descriptor: InheritedDescriptor | undefined;
  /** Listens, and gives the address. */
  start(): Promise<Address>;
}

/** The first half of {@link listen}, for whoever has several servers and wants all or none. */
export function prepareListen(
  server: Server | DgramSocket,
  options: ListenFdOptions,
  names = NAMES,
): PreparedListen {
  validate(server, options, names);
  const descriptor = listenFd(options.name);
  if (descriptor === undefined) {
    assertFallback(options);
    return { descriptor, start: () => listenOn(server, options) };
  }
  assertSuits(server, descriptor);
  return { descriptor, start: () => takeOver(server, descriptor, options.backlog ?? 0) };
}

async function takeOver(
  server: Server | DgramSocket,
  descriptor: InheritedDescriptor,
  atLeast: number,
): Promise<Address> {
  const shared = ofPrimary(descriptor);
  if (shared !== undefined) await adoptFromPrimary(server, shared, atLeast);
  else await adopt(server, descriptor, atLeast);
  assertListensOn(server, descriptor);
  return (descriptor as Extract<Descriptor, { kind: 'socket' }>).localAddress;
}

function assertFallback({ name, fallback }: ListenFdOptions): void {
  const elsewhere = meantForAnother();
  if (fallback !== undefined) {
    // Not silent: systemd holds a socket that nobody serves.
    if (elsewhere !== undefined)
      process.emitWarning(elsewhere, { code: 'ERR_SYSTEMD_NOT_ACTIVATED' });
    return;
  }
  const which = name === undefined ? 'No descriptor' : `No descriptor "${name}"`;
  const why = elsewhere ?? 'Start it by its socket unit, or give a fallback';
  throw new SystemdError(
    'ERR_SYSTEMD_NOT_ACTIVATED',
    `${which} was passed to this process. ${why}`,
  );
}

/**
 * Makes a server listen on the socket that systemd opened for it, or on `fallback` when the process
 * was not socket-activated. Checks first that the socket suits the server. The unit's backlog stays
 * as it was, but that of a Unix socket where the kernel does not tell it (RestrictAddressFamilies= without
 * AF_NETLINK, PrivateNetwork=yes), which a process warning says (ERR_SYSTEMD_BACKLOG). In a cluster worker the same call listens on the primary's socket.
 *
 * The server gets a copy of the descriptor: closing it leaves the inherited one open, so that
 * `listen` may be called again, and the queue of waiting connections is kept.
 *
 * @param server - a server of net, http, https, http2 or tls, or a `udp4` or `udp6` socket of dgram
 * @param options - default {}: the only descriptor that was passed, no fallback
 * @returns the address that it listens on
 * @throws SystemdError ERR_SYSTEMD_NOT_ACTIVATED when there is neither a descriptor nor a fallback;
 * ERR_SYSTEMD_FD_KIND when the descriptor doesn't suit the server; EBADF when it was closed since;
 * EMFILE when no descriptor is left for the copy; ERR_SYSTEMD_CLUSTER in a cluster worker whose primary
 * can't open it, and this worker not look why; ERR_SYSTEMD_RUNTIME when it is not Node and the server
 * ignored the descriptor; and what {@link listenFd} throws
 * @throws Error of Node when it can't listen: EADDRINUSE …, ERR_SERVER_ALREADY_LISTEN
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong
 * arguments, an unknown option too
 * @see systemd.socket(5), sd_listen_fds(3)
 */
export async function listen(
  server: Server | DgramSocket,
  options: ListenFdOptions = {},
): Promise<Address> {
  const taken = takeOptions(options, LISTEN_OPTIONS, 'listen()');
  return await prepareListen(server, taken).start();
}
