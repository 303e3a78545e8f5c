// Who has which of the descriptors that were passed. This is kept once for the process, so that all
// copies of the package in it agree: a second copy finds LISTEN_* consumed, and must not take what the
// first has handed out.
import type { Socket } from 'node:net';
import { processState } from '../base/process-state.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';

/** What was found in the environment, at the first call that looked. */
export interface Activation {
  readonly descriptors: readonly InheritedDescriptor[];
  /** Set in a cluster worker: its descriptors are the primary's, under the same numbers. */
  readonly primary?: readonly PrimaryDescriptor[];
  /** Set when LISTEN_PID named another process. */
  readonly meantFor?: number;
}

/** What libsystemd says of an environment that it can't read. */
export interface Broken {
  readonly error: unknown;
}

/** A descriptor that the cluster's primary was passed. */
export interface PrimaryDescriptor {
  readonly descriptor: InheritedDescriptor;
  /** The accept queue's limit that the unit has set. */
  readonly limit?: number | undefined;
  /**
   * Whether the primary has told of it, and so opens it for its workers. One that a worker has found out
   * for itself, it listens on by a copy of its own.
   */
  readonly told: boolean;
}

/** One for each time that a server is told to listen. */
interface Listener {
  readonly server: object;
}

interface Inherited {
  found: Activation | Broken | undefined;
  /** The numbers of what is somebody's for good: by take(), load() or connection(). */
  readonly taken: Set<number>;
  /** By number, who listens on a copy of it, or is about to. */
  readonly listeners: Map<number, Set<Listener>>;
  /** What connection() gave. */
  connection: Socket | undefined;
  /** The names of inherited descriptors of which the manager keeps nothing any more. */
  readonly removed: Set<string>;
  /** Whether the process has been warned of the sockets that no server has. */
  isTold: boolean;
}

function inherited(): Inherited {
  return processState<Inherited>('descriptors', () => ({
    found: undefined,
    taken: new Set(),
    listeners: new Map(),
    connection: undefined,
    removed: new Set(),
    isTold: false,
  }));
}

export function activationFound(): Activation | Broken | undefined {
  return inherited().found;
}

export function keepActivation(found: Activation | Broken): void {
  inherited().found = found;
}

/** Notes that these are somebody's for good: they are no longer for servers, nor for another take(). */
export function markTaken(descriptors: readonly { readonly fd: number }[]): void {
  for (const { fd } of descriptors) inherited().taken.add(fd);
}

export function isTaken({ fd }: { readonly fd: number }): boolean {
  return inherited().taken.has(fd);
}

/** Notes that a server listens on this descriptor, or is about to. Returns a function that takes the note back. */
export function markListening({ fd }: { readonly fd: number }, server: object): () => void {
  const { listeners } = inherited();
  const all = listeners.get(fd) ?? new Set();
  const listener = { server };
  listeners.set(fd, all.add(listener));
  return () => {
    all.delete(listener);
  };
}

/** Whether a server other than this one listens on it. */
export function hasListener({ fd }: { readonly fd: number }, except?: object): boolean {
  const all = inherited().listeners.get(fd) ?? new Set();
  return [...all].some(({ server }) => server !== except);
}

export function connectionTaken(): Socket | undefined {
  return inherited().connection;
}

export function keepConnection(socket: Socket): void {
  inherited().connection = socket;
}

/** Remembers that the manager keeps nothing of the process before under this name. */
export function markRemoved(name: string): void {
  inherited().removed.add(name);
}

export function isRemoved(name: string): boolean {
  return inherited().removed.has(name);
}

/** True for the first who asks, who is to tell which sockets no server has. */
export function firstToWarn(): boolean {
  const { isTold } = inherited();
  inherited().isTold = true;
  return !isTold;
}
