// UnixSeqpacketServer: accepts connections of messages.
import { EventEmitter } from 'node:events';
import { EPOLLIN } from '../addon/epoll.ts';
import { nativeSockets } from '../addon/sockets.ts';
import { EAGAIN, EINTR, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM } from '../base/errno.ts';
import { type SystemdError, systemError } from '../base/errors.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { validateInteger } from '../base/validate.ts';
import { closeDescriptor, setNonBlocking } from '../descriptor/calls.ts';
import { isSeqpacket } from '../descriptor/predicates.ts';
import { localAddress } from '../descriptor/socket-options.ts';
import { UNIX_SERVER, type UnixServerParts } from '../descriptor/unix-server.ts';
import { SOCK_SEQPACKET } from '../sd/constants.ts';
import { encodeName, type UnixAddress } from './address.ts';
import {
  BIND_OPTIONS,
  type BindOptions,
  bindOptions,
  bindSocket,
  type SocketFile,
} from './bind.ts';
import { emitClose } from './listeners.ts';
import {
  checkDescriptor,
  fdOfTarget,
  listenOn,
  openSocket,
  orClose,
  type UnixTarget,
} from './open.ts';
import { Interest } from './readiness.ts';
import { closedError } from './sending.ts';
import { UnixSeqpacket } from './seqpacket.ts';
import {
  CONNECTION_OPTIONS,
  connectionSettings,
  type UnixSeqpacketOptions,
} from './seqpacket-options.ts';

/** The events of a {@link UnixSeqpacketServer}, with the arguments of their listeners. */
export interface UnixSeqpacketServerEvents {
  /** A client has connected. */
  connection: [connection: UnixSeqpacket];
  /** The server accepts connections. */
  listening: [];
  /** The server can't accept connections any more, and was closed. */
  error: [error: Error];
  /** The server is closed, and so are all connections. */
  close: [];
}

/** How a server listens. */
export interface UnixListenOptions extends BindOptions {
  /** How many connections may wait to be accepted: at most net.core.somaxconn. Default 511. For a descriptor: what it has. */
  readonly backlog?: number | undefined;
}

const LISTEN_OPTIONS: OptionNames<UnixListenOptions> = { ...BIND_OPTIONS, backlog: true };

const DEFAULT_BACKLOG = 511;

/** So many connections are accepted in a row, so that other sockets have their turn. */
const ACCEPTED_IN_A_ROW = 64;

/** The milliseconds after which a server accepts again that has found no descriptor or memory left: connections wait meanwhile. */
const EXHAUSTED_PAUSE = 100;

const EXHAUSTED = [EMFILE, ENFILE, ENOBUFS, ENOMEM].map((errno) => -errno);

/**
 * Accepts connections of messages, on a name of its own or on `ListenSequentialPacket=` of a socket unit. Used like a
 * server of `node:net`.
 *
 * ```ts
 * const server = new UnixSeqpacketServer();
 * server.on('connection', (connection) => {
 *   connection.on('message', (data) => connection.send(data));
 * });
 * server.listen('/run/app/control', { mode: 0o660 });
 * ```
 *
 * The server keeps the process alive, unless `unref()` was called. When no descriptor is left, connections wait until
 * one is. A worker thread that ends closes its servers.
 *
 * @see unix(7), systemd.socket(5)
 */
export class UnixSeqpacketServer extends EventEmitter<UnixSeqpacketServerEvents> {
  readonly #options: UnixSeqpacketOptions;
  readonly #open = new Set<UnixSeqpacket>();
  #fd: number | undefined;
  #interest: Interest | undefined;
  #file: SocketFile | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isRef = true;
  #closed: Promise<void> | undefined;
  #onLast = () => {};

  /**
   * Opens nothing yet: `listen()` does.
   *
   * @param options - of each connection, see {@link UnixSeqpacketOptions}
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, or RangeError ERR_OUT_OF_RANGE, for a wrong option
   */
  constructor(options: UnixSeqpacketOptions = {}) {
    super();
    this.#options = takeOptions(options, CONNECTION_OPTIONS, 'UnixSeqpacketServer');
    connectionSettings(this.#options, 'UnixSeqpacketServer');
  }

  /** The number of the descriptor; undefined until the server listens, and when it is closed. */
  get fd(): number | undefined {
    return this.#fd;
  }

  /** The open connections. */
  get connections(): readonly UnixSeqpacket[] {
    return [...this.#open];
  }

  /**
   * Listens on a name, or on a descriptor that does so already. 'listening' follows.
   *
   * - A name: a socket file that an ended process has left at the path is replaced. `close()` removes the file.
   * - A descriptor, such as one of `listenFds()`, by its number or as an object with the number as `fd`: it belongs to
   *   this server from now on, which closes it, and leaves the file where it is.
   *
   * @param target - a name or a descriptor
   * @param options - see {@link UnixListenOptions}
   * @returns this server
   * @throws SystemdError EADDRINUSE when somebody else has the name; ENOENT, EACCES and others of bind(2); EINVAL when
   * this server listens; ERR_SYSTEMD_FD_KIND or EBADF when the descriptor is no open seqpacket listener; ENOSPC and
   * others of epoll_ctl(2), and then the descriptor is still the caller's; ERR_SYSTEMD_CLOSED after `close()`
   * @throws Error ERR_ACCESS_DENIED when Node's permission model forbids to read or write the path
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE for what is no name, one of more than 107 bytes, or
   * a wrong option
   * @throws RangeError ERR_OUT_OF_RANGE for a number out of its range
   */
  listen(target: UnixTarget, options: UnixListenOptions = {}): this {
    const fd = fdOfTarget(target);
    const name = fd === undefined ? encodeName('target', target) : undefined;
    const taken = bindOptions(options, LISTEN_OPTIONS, 'listen()');
    const { backlog = DEFAULT_BACKLOG } = taken;
    validateInteger('options.backlog', backlog, 0, 2 ** 31 - 1);
    if (this.#closed !== undefined) throw closedError();
    if (this.#fd !== undefined)
      throw systemError(-EINVAL, 'listen', {}, 'this server listens already: make another one');
    if (name === undefined) {
      this.#adopt(fd as number);
    } else {
      orClose(openSocket(SOCK_SEQPACKET, true), (own) => {
        const file = bindSocket(own, name, taken);
        try {
          listenOn(own, backlog);
          this.#begin(own);
        } catch (error) {
          file?.remove();
          throw error;
        }
        this.#file = file;
      });
    }
    process.nextTick(() => {
      if (this.#closed === undefined) this.emit('listening');
    });
    return this;
  }

  /**
   * The name of the server; `{ family: 'unix' }` when it does not listen.
   *
   * @returns a frozen object, which `connect()` of a client takes
   */
  address(): UnixAddress {
    return this.#fd === undefined
      ? Object.freeze({ family: 'unix' })
      : (localAddress(this.#fd) as UnixAddress);
  }

  /**
   * Keeps the process alive while the server listens, as it does at first.
   *
   * @returns this server
   */
  ref(): this {
    this.#isRef = true;
    this.#interest?.keepAlive(true);
    return this;
  }

  /**
   * Lets the process end although the server listens.
   *
   * @returns this server
   */
  unref(): this {
    this.#isRef = false;
    this.#interest?.keepAlive(false);
    return this;
  }

  /**
   * Accepts no more connections, and removes the file that `listen()` has made. Open connections go on. Resolves when
   * the last of them has closed, and 'close' is emitted. When the server is closed already, it is waited for too.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Closes the server and all of its connections, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.close();
    for (const connection of this.#open) void connection.close();
    await closed;
  }

  /** @internal */
  [UNIX_SERVER](): UnixServerParts {
    return {
      kind: 'seqpacket',
      take: (fd) => this.listen(fd),
      listen: (path, options) => this.listen(path, options),
      watch() {},
      connections: () => this.connections,
      stopReceiving: () => void this.close(),
      flushed: async () => {},
    };
  }

  async #close(): Promise<void> {
    this.#file?.remove();
    clearTimeout(this.#timer);
    this.#interest?.close();
    this.#interest = undefined;
    if (this.#fd !== undefined) nativeSockets().close_held(this.#fd);
    this.#fd = undefined;
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onLast = resolve;
      });
    }
    await emitClose(this);
  }

  #adopt(fd: number): void {
    const expected = 'a listening Unix seqpacket socket (ListenSequentialPacket=)';
    checkDescriptor(fd, (descriptor) => isSeqpacket(descriptor, true), expected);
    // As Node does with every listener: accept4(2) has no flag like MSG_DONTWAIT, and another process that has the socket may
    // take the connection that was announced. The manager clears O_NONBLOCK before each start of a service.
    setNonBlocking(fd, true);
    this.#begin(fd);
  }

  #begin(fd: number): void {
    const interest = new Interest(fd, () => this.#accept());
    interest.keepAlive(this.#isRef);
    try {
      interest.set(EPOLLIN);
    } catch (error) {
      interest.close();
      throw error;
    }
    nativeSockets().hold(fd);
    this.#interest = interest;
    this.#fd = fd;
  }

  #accept(): void {
    for (let i = 0; i < ACCEPTED_IN_A_ROW && this.#fd !== undefined; i++) {
      const result = nativeSockets().accept(this.#fd);
      if (result >= 0) {
        this.#connect(result);
      } else if (result !== -EINTR) {
        this.#pauseFor(result, this.#fd);
        return;
      }
    }
  }

  #pauseFor(result: number, fd: number): void {
    if (EXHAUSTED.includes(result)) this.#acceptLater();
    else if (result !== -EAGAIN) this.#fail(systemError(result, 'accept4', { fd }));
  }

  #connect(fd: number): void {
    const connection = new UnixSeqpacket(this.#options);
    this.#open.add(connection);
    connection.once('close', () => {
      this.#open.delete(connection);
      if (this.#open.size === 0) this.#onLast();
    });
    // It is connected when this returns, or can't be watched.
    connection.connect(fd).catch((error: unknown) => {
      closeDescriptor(fd);
      void connection.close();
      connection.emit('error', error as Error);
    });
    this.emit('connection', connection);
  }

  #acceptLater(): void {
    this.#interest?.set(0);
    this.#timer = setTimeout(() => this.#acceptAgain(), EXHAUSTED_PAUSE);
    if (!this.#isRef) this.#timer.unref();
  }

  #acceptAgain(): void {
    try {
      this.#interest?.set(EPOLLIN);
    } catch (error) {
      this.#fail(error as SystemdError);
    }
  }

  #fail(error: SystemdError): void {
    void this.close();
    this.emit('error', error);
  }
}
