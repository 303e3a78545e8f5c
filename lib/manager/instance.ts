// The service of one connection, where each connection has its own (Accept=yes).

import { closeDescriptor } from '../descriptor/calls.ts';
import { type Connection, instanceName } from './connection.ts';
import type { UnitDescription } from './description.ts';
import { UnitFolder } from './guard.ts';
import { ManagedService } from './managed-service.ts';
import { Members } from './members.ts';
import { actingFirst, type ServiceObserver } from './service-observer.ts';
import type { UnitParts } from './unit-process.ts';
import type { Watches } from './watches.ts';
import type { PassedDescriptor } from './world.ts';

/** Who is told of an instance; the function gets it before anything happens to it. */
export type ObserverOf = (instance: Instance) => ServiceObserver;

/** What an instance has of its unit. */
export interface InstantiatedUnit extends Omit<UnitParts, 'folder' | 'members'> {
  /** Makes the description for what stands between the `@` and the suffix of the instance's name. */
  readonly describe: (instance: string) => UnitDescription;
}

/** A service that was started for a connection. */
export class Instance implements UnitParts {
  readonly description: UnitDescription;
  readonly members = new Members(() => this.folder.noteGroups());
  readonly folder = new UnitFolder(this.members);
  readonly output: UnitParts['output'];
  readonly service: ManagedService;
  /** It has none of its own. */
  readonly sockets: readonly [] = [];
  readonly #unit: InstantiatedUnit;
  readonly #variables: Connection['variables'];
  #connection: PassedDescriptor | undefined;
  #isClosed = false;

  /** @param connection - belongs to the instance from now on */
  constructor(
    unit: InstantiatedUnit,
    { passed, variables, instance }: Connection,
    watches: Watches,
    observerOf: ObserverOf,
  ) {
    this.#unit = unit;
    this.#connection = passed;
    this.#variables = variables;
    this.output = unit.output;
    const name = instanceName(unit.description.name, instance);
    this.description = { ...unit.describe(instance), name, sockets: [] };
    const observer = actingFirst(() => this.#changed(), observerOf(this));
    this.service = new ManagedService(this, watches, observer);
  }

  /** The connection. Before 254 it is closed before an automatic restart, which gets the unit's sockets instead. */
  get passed(): readonly PassedDescriptor[] {
    return this.#connection === undefined ? this.#unit.passed : [this.#connection];
  }

  get variables(): Readonly<Record<string, string>> {
    return this.#connection === undefined ? {} : this.#variables;
  }

  /** True: it runs, or is going to be restarted, so that it counts as a connection (MaxConnections=). */
  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** True: nothing of it runs, and nothing will. */
  get isAtRest(): boolean {
    return this.service.rules.isAtRest;
  }

  /** @throws SystemdError when its notification socket can't be opened; then it is closed */
  start(): void {
    try {
      this.service.open();
    } catch (error) {
      this.close();
      throw error;
    }
    this.service.rules.start();
  }

  #changed(): void {
    const { subState } = this.service.rules;
    if (subState === 'auto-restart' && this.description.systemd < 254) this.#disconnect();
    if (this.isAtRest) this.#release();
  }

  #disconnect(): void {
    if (this.#connection !== undefined) closeDescriptor(this.#connection.fd);
    this.#connection = undefined;
  }

  /** Nobody starts it again: only processes that it has left behind stay, until the unit is closed. */
  #release(): void {
    if (this.#isClosed) return;
    this.#end();
    if (this.members.all().length === 0) this.folder.remove();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#disconnect();
    this.service.end();
    this.service.rules.releaseStore();
  }

  /** Kills what runs of it. */
  close(): void {
    this.members.killAnd(() => this.#end());
    this.folder.remove();
  }
}
