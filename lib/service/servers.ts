// The servers of a service in this process: all of them listen, or none does.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import {
  ARGUMENT_NAMES,
  type ArgumentNames,
  LISTEN_OPTIONS,
  type ListenFdOptions,
} from '../activation/listen-options.ts';
import { hasListener } from '../activation/ownership.ts';
import { type PreparedServer, prepareServer } from '../activation/prepared-server.ts';
import { kindOf } from '../activation/server-kinds/index.ts';
import { isExhausted } from '../base/errors.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { printable } from '../base/printable.ts';
import { invalidType, invalidValue } from '../base/validate.ts';
import { acceptQueue } from '../descriptor/accept-queue.ts';
import type { Address } from '../descriptor/address.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import {
  cutAll,
  type DrainContext,
  drainAll,
  drainContext,
  type Traffic,
} from '../traffic/traffic.ts';
import type { Backend } from './backend.ts';

/** One of several servers of a service, and what it listens on. */
export interface ServedServer extends ListenFdOptions {
  /** A server of net, http, https, http2 or tls, or a socket of dgram, which does not listen yet. */
  readonly server: Server | DgramSocket;
}

const SERVED_SERVER: OptionNames<ServedServer> = { server: true, ...LISTEN_OPTIONS };

export type { PreparedServer } from '../activation/prepared-server.ts';

function assertEachHasItsOwn(entries: readonly ServedServer[]): void {
  const servers = new Set(entries.map(({ server }) => server));
  if (servers.size < entries.length) {
    throw invalidValue('servers', 'servers, each of them once', entries);
  }
  const wanted = entries.filter(({ descriptor }) => descriptor === undefined);
  const keys = wanted.map(({ server, name }) => `${kindOf(server)?.id} ${name ?? ''}`);
  const twice = keys.findIndex((key, i) => keys.indexOf(key) < i);
  // Said without activation too, where all of them have fallbacks: a service finds out before it is one.
  if (twice >= 0) {
    const expected =
      'servers with a name each, that of the descriptor (FileDescriptorName=), or of a kind each';
    throw invalidValue(
      'servers',
      `${expected}: two have ${printable(wanted[twice]?.name ?? 'none')}`,
      entries,
    );
  }
  const picked = entries.map(({ descriptor }) => descriptor?.fd).filter((fd) => fd !== undefined);
  if (new Set(picked).size < picked.length) {
    throw invalidValue('servers', 'servers with a descriptor each: two have the same', entries);
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
  const prepared: PreparedServer[] = [];
  for (const i of byPrecision(taken)) {
    const options = taken[i] as ServedServer;
    const { server } = options;
    const names = isList ? namesAt(`servers[${i}]`) : ARGUMENT_NAMES;
    // Who has picked by hand comes first, and then who names; the rest is for who does not.
    const others = Object.values(prepared).flatMap((one) => one.descriptors);
    const isReserved = (one: InheritedDescriptor) =>
      others.includes(one) || (options.name === undefined && hasListener(one, server));
    prepared[i] = prepareServer(server, options, names, isReserved);
    if (prepared[i].kind.isListening(server)) {
      throw invalidValue(names.server, 'a server that does not listen yet', server);
    }
  }
  return prepared;
}

/** The places of the entries: first those with a descriptor, then those with a name, then the rest. */
function byPrecision(entries: readonly ServedServer[]): readonly number[] {
  const rank = ({ descriptor, name }: ServedServer) =>
    descriptor === undefined ? Number(name === undefined) + 1 : 0;
  return entries
    .map((entry, i) => ({ i, rank: rank(entry) }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ i }) => i);
}

/** Whether a connection waits to be accepted. One may, where that can't be asked: with no descriptor left. */
function mayBeWaitedFor(fd: number): boolean {
  try {
    return (acceptQueue(fd)?.waiting ?? 0) > 0;
  } catch (error) {
    return isExhausted(error);
  }
}

/** The servers of this process as one. */
export class Servers implements Backend {
  readonly #prepared: readonly PreparedServer[];
  readonly #traffic: readonly Traffic[];

  /** @param onActivity - told when a connection begins or ends, and of a datagram */
  constructor(prepared: readonly PreparedServer[], onActivity: () => void) {
    this.#prepared = prepared;
    this.#traffic = prepared.map(({ kind, server }) => kind.watch(server, onActivity));
  }

  /** When one can't listen, this rejects once it is known of each whether it does. */
  async start(): Promise<readonly Address[]> {
    const starts = await Promise.allSettled(this.#prepared.map(async (one) => one.start()));
    return starts.flatMap((start) => {
      if (start.status === 'rejected') throw start.reason;
      return start.value;
    });
  }

  /** A server that was closed, and listens elsewhere by now, is the program's. */
  get #ours(): readonly Traffic[] {
    return this.#traffic.filter((_, i) => this.#prepared[i]?.isOurs);
  }

  get connections(): number {
    return this.#traffic.reduce((sum, { connections }) => sum + connections, 0);
  }

  /** Whether a connection is open, or one waits to be accepted. */
  get busy(): boolean {
    if (this.connections > 0) return true;
    return this.#prepared.some(({ kind, server }) => kind.fds(server).some(mayBeWaitedFor));
  }

  /** What is open. */
  get draining(): DrainContext {
    return drainContext(this.#traffic);
  }

  get checksItself(): boolean {
    return false;
  }

  get healthy(): boolean {
    return true;
  }

  /** All of it is in this process, where the reload hook is called. */
  async reload(): Promise<void> {}

  /** One may take its time to begin, as for the look-up of its host. */
  interrupt(reason: string): void {
    this.drain(reason, Promise.resolve()).catch(() => {});
  }

  /** @param answered - see {@link Traffic.drain} */
  async drain(_reason: string, answered: Promise<void>): Promise<void> {
    await drainAll(this.#ours, answered);
  }

  cut(): void {
    cutAll(this.#ours);
  }
}
