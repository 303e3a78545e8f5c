// The record of who uses the inherited descriptors: which ones are taken, and which servers listen on them. All copies
// of this package in the process share the record, so that a descriptor is handed out only once.
import type { Socket } from 'node:net';
import { processState } from '../base/process-state.ts';

/** A descriptor, by its number. */
interface Numbered {
  readonly fd: number;
}

/** An object for each time that a server starts to listen, because one server may do so twice. */
interface Listener {
  readonly server: object;
}

interface Ownership {
  /** The numbers that take(), load() or connection() has handed out for good. */
  readonly taken: Set<number>;
  /** By descriptor number: the servers that listen on a copy of the descriptor, or are about to. */
  readonly listeners: Map<number, Set<Listener>>;
  /** The servers that the program has given to listen() or serve(). */
  readonly prepared: WeakSet<object>;
  /** The socket that connection() has returned. */
  connection: Socket | undefined;
  /** The names under which the manager no longer stores what the previous process had stored. */
  readonly removed: Set<string>;
  /** True once a warning has named the sockets without a server. */
  hasWarned: boolean;
}

const ownership = processState<Ownership>('ownership', () => ({
  taken: new Set(),
  listeners: new Map(),
  prepared: new WeakSet(),
  connection: undefined,
  removed: new Set(),
  hasWarned: false,
}));

/** From now on the caller of take(), load() or connection() owns these descriptors: no server gets them. */
export function markTaken(descriptors: readonly Numbered[]): void {
  for (const { fd } of descriptors) ownership.taken.add(fd);
}

export function isTaken({ fd }: Numbered): boolean {
  return ownership.taken.has(fd);
}

/** From now on this server listens on the descriptor. Returns a function that ends that. */
export function markListening({ fd }: Numbered, server: object): () => void {
  const listeners = ownership.listeners.get(fd) ?? new Set();
  const listener = { server };
  ownership.listeners.set(fd, listeners.add(listener));
  return () => {
    listeners.delete(listener);
  };
}

/** True when a server listens on the descriptor, other than `except`. */
export function hasListener({ fd }: Numbered, except?: object): boolean {
  const listeners = ownership.listeners.get(fd) ?? new Set();
  return [...listeners].some(({ server }) => server !== except);
}

/** Records that the program has given this server to listen() or serve(). */
export function markPrepared(server: object): void {
  ownership.prepared.add(server);
}

export function isPrepared(server: object): boolean {
  return ownership.prepared.has(server);
}

export function takenConnection(): Socket | undefined {
  return ownership.connection;
}

export function rememberConnection(socket: Socket): void {
  ownership.connection = socket;
}

/** Records that the manager no longer stores what the previous process had stored under this name. */
export function markRemoved(name: string): void {
  ownership.removed.add(name);
}

export function isRemoved(name: string): boolean {
  return ownership.removed.has(name);
}

/** True for the first call in the process, whose caller then warns of the sockets without a server. */
export function isFirstToWarn(): boolean {
  const isFirst = !ownership.hasWarned;
  ownership.hasWarned = true;
  return isFirst;
}
