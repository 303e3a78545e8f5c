// The servers of libsystemd/unix, as listen(), serve() and fdStore use them: their classes are in another file of
// dist/.
import type { EventEmitter } from 'node:events';
import type { UnixAbstractAddress, UnixPathAddress, UnixUnnamedAddress } from './address.ts';

/** A `UnixDatagram` or a `UnixSeqpacketServer` of `libsystemd/unix`. */
export interface UnixServer extends EventEmitter {
  /** The number of the descriptor; undefined while it is not open. */
  readonly fd: number | undefined;
  /** The name of the socket. */
  address(): UnixPathAddress | UnixAbstractAddress | UnixUnnamedAddress;
  /** Closes the socket. */
  close(): Promise<void>;
  /** Keeps the process alive while the socket waits for something. */
  ref(): this;
  /** Lets the process end although the socket waits for something. */
  unref(): this;
}

/** A `UnixSeqpacket` of `libsystemd/unix`: a connection of messages. */
export interface UnixConnection extends EventEmitter {
  /** The number of the descriptor; undefined when the connection is closed. */
  readonly fd: number | undefined;
  /** Sends a message. */
  send(data: string | Uint8Array): Promise<boolean>;
  /** Ends this side when all messages are sent. */
  end(): Promise<void>;
  /** Closes the connection at once. */
  close(): Promise<void>;
  /** Closes the connection at once, as `destroy()` of a net.Socket does. */
  destroy(): this;
}

/** What a server has for this package alone. */
export interface UnixServerParts {
  readonly kind: 'datagram' | 'seqpacket';
  /** Takes over an inherited descriptor. */
  take(fd: number): void;
  /** Takes a name of its own. */
  listen(path: string, options: { readonly mode?: number; readonly backlog?: number }): void;
  /** Calls `onActivity` for each message or connection from now on. Nobody listens to a message by that. */
  watch(onActivity: () => void): void;
  /** The open connections of a seqpacket server. */
  connections(): readonly UnixConnection[];
  /** Leaves messages in the socket, or accepts nothing more. */
  stopReceiving(): void;
  /** Resolves when no message waits to be sent, or the socket is closed. */
  flushed(): Promise<void>;
}

/** The method of a server that returns its parts. */
export const UNIX_SERVER = Symbol.for('libsystemd.unix.server');

/** The parts of a server of libsystemd/unix, of any copy of this package; undefined for another value. */
export function unixServerParts(value: unknown): UnixServerParts | undefined {
  const isObject = typeof value === 'object' && value !== null;
  const method = isObject ? (value as { [UNIX_SERVER]?: unknown })[UNIX_SERVER] : undefined;
  return typeof method === 'function' ? method.call(value) : undefined;
}
