// The connections of a unit with Accept=yes: each gets a service of its own.

import { accept, closeDescriptor } from '../descriptor/calls.ts';
import { monotonicNow } from './alarm.ts';
import { connectionOf } from './connection.ts';
import { Instance, type InstantiatedUnit, type ObserverOf } from './instance.ts';
import type { OpenSocket } from './listeners.ts';
import type { StartLimit } from './restart.ts';
import type { SocketDescription } from './socket-description.ts';
import type { Watch, Watches } from './watches.ts';

/** What the connections have of their unit. */
export interface AcceptingUnit extends InstantiatedUnit {
  readonly watches: Watches;
  /** TriggerLimitBurst= */
  readonly triggerLimit: StartLimit;
  readonly observerOf: ObserverOf;
  /** Writes a line as the manager would about the socket unit. */
  write(line: string): void;
  /** No further connection is accepted. */
  failed(result: 'trigger-limit-hit' | 'resources'): void;
}

/** More services than these are only remembered while they run: connections come for days. */
const MOST_INSTANCES = 100;

export class Connections {
  /** The services that were started, the oldest first; of those that have ended, the last hundred or so. */
  readonly instances: Instance[] = [];
  readonly #unit: AcceptingUnit;
  readonly #waiting = new Map<OpenSocket, Watch>();
  /** How many connections were accepted. */
  #count = 0;
  /** True: the services don't read their messages, also those that are still to come. */
  #isPaused = false;

  constructor(unit: AcceptingUnit) {
    this.#unit = unit;
  }

  get isListening(): boolean {
    return this.#waiting.size > 0;
  }

  /** Accepts connections from now on. */
  listen(sockets: readonly OpenSocket[]): void {
    this.#attempt(() => {
      for (const socket of sockets) this.#waitAt(socket);
    });
  }

  #waitAt(socket: OpenSocket): void {
    const onClient = () => {
      this.#waitAt(socket);
      this.#acceptAt(socket);
    };
    const watch = this.#unit.watches.onReadable(socket.fd, () => this.#attempt(onClient));
    this.#waiting.set(socket, watch);
  }

  /** Takes no connection any more once no descriptor is left, or no room for the files of a service. */
  #attempt(take: () => void): void {
    try {
      take();
    } catch (error) {
      this.#fail('resources', `Failed to take a connection: ${(error as Error).message}`);
    }
  }

  /** Accepts no more connections. Those that are there go on. */
  stopListening(): void {
    for (const watch of this.#waiting.values()) watch.close();
    this.#waiting.clear();
  }

  pause(): void {
    this.#isPaused = true;
    for (const { service } of this.instances) service.pause();
  }

  resume(): void {
    this.#isPaused = false;
    for (const { service } of this.instances) service.resume();
  }

  /** Takes one connection. The others have their turn in the next calls from the event loop. */
  #acceptAt({ fd, description }: OpenSocket): void {
    const connection = accept(fd);
    if (connection === undefined) return; // the client has gone meanwhile
    let instance: Instance | undefined;
    try {
      if (this.#mayServe()) instance = this.#instanceFor(connection, description);
    } finally {
      if (instance === undefined) closeDescriptor(connection);
    }
    if (instance === undefined) return;
    this.#forgetOld();
    this.instances.push(instance);
    if (this.#isPaused) instance.service.pause();
    instance.start();
  }

  /** TriggerLimitBurst= and MaxConnections= */
  #mayServe(): boolean {
    if (this.#unit.triggerLimit.take(monotonicNow())) return this.#hasRoom();
    this.#fail('trigger-limit-hit', 'Trigger limit hit, refusing further activation.');
    return false;
  }

  /** Makes the service of a connection, which belongs to the service then. */
  #instanceFor(fd: number, socket: SocketDescription): Instance {
    const { description, watches, observerOf } = this.#unit;
    const connection = connectionOf(fd, socket, description, this.#count++);
    return new Instance(this.#unit, connection, watches, observerOf);
  }

  #hasRoom(): boolean {
    const { maxConnections } = this.#unit.description;
    const { length } = this.instances.filter(({ isConnected }) => isConnected);
    if (length < maxConnections) return true;
    this.#unit.write(`Too many incoming connections (${length}), dropping connection.`);
    return false;
  }

  #fail(result: 'trigger-limit-hit' | 'resources', why: string): void {
    this.#unit.write(why);
    this.stopListening();
    this.#unit.failed(result);
  }

  /** Forgets the oldest service that has ended, and left no process, when there are many. */
  #forgetOld(): void {
    if (this.instances.length < MOST_INSTANCES) return;
    const old = this.instances.findIndex(
      ({ isAtRest, members }) => isAtRest && members.all().length === 0,
    );
    if (old >= 0) this.instances.splice(old, 1);
  }

  /** Kills what runs, and forgets the services. */
  close(): void {
    this.stopListening();
    for (const instance of this.instances) instance.close();
  }
}
