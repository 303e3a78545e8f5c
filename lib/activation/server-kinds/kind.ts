// What the package has to know of a kind of server, and of nothing else.
import type { Address } from '../../descriptor/address.ts';
import type { Descriptor } from '../../descriptor/inspect.ts';
import type { Traffic } from '../../traffic/traffic.ts';

/** Where a server listens that was passed nothing: what its own listen() or bind() takes. */
export type Fallback = object | number | string;

/** How a server begins to listen on a descriptor. */
export interface Opening {
  readonly fd: number;
  /** How many connections may wait to be accepted. */
  readonly backlog: number;
  /** Whether a cluster worker listens on a copy of its own, and not by its primary. */
  readonly apart: boolean;
}

/** The servers of one module of Node. */
export interface ServerKind<Server extends NodeJS.EventEmitter = NodeJS.EventEmitter> {
  /** Two servers of one service can't both have the only socket of a name if this is the same. */
  readonly id: string;
  /** What it listens on, for an error that says what was expected. */
  readonly wanted: string;
  /** Whether it can listen on this. */
  suits(descriptor: Descriptor): boolean;
  /** Whether one server can listen on several. */
  readonly takesSeveral: boolean;
  /** Throws unless it can listen there; `name` is what errors call it. */
  validateFallback(fallback: Fallback, name: string): void;

  /** Begins to listen; 'listening' or 'error' follows, perhaps at once. */
  open(server: Server, opening: Opening): void;
  openFallback(server: Server, fallback: Fallback, backlog: number | undefined): void;
  /** Another value each time that it is closed or told to listen; undefined where nothing tells. */
  attempt(server: Server): unknown;
  /** Whether it listens. */
  isOpen(server: Server): boolean;
  /** What Node keeps its descriptor in: another one each time that it listens. */
  handle(server: Server): unknown;
  /** The numbers of all that it listens on. */
  fds(server: Server): readonly number[];
  /** What it listens on, by Node where that will do. */
  address(server: Server): Address;
  /** Has it take what this helper accepts as if it were its own. Only of a kind that takes several. */
  helper?(server: Server): Server;
  close(server: Server): void;
  /**
   * Watches it from before it listens.
   *
   * @param onActivity - told of every connection and its end, and of every datagram
   */
  watch(server: Server, onActivity: () => void): Traffic;
}
