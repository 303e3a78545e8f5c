// ServerKind: everything that differs between servers of connections, sockets of dgram and servers of libsystemd/unix.
import type { Address } from '../../descriptor/address.ts';
import type { Descriptor } from '../../descriptor/inspect.ts';
import type { Traffic } from '../../traffic/traffic.ts';

/** Where a server listens when no socket was passed for it: the first argument of its listen() or bind(). */
export type Fallback = object | number | string;

/** How a server begins to listen on a descriptor. */
export interface Opening {
  readonly fd: number;
  /** How many connections may wait to be accepted. */
  readonly backlog: number;
  /** In a cluster worker: true when `fd` is the worker's own, and false when it is the primary's. */
  readonly bypassesPrimary: boolean;
}

/** The functions by which listen() and serve() use a server of this kind. */
export interface ServerKind<Server extends NodeJS.EventEmitter = NodeJS.EventEmitter> {
  /** Names the kind. Two servers of one service may be of the same kind only with different names or descriptors. */
  readonly id: string;
  /** Describes the sockets that suit, for an error. */
  readonly expected: string;
  /** True when a server of this kind can listen on the descriptor. */
  suits(descriptor: Descriptor): boolean;
  /** True when one server can listen on several sockets. */
  readonly takesSeveral: boolean;
  /**
   * True in a cluster worker: Node's primary can't open the descriptor for the worker, which copies the primary's
   * instead.
   */
  readonly opensByItself: boolean;
  /** Throws unless a server of this kind can listen on the fallback. `name` is its name in the error. */
  validateFallback(fallback: Fallback, name: string): void;

  /** Begins to listen. 'listening' or 'error' follows, perhaps before this returns. */
  open(server: Server, opening: Opening): void;
  openFallback(server: Server, fallback: Fallback, backlog: number | undefined): void;
  /** A number that changes with each call of listen() and close(); undefined where nothing counts the calls. */
  listenCount(server: Server): unknown;
  isListening(server: Server): boolean;
  /** Node's internal object for the open descriptor. Node makes a new one each time that the server listens. */
  handle(server: Server): unknown;
  /** The numbers of all descriptors that the server and its helpers listen on. */
  fds(server: Server): readonly number[];
  /** The address that the server listens on. */
  address(server: Server): Address;
  /**
   * Makes a server for a further socket, which hands its connections to `server` and closes with `server`. Only a
   * kind with {@link takesSeveral} has this function.
   */
  helper?(server: Server): Server;
  close(server: Server): void;
  /**
   * Watches the server from before it listens.
   *
   * @param onActivity - called when a connection begins and ends, and for every datagram
   */
  watch(server: Server, onActivity: () => void): Traffic;
}
