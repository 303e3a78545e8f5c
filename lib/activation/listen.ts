// A Node server on the sockets that systemd opened for it.
import type { BindOptions, Socket as DgramSocket } from 'node:dgram';
import type { ListenOptions, Server } from 'node:net';
import { native } from '../addon/exports.ts';
import { check, SystemdError } from '../base/errors.ts';
import { type OptionNames, propertyOf, takeOptions } from '../base/options.ts';
import { runtimeError } from '../base/other-runtimes.ts';
import {
  invalidType,
  invalidValue,
  validateInteger,
  validateOptionalString,
  validateOptions,
} from '../base/validate.ts';
import { acceptQueue } from '../descriptor/accept-queue.ts';
import type { Address } from '../descriptor/address.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import {
  type Descriptor,
  duplicate,
  inspectNamed,
  type SocketDescriptor,
} from '../descriptor/inspect.ts';
import { whenHandleCloses } from '../descriptor/node-handles.ts';
import { isSame } from '../descriptor/predicates.ts';
import { assertSuits, descriptorsFor } from './candidates.ts';
import { copyOfPrimarys, isWorker, listenApart } from './cluster/worker.ts';
import { ofPrimary } from './environment.ts';
import { hasListener, markListening, type PrimaryDescriptor } from './inherited.ts';
import { type AnyServer, kindOf, type ServerKind } from './server-kinds/index.ts';
import { removeStale } from './stale-path.ts';
import { keepStdinNonBlocking, STDIN } from './stdin.ts';
import { warnOfUnknownBacklog } from './unknown-backlog.ts';

/** What {@link listen} may be told. */
export interface ListenFdOptions {
  /**
   * The name of the sockets (FileDescriptorName=). Default: that of the only ones that suit the server, of
   * those that no other server of the process listens on.
   */
  readonly name?: string;
  /** One of `listenFds()`, for who picks by hand. Default, and undefined: all of the name. */
  readonly descriptor?: InheritedDescriptor | undefined;
  /**
   * Where to listen when no socket was passed for the server: what `server.listen()` or
   * `socket.bind()` takes first: options, a port, a path. A path at which nobody listens any more is
   * unlinked before. Default: nowhere, that is an error.
   */
  readonly fallback?: ListenOptions | BindOptions | number | string;
  /**
   * How many connections may wait to be accepted; of no use for datagrams. An inherited listener
   * keeps what its unit gave it (Backlog=) if that is more. Default: the unit's; Node's 511 for the
   * fallback.
   */
  readonly backlog?: number;
}

/** The names of these options, for the check. */
export const LISTEN_OPTIONS: OptionNames<ListenFdOptions> = {
  name: true,
  descriptor: true,
  fallback: true,
  backlog: true,
};

/** Capped by the kernel to net.core.somaxconn, so it shrinks no queue. */
const LARGEST_BACKLOG = 0x7fff_ffff;

/** What errors call the arguments, for whoever has them in a list. */
export interface ArgumentNames {
  readonly server: string;
  readonly options: string;
}

export const NAMES: ArgumentNames = { server: 'server', options: 'options' };

function validKind(server: unknown, name: string): ServerKind {
  const kind = kindOf(server);
  if (kind !== undefined) return kind;
  throw invalidType(
    name,
    'a server of net, http, https, http2 or tls, or a socket of dgram; of a framework its server, as ' +
      'createServer(app) makes it',
    server,
  );
}

function validateFallback(kind: ServerKind, fallback: unknown, name: string): void {
  const isOptions = typeof fallback === 'object' && fallback !== null;
  if (!isOptions && typeof fallback !== 'number' && typeof fallback !== 'string') {
    throw invalidType(name, 'of type object, number or string', fallback);
  }
  kind.validateFallback(fallback, name);
}

function validateDescriptor({ name, descriptor }: ListenFdOptions, at: string): void {
  const { fd } = (descriptor ?? {}) as { readonly fd?: unknown };
  if (typeof fd !== 'number') {
    throw invalidType(`${at}.descriptor`, 'a descriptor, one of listenFds()', descriptor);
  }
  if (name === undefined) return;
  throw invalidValue(`${at}.name`, 'left out where there is a descriptor, which has one', name);
}

function validate(kind: ServerKind, options: ListenFdOptions, at: string): void {
  validateOptions(options);
  validateOptionalString(`${at}.name`, options.name);
  if (options.descriptor !== undefined) validateDescriptor(options, at);
  if (options.fallback !== undefined) validateFallback(kind, options.fallback, `${at}.fallback`);
  if (options.backlog !== undefined) {
    validateInteger(`${at}.backlog`, options.backlog, 0, LARGEST_BACKLOG);
  }
}

function closedBefore(): SystemdError {
  return new SystemdError(
    'ERR_SYSTEMD_CLOSED',
    'The server was closed before it listened: by the program, or by the signal of its fallback',
  );
}

/**
 * Starts it, and waits until it listens, fails, or is closed meanwhile.
 *
 * @param found - asked as soon as it listens, because the program may close it in its own listener
 */
function started<T>(
  kind: ServerKind,
  server: AnyServer,
  start: () => void,
  found: () => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let attempt: unknown;
    const settle = (act: () => void) => {
      server.off('listening', onListening).off('error', onError).off('close', onClose);
      try {
        act();
      } catch (error) {
        reject(error);
      }
    };
    // It may have been closed, and told by the program to listen elsewhere.
    const isOurs = () => attempt === undefined || kind.attempt(server) === attempt;
    const onListening = () =>
      settle(() => {
        if (!isOurs()) throw closedBefore();
        const value = found();
        queueMicrotask(() => resolve(value)); // after start(), which throws what a listener of dgram throws
      });
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => {
      // An earlier close() may be told of only now.
      if (kind.isOpen(server) || (attempt !== undefined && isOurs())) return;
      settle(() => reject(closedBefore()));
    };
    server.prependOnceListener('listening', onListening);
    server.once('error', onError);
    server.on('close', onClose);
    try {
      start();
      attempt = kind.attempt(server);
    } catch (error) {
      settle(() => reject(error));
    }
  });
}

/** How a server gets what it is to listen on. */
interface Source {
  readonly descriptor: InheritedDescriptor;
  /** In a cluster worker: what is known of it in the primary. */
  readonly shared: PrimaryDescriptor | undefined;
  /** In a cluster worker: whether it listens on a copy of its own. */
  readonly apart: boolean;
}

function sourceOf(descriptor: InheritedDescriptor): Source {
  const shared = ofPrimary(descriptor);
  // Standard input is a worker's own, because it inherits that.
  const isOwn = descriptor.fd === STDIN && isWorker();
  return { descriptor, shared, apart: shared === undefined ? isOwn : !shared.told };
}

/** The backlog that the unit has set; the largest, with a warning, where the kernel does not tell it. */
function unitsBacklog(descriptor: InheritedDescriptor, limit: number | undefined): number {
  if (limit === undefined) warnOfUnknownBacklog(descriptor);
  return limit ?? LARGEST_BACKLOG;
}

/** A copy, because one event loop takes a descriptor only once. */
function copyOf({ descriptor: { fd }, shared }: Source): number {
  return shared === undefined ? duplicate(fd) : check(copyOfPrimarys(fd), 'pidfd_getfd', fd);
}

function limitOf({ descriptor, shared }: Source, atLeast: number): number {
  const { fd } = descriptor;
  const limit = shared === undefined ? acceptQueue(fd)?.limit : shared.limit;
  return Math.max(unitsBacklog(descriptor, limit), atLeast);
}

/** Inspects the descriptor anew, because other code may have closed it, and its number be another's by now. */
function assertIsThere(kind: ServerKind, { descriptor, shared }: Source): void {
  if (shared !== undefined) return;
  const now = inspectNamed(descriptor.fd, descriptor.name);
  assertSuits(kind, now);
  if (isSame(now, descriptor)) return;
  const message = `Expected ${formatDescriptor(descriptor)}, and got ${formatDescriptor(now)}: other code has closed what is not its own`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd: now.fd });
}

/** Gives the handle by which it listens. */
async function adopt(
  kind: ServerKind,
  server: AnyServer,
  source: Source,
  atLeast: number,
): Promise<unknown> {
  const { apart, descriptor } = source;
  let handle: unknown;
  const backlog = limitOf(source, atLeast);
  const copy = copyOf(source);
  let isNodes = false;
  const start = () => {
    try {
      kind.open(server, { fd: copy, backlog, apart });
      isNodes = true;
    } finally {
      // Where its own 'listening' listener has thrown, Node has it all the same, and will close it.
      isNodes ||= kind.fds(server).includes(copy);
      if (isNodes) native().release(copy);
    }
  };
  try {
    handle = await started(kind, server, start, () => kind.handle(server));
  } catch (error) {
    // What Node took it has closed, but not where by its books another socket has the number.
    if (!isNodes || (error as NodeJS.ErrnoException).code === 'EEXIST') native().close(copy);
    throw error;
  }
  if (apart) keepApart(kind, server, descriptor, handle);
  // Bun's net has 511, whatever it is told.
  else if ((descriptor as SocketDescriptor).listening) native().listen(descriptor.fd, backlog);
  return handle;
}

/** The port that a socket is bound to; undefined when it has none, as a Unix socket. */
function portOf(descriptor: InheritedDescriptor): number | undefined {
  const { localAddress } = descriptor as SocketDescriptor;
  const { family } = localAddress;
  return family === 'inet' || family === 'inet6' ? localAddress.port : undefined;
}

/** Whether it listens by this handle still: its program may have closed it, and had it listen elsewhere. */
function listensBy(kind: ServerKind, server: AnyServer, handle: unknown): boolean {
  return kind.isOpen(server) && kind.handle(server) === handle;
}

function keepApart(
  kind: ServerKind,
  server: AnyServer,
  descriptor: InheritedDescriptor,
  handle: unknown,
): void {
  if (descriptor.fd === STDIN) keepStdinNonBlocking();
  const close = () => closeIfOpen(kind, server);
  const end = listenApart(descriptor.fd, portOf(descriptor), close);
  if (listensBy(kind, server, handle)) whenHandleCloses(server, end);
  else end();
}

function closeIfOpen(kind: ServerKind, server: AnyServer): void {
  if (kind.isOpen(server)) kind.close(server);
}

/** In a cluster worker Node takes the number as the primary's, and makes the copies itself. */
async function adoptFromPrimary(
  kind: ServerKind,
  server: AnyServer,
  source: Source,
  atLeast: number,
): Promise<unknown> {
  const { fd } = source.descriptor;
  const start = () => kind.open(server, { fd, backlog: limitOf(source, atLeast), apart: false });
  try {
    return await started(kind, server, start, () => kind.handle(server));
  } catch (error) {
    throw explainByPrimary(source.descriptor, error);
  }
}

/** Node's primary says EINVAL of whatever it can't open. */
function explainByPrimary(descriptor: Descriptor, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'EINVAL') return error;
  return new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `The cluster's primary could not open its ${formatDescriptor(descriptor)} (${message}): other code of it has closed that, or it has no descriptor left for a copy`,
    { fd: descriptor.fd },
    { cause: error },
  );
}

/**
 * Bun's http ignores the descriptor, and listens on a port of its own choice. What has become of the
 * copy is then not known, so it is left open.
 */
function assertListensOn(server: AnyServer, descriptor: InheritedDescriptor): void {
  const address = server.address();
  // A text on a Unix socket; null where the program has closed the server as soon as it listened.
  if (typeof address === 'string' || address === null) return;
  const { port } = address;
  if (port === portOf(descriptor)) return;
  server.close();
  const advice =
    "Serve it over net, which can: net.createServer((socket) => server.emit('connection', socket))";
  throw runtimeError(
    `In this runtime the server took port ${port}, and not ${formatDescriptor(descriptor)}. ${advice}`,
  );
}

/** Gives the handle by which it listens. */
async function takeOne(kind: ServerKind, server: AnyServer, source: Source, atLeast: number) {
  const take = source.shared?.told ? adoptFromPrimary : adopt;
  const handle = await take(kind, server, source, atLeast);
  if (listensBy(kind, server, handle)) assertListensOn(server, source.descriptor);
  return handle;
}

/** Where a server listens, and by which handle. */
interface Listening {
  readonly addresses: readonly Address[];
  readonly handle: unknown;
}

/** The server listens on the first, and on each further one a helper that hands it its connections. */
async function takeOver(
  kind: ServerKind,
  server: AnyServer,
  descriptors: readonly InheritedDescriptor[],
  atLeast: number,
): Promise<Listening> {
  const sources = descriptors.map(sourceOf);
  for (const source of sources) assertIsThere(kind, source);
  const [first, ...further] = sources as [Source, ...Source[]];
  const handle = await takeOne(kind, server, first, atLeast);
  try {
    // The program may have closed it as soon as it listened.
    const rest = listensBy(kind, server, handle) ? further : [];
    const helped = rest.map(async (one) => {
      await takeOne(kind, kind.helper?.(server) as AnyServer, one, atLeast);
    });
    await Promise.all(helped);
  } catch (error) {
    if (listensBy(kind, server, handle)) kind.close(server);
    throw error;
  }
  return { addresses: descriptors.map((one) => (one as SocketDescriptor).localAddress), handle };
}

/** The path that Node binds to: of options with a port or a descriptor it does not look at the path. */
function pathOf(fallback: ListenFdOptions['fallback']): string | undefined {
  if (typeof fallback === 'object') {
    const hasPort = Object.hasOwn(fallback, 'port') || propertyOf(fallback, 'port') !== undefined;
    const isElsewhere = hasPort || propertyOf(fallback, 'fd') !== undefined;
    return isElsewhere ? undefined : pathOf(propertyOf(fallback, 'path') as string | undefined);
  }
  return typeof fallback === 'string' && !/^(\d+$|\0)/.test(fallback) ? fallback : undefined;
}

async function listenElsewhere(
  kind: ServerKind,
  server: AnyServer,
  { fallback, backlog }: ListenFdOptions,
): Promise<Listening> {
  const path = pathOf(fallback);
  // Before Node finds it in use, which it would tell the program's own 'error' listeners too; and because
  // a cluster's primary shares with its workers what the first try has bound.
  if (path !== undefined) removeStale(path);
  const start = () => kind.openFallback(server, fallback as object, backlog);
  const found = () => {
    try {
      return { addresses: [kind.address(server)], handle: kind.handle(server) };
    } catch (error) {
      kind.close(server);
      throw error;
    }
  };
  return await started(kind, server, start, found);
}

/** A server and what it is to listen on: all that can be wrong is checked, and nothing touched. */
export interface PreparedListen {
  readonly kind: ServerKind;
  /** What systemd passed for it; none when it is to listen on its fallback. */
  readonly descriptors: readonly InheritedDescriptor[];
  /** Listens, and gives the addresses. */
  start(): Promise<readonly Address[]>;
  /** Whether the server is to be closed with the others, and not the program's by now. */
  isOurs(): boolean;
}

/**
 * The first half of {@link listen}, for whoever has several servers and wants all or none.
 *
 * @param isOthers - whether a descriptor is another server's; default: when one listens on it, and this
 * one asks for no name
 */
export function prepareListen(
  server: AnyServer,
  options: ListenFdOptions,
  names = NAMES,
  isOthers = (one: InheritedDescriptor) => options.name === undefined && hasListener(one, server),
): PreparedListen {
  const kind = validKind(server, names.server);
  validate(kind, options, names.options);
  const descriptors = descriptorsFor(kind, options, isOthers, names.options);
  return new Prepared(kind, server, options, descriptors);
}

class Prepared implements PreparedListen {
  readonly kind: ServerKind;
  readonly descriptors: readonly InheritedDescriptor[];
  readonly #server: AnyServer;
  readonly #options: ListenFdOptions;
  #state: 'starting' | 'listening' | 'failed' | 'closed' = 'starting';
  #handle: unknown;

  constructor(
    kind: ServerKind,
    server: AnyServer,
    options: ListenFdOptions,
    descriptors: readonly InheritedDescriptor[],
  ) {
    this.kind = kind;
    this.#server = server;
    this.#options = options;
    this.descriptors = descriptors;
  }

  async start(): Promise<readonly Address[]> {
    const frees = this.descriptors.map((descriptor) => markListening(descriptor, this.#server));
    const free = () => {
      for (const one of frees) one();
    };
    try {
      const { addresses, handle } = await this.#listen();
      this.#state = 'listening';
      this.#handle = handle;
      if (listensBy(this.kind, this.#server, handle)) whenHandleCloses(this.#server, free);
      else free();
      return Object.freeze(addresses);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.#state = code === 'ERR_SYSTEMD_CLOSED' ? 'closed' : 'failed';
      free();
      throw error;
    }
  }

  #listen(): Promise<Listening> {
    const { kind, descriptors } = this;
    if (descriptors.length === 0) return listenElsewhere(kind, this.#server, this.#options);
    return takeOver(kind, this.#server, descriptors, this.#options.backlog ?? 0);
  }

  isOurs(): boolean {
    // Who has closed it may have told it to listen elsewhere, though it does not yet.
    if (this.#state === 'closed') return false;
    if (this.#state === 'starting' || !this.kind.isOpen(this.#server)) return true;
    return this.#state === 'listening' && this.kind.handle(this.#server) === this.#handle;
  }
}

/**
 * Makes a server listen on all sockets that systemd opened for it under one name (a socket unit may have
 * several, as for IPv4 and IPv6), or on `fallback` when none was passed for it. Takes listening stream
 * sockets for a server, and a UDP socket of its family for a socket of dgram. Files and connections, which
 * the fd store and OpenFile= pass too, never count, nor does what `take()`, `load()` or `connection()` has
 * taken; a listener that the service has stored itself does. The unit's backlog stays as it was, but that of
 * a Unix socket where the kernel does not tell it (RestrictAddressFamilies= without AF_NETLINK,
 * PrivateNetwork=yes), which a process warning says (ERR_SYSTEMD_BACKLOG). In a cluster worker the same call
 * listens on the primary's sockets.
 *
 * Without a name it takes none that another server of this process listens on. By its name or descriptor a
 * socket may be listened on again, and a closed server frees its own: each server gets a copy, so closing
 * it leaves the inherited one open, and the queue of waiting connections is kept.
 *
 * Of several sockets the server listens on the first. For each further one there is a listener that hands
 * it its connections, as `server.emit('connection', socket)` does; it closes with the server.
 *
 * @param server - a server of net, http, https, http2 or tls, or a `udp4` or `udp6` socket of dgram
 * @param options - default {}: the sockets of the only name that there is, no fallback
 * @returns the addresses that it listens on, in the unit's order; frozen. The first is `server.address()`
 * @throws SystemdError ERR_SYSTEMD_NOT_ACTIVATED when there is neither a socket nor a fallback;
 * ERR_SYSTEMD_FD_NAME when there are sockets, none of this name, and no fallback (with one, that is a
 * warning); ERR_SYSTEMD_FD_COUNT when several names suit and none was given, or several sockets of dgram
 * have the name; ERR_SYSTEMD_FD_KIND when only sockets of another kind have it, also with a fallback;
 * ERR_SYSTEMD_CLOSED when the server is closed, or the signal of its fallback aborted, before it listens;
 * EBADF when a descriptor was closed since; EMFILE when no descriptor is left for the copy;
 * ERR_SYSTEMD_CLUSTER in a cluster worker whose primary can't open it; ERR_SYSTEMD_RUNTIME when it is not
 * Node and the server ignored the descriptor; and what {@link listenFds} throws
 * @throws Error of Node when it can't listen: EADDRINUSE …, ERR_SERVER_ALREADY_LISTEN
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong
 * arguments, an unknown option too
 * @see systemd.socket(5), sd_listen_fds(3)
 */
export async function listen(
  server: Server | DgramSocket,
  options: ListenFdOptions = {},
): Promise<readonly Address[]> {
  const taken = takeOptions(options, LISTEN_OPTIONS, 'listen()');
  return await prepareListen(server, taken).start();
}
