// The servers of a service in this process: all of them listen, or none does.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import type { Address } from './address.ts';
import { acceptQueue } from './descriptor.ts';
import { type Traffic, watchTraffic } from './drain.ts';
import { invalidType, invalidValue, isExhausted } from './errors.ts';
import { handleFd } from './handle.ts';
import {
  type ArgumentNames,
  LISTEN_OPTIONS,
  type ListenFdOptions,
  NAMES,
  type PreparedListen,
  prepareListen,
} from './listen.ts';
import { type OptionNames, takeOptions } from './options.ts';

/** One of several servers of a service, and what it listens on. */
export interface ServedServer extends ListenFdOptions {
  /** A server of net, http, https, http2 or tls, or a socket of dgram, which does not listen yet. */
  readonly server: Server | DgramSocket;
}

const SERVED_SERVER: OptionNames<ServedServer> = { server: true, ...LISTEN_OPTIONS };

/** A server that has been matched with what it is to listen on. */
export interface PreparedServer extends PreparedListen {
  readonly server: Server | DgramSocket;
}

function assertEachHasItsOwn(entries: readonly ServedServer[]): void {
  const servers = new Set(entries.map(({ server }) => server));
  if (servers.size < entries.length) {
    throw invalidValue('servers', 'servers, each of them once', entries);
  }
  const names = entries.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  // Said without activation too, where all of them have fallbacks: a service finds out before it is one.
  if (new Set(names).size < names.length) {
    const expected = 'servers with a name each, that of the descriptor (FileDescriptorName=)';
    throw invalidValue('servers', `${expected}: two have ${twice ?? 'none'}`, entries);
  }
}

const namesAt = (place: string): ArgumentNames => ({ server: `${place}.server`, options: place });

/**
 * Checks and matches all servers before any of them is touched.
 *
 * @param isList - whether they were given as a list, or one as it is
 */
export function prepareServers(
  entries: readonly ServedServer[],
  isList: boolean,
): readonly PreparedServer[] {
  if (entries.length === 0) throw invalidValue('servers', 'one server or more', entries);
  for (const [i, entry] of entries.entries()) {
    if (typeof entry !== 'object' || entry === null || !Object.hasOwn(entry, 'server')) {
      throw invalidType(`servers[${i}]`, 'an object with a server: { server, name }', entry);
    }
  }
  const taken = entries.map((entry, i) =>
    takeOptions(entry, SERVED_SERVER, 'a server of serve()', `servers[${i}]`),
  );
  assertEachHasItsOwn(taken);
  return taken.map((options, i) => {
    const { server } = options;
    const names = isList ? namesAt(`servers[${i}]`) : NAMES;
    const prepared = { server, ...prepareListen(server, options, names) };
    if (handleFd(server) !== undefined || (server as Server).listening) {
      throw invalidValue(names.server, 'a server that does not listen yet', server);
    }
    return prepared;
  });
}

/** Whether a connection waits to be accepted. One may, where that can't be asked: with no descriptor left. */
function mayBeWaitedFor(server: Server | DgramSocket): boolean {
  const fd = handleFd(server);
  if (fd === undefined) return false;
  try {
    return (acceptQueue(fd)?.waiting ?? 0) > 0;
  } catch (error) {
    return isExhausted(error);
  }
}

/** The servers of this process as one. */
export class Servers {
  readonly #prepared: readonly PreparedServer[];
  readonly #traffic: readonly Traffic[];

  /** @param onActivity - told when a connection begins or ends, and of a datagram */
  constructor(prepared: readonly PreparedServer[], onActivity: () => void) {
    this.#prepared = prepared;
    this.#traffic = prepared.map(({ server }) => watchTraffic(server, onActivity));
  }

  /** When one can't listen, this rejects once it is known of each whether it does. */
  async start(): Promise<readonly Address[]> {
    const starts = await Promise.allSettled(this.#prepared.map(async (one) => one.start()));
    return starts.map((start) => {
      if (start.status === 'rejected') throw start.reason;
      return start.value;
    });
  }

  get connections(): number {
    return this.#traffic.reduce((sum, { connections }) => sum + connections, 0);
  }

  /** Whether a connection is open, or one waits to be accepted. */
  get busy(): boolean {
    return this.connections > 0 || this.#prepared.some(({ server }) => mayBeWaitedFor(server));
  }

  /** @param answered - see {@link Traffic.drain} */
  async drain(_reason: string, answered: Promise<void>): Promise<void> {
    await Promise.all(this.#traffic.map((traffic) => traffic.drain(answered)));
  }

  cut(): void {
    for (const traffic of this.#traffic) traffic.cut();
  }
}
