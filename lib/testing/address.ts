// Where the sockets of a unit are, for its clients.
import { formatAddress } from '../descriptor/format.ts';
import { inspect } from '../descriptor/inspect.ts';
import type { SocketDescription, SocketKind } from '../manager/socket-description.ts';

/** The address of a socket of a unit. `net.connect()` takes that of a stream socket as it is. */
export interface UnitAddress {
  /** The fd name. */
  readonly name: string;
  readonly kind: SocketKind;
  /** The IP address. Absent for anything but TCP and UDP. */
  readonly host?: string;
  /** The port. Absent for anything but TCP and UDP. */
  readonly port?: number;
  /** The path, also of a FIFO or a special file. An abstract name has a null byte before it, as in Node. */
  readonly path?: string;
  /** The address in one word: `127.0.0.1:41234`, `[::1]:41234`, `/tmp/…/http`, `@name`. */
  readonly text: string;
}

/** The URL of a TCP socket, as a client of this machine takes it; undefined for any other socket. */
export function urlOf({ kind, host, port }: UnitAddress): string | undefined {
  if (kind !== 'stream' || host === undefined) return undefined;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The address of an open socket. */
export function addressOf({ name, kind, address }: SocketDescription, fd: number): UnitAddress {
  const descriptor = inspect(fd);
  if (descriptor.kind !== 'socket') return { name, kind, path: address, text: address };
  const local = descriptor.localAddress;
  const text = formatAddress(local);
  if (local.family === 'inet' || local.family === 'inet6') {
    // A client can't connect to "every address" of all systems, but to this machine's own.
    const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[local.address] ?? local.address;
    return { name, kind, host, port: local.port, text };
  }
  if (local.family !== 'unix') return { name, kind, text };
  if (local.abstract !== undefined) return { name, kind, path: `\0${local.abstract}`, text };
  return local.path === undefined ? { name, kind, text } : { name, kind, path: local.path, text };
}
