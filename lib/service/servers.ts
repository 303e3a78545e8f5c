// Servers: the servers of a service in this process. Either all of them listen, or none does.
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
import { escapeUnambiguously } from '../base/printable.ts';
import { invalidType, invalidValue } from '../base/validate.ts';
import { acceptQueue } from '../descriptor/accept-queue.ts';
import type { Address } from '../descriptor/address.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import type { UnixServer } from '../descriptor/unix-server.ts';
import {
  type CutCause,
  cutAll,
  type DrainContext,
  drainAll,
  drainContext,
  type Traffic,
} from '../traffic/traffic.ts';
import type { Backend } from './backend.ts';

/** One of several servers of a service, and what it listens on. */
export interface ServedServer extends ListenFdOptions {
  /**
   * A server of net, http, https, http2 or tls, a socket of dgram, or a server of `libsystemd/unix`, which does not
   * listen yet.
   */
  readonly server: Server | DgramSocket | UnixServer;
}

const SERVED_SERVER: OptionNames<ServedServer> = { server: true, ...LISTEN_OPTIONS };

/** Throws when the list names a server or a descriptor twice, or leaves open which of two servers gets a socket. */
function assertNoConflicts(entries: readonly ServedServer[]): void {
  const servers = new Set(entries.map(({ server }) => server));
  if (servers.size < entries.length) {
    throw invalidValue('servers', 'servers, each of them once', entries);
  }
  const unpicked = entries.filter(({ descriptor }) => descriptor === undefined);
  const keys = unpicked.map(({ server, name }) => `${kindOf(server)?.id} ${name ?? ''}`);
  const twice = keys.findIndex((key, i) => keys.indexOf(key) < i);
  // Checked also when every server will use its fallback, so that a developer finds the mistake before the deploy.
  if (twice >= 0) {
    const expected = 'servers of different kinds, or each with its own name (FileDescriptorName=)';
    throw invalidValue(
      'servers',
      `${expected}: two have ${escapeUnambiguously(unpicked[twice]?.name ?? 'none')}`,
      entries,
    );
  }
  const picked = entries.map(({ descriptor }) => descriptor?.fd).filter((fd) => fd !== undefined);
  if (new Set(picked).size < picked.length) {
    throw invalidValue('servers', 'servers with a descriptor each: two have the same', entries);
  }
}

function validateEntries(entries: readonly ServedServer[]): void {
  if (entries.length === 0) throw invalidValue('servers', 'a list of one server or more', entries);
  for (const [i, entry] of entries.entries()) {
    if (typeof entry !== 'object' || entry === null || !Object.hasOwn(entry, 'server')) {
      throw invalidType(`servers[${i}]`, 'an object with a server: { server, name }', entry);
    }
  }
}

const namesAt = (place: string): ArgumentNames => ({ server: `${place}.server`, options: place });

/**
 * Checks and matches all servers before any of them is touched.
 *
 * @param isList - true when the caller gave a list, false when the caller gave one server
 */
export function prepareServers(
  entries: readonly ServedServer[],
  isList: boolean,
): readonly PreparedServer[] {
  validateEntries(entries);
  const taken = entries.map((entry, i) => {
    const options = takeOptions(entry, SERVED_SERVER, 'a server of serve()', `servers[${i}]`);
    // takeOptions() has bound a function, such as the app of a framework. The error has to name the app itself.
    return Object.assign(options, { server: entry.server });
  });
  assertNoConflicts(taken);
  const prepared: PreparedServer[] = [];
  for (const i of inOrderOfChoice(taken)) {
    const options = taken[i] as ServedServer;
    const { server } = options;
    const names = isList ? namesAt(`servers[${i}]`) : ARGUMENT_NAMES;
    const givenAway = Object.values(prepared).flatMap(({ descriptors }) => descriptors);
    const isReserved = (descriptor: InheritedDescriptor) =>
      givenAway.includes(descriptor) ||
      (options.name === undefined && hasListener(descriptor, server));
    prepared[i] = prepareServer(server, options, names, isReserved);
    if (prepared[i].kind.isListening(server)) {
      throw invalidValue(names.server, 'a server that does not listen yet', server);
    }
  }
  return prepared;
}

/**
 * The indexes of the entries in the order in which they get descriptors: first the servers with a `descriptor`, then
 * those with a `name`, then the rest. So a server that takes any socket never gets one that another server asks for.
 */
function inOrderOfChoice(entries: readonly ServedServer[]): readonly number[] {
  const rank = ({ descriptor, name }: ServedServer) =>
    descriptor === undefined ? Number(name === undefined) + 1 : 0;
  return entries
    .map((entry, i) => ({ i, rank: rank(entry) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ i }) => i);
}

/** True when a connection waits to be accepted; also when no descriptor is left to ask the kernel by. */
export function mayHaveWaitingConnections(fd: number): boolean {
  try {
    return (acceptQueue(fd)?.waiting ?? 0) > 0;
  } catch (error) {
    return isExhausted(error);
  }
}

/** All servers of a service in this process, started, drained and cut together. */
export class Servers implements Backend {
  /** `watchdog.check` is called in this process. */
  readonly runsCheckElsewhere = false;
  readonly isHealthy = true;
  readonly #prepared: readonly PreparedServer[];
  readonly #traffic: readonly Traffic[];

  /** @param onActivity - called when a connection begins or ends, and for each datagram */
  constructor(prepared: readonly PreparedServer[], onActivity: () => void) {
    this.#prepared = prepared;
    this.#traffic = prepared.map(({ kind, server }) => kind.watch(server, onActivity));
  }

  /** Rejects when one server cannot listen, but only once every server listens or has failed. */
  async start(): Promise<readonly Address[]> {
    const starts = await Promise.allSettled(this.#prepared.map(async (server) => server.start()));
    return starts.flatMap((start) => {
      if (start.status === 'rejected') throw start.reason;
      return start.value;
    });
  }

  /** The traffic of the servers that the service still owns. The program may have made a server listen elsewhere. */
  get #ownTraffic(): readonly Traffic[] {
    return this.#traffic.filter((_, i) => this.#prepared[i]?.isOurs);
  }

  get connections(): number {
    return this.#traffic.reduce((sum, { connections }) => sum + connections, 0);
  }

  get isBusy(): boolean {
    if (this.connections > 0) return true;
    return this.#prepared.some(({ kind, server }) =>
      kind.fds(server).some(mayHaveWaitingConnections),
    );
  }

  get drainContext(): DrainContext {
    return drainContext(this.#traffic);
  }

  /** Does nothing: the servers are in this process, whose reload hook the service calls. */
  async reload(): Promise<void> {}

  /** Ends a start that takes long, such as one that looks up a host name. */
  interrupt(reason: string): void {
    this.drain(reason, Promise.resolve()).catch(() => {});
  }

  async drain(_reason: string, drainHookEnded: Promise<void>): Promise<void> {
    await drainAll(this.#ownTraffic, drainHookEnded);
  }

  cut(cause: CutCause): void {
    cutAll(this.#ownTraffic, cause);
  }
}
