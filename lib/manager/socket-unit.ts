// SocketUnit: waits for clients at the open sockets of a unit, and starts services by them, as the manager does.
import { monotonicNow } from './alarm.ts';
import { type AcceptingUnit, Connections } from './connections.ts';
import type { Result } from './exit.ts';
import type { Instance, InstantiatedUnit } from './instance.ts';
import { Log } from './log.ts';
import type { ManagedService } from './managed-service.ts';
import type { OpenSockets } from './open-sockets.ts';
import { StartLimit } from './restart.ts';
import type { ServiceObserver } from './service-observer.ts';
import type { UnitObserver } from './unit-observer.ts';
import type { Watch, Watches } from './watches.ts';
import type { PassedDescriptor } from './world.ts';

/** What a socket unit is made of. */
export interface SocketUnitParts extends Omit<InstantiatedUnit, 'passed'> {
  readonly sockets: OpenSockets;
  /** What a client starts. With Accept=yes it never runs, and each connection has an instance of its own. */
  readonly service: ManagedService;
  readonly watches: Watches;
  readonly observer: UnitObserver;
}

export class SocketUnit implements AcceptingUnit {
  readonly description: AcceptingUnit['description'];
  readonly describe: AcceptingUnit['describe'];
  readonly output: AcceptingUnit['output'];
  readonly watches: Watches;
  readonly triggerLimit: StartLimit;
  readonly #sockets: OpenSockets;
  readonly #service: ManagedService;
  readonly #observer: UnitObserver;
  readonly #connections = new Connections(this);
  readonly #log: Log;
  /** What waits for the first client; undefined: the service is not to be started by one. */
  #triggers: Watch[] | undefined;
  #result: Result = 'success';

  constructor({ description, describe, output, ...parts }: SocketUnitParts) {
    this.description = description;
    this.describe = describe;
    this.output = output;
    this.watches = parts.watches;
    this.triggerLimit = new StartLimit(description.triggerLimit);
    this.#sockets = parts.sockets;
    this.#service = parts.service;
    this.#observer = parts.observer;
    this.#log = new Log(`${description.name.replace(/@?\.service$/, '')}.socket`);
  }

  /** True while the sockets wait for the client that starts a service. */
  get isListening(): boolean {
    return (this.#triggers?.length ?? 0) > 0 || this.#connections.isListening;
  }

  /**
   * Why the sockets don't wait for clients any more, as the result of a socket unit: 'trigger-limit-hit', 'resources' …
   */
  get result(): Result {
    return this.#result;
  }

  /** The services of connections (Accept=yes), the oldest first. */
  get instances(): readonly Instance[] {
    return this.#connections.instances;
  }

  /** What the manager would have logged about the sockets. */
  get log(): readonly string[] {
    return this.#log.lines;
  }

  get passed(): readonly PassedDescriptor[] {
    return this.#sockets.passed;
  }

  /** Waits for clients, see {@link ManagedUnit.listen}. */
  listen(): void {
    this.#result = 'success';
    if (this.description.accept) {
      if (!this.#connections.isListening) this.#connections.listen(this.#sockets.all);
      return;
    }
    this.#triggers ??= [];
    this.#watchForClients();
  }

  /** Waits for no further client. */
  stopListening(): void {
    this.#closeTriggers();
    this.#triggers = undefined;
    this.#connections.stopListening();
  }

  /** The services of connections read no notifications until `resume()`. */
  pause(): void {
    this.#connections.pause();
  }

  resume(): void {
    this.#connections.resume();
  }

  /** The service may have ended, so that the next client has to start it. */
  serviceChanged(): void {
    const isWaiting = this.#triggers !== undefined && this.#triggers.length === 0;
    if (isWaiting && this.#service.rules.isStartLimitHit) this.failed('service-start-limit-hit');
    else this.#watchForClients();
  }

  /** Watches the sockets while the service does not run. One that has failed is started by the next client, too. */
  #watchForClients(): void {
    if (this.#triggers === undefined || this.#triggers.length > 0) return;
    if (!this.#service.rules.isAtRest) return;
    try {
      for (const { fd } of this.#sockets.all)
        this.#triggers.push(this.watches.onReadable(fd, () => this.#trigger()));
    } catch (error) {
      // No descriptor is left, or the socket is a file that can't be waited for.
      this.write(`Failed to watch listening fds: ${(error as Error).message}`);
      this.failed('resources');
    }
  }

  #trigger(): void {
    this.#closeTriggers();
    this.#triggers = [];
    // TriggerLimitBurst=: a service that never takes the connection would be started for ever.
    if (this.triggerLimit.take(monotonicNow())) this.#service.rules.start();
    else {
      this.write('Trigger limit hit, refusing further activation.');
      this.failed('trigger-limit-hit');
    }
  }

  #closeTriggers(): void {
    for (const watch of this.#triggers ?? []) watch.close();
  }

  readonly observerOf = (instance: Instance): ServiceObserver =>
    this.#observer.accepted?.(instance) ?? this.#observer;

  /** Writes a line as the manager would about the socket unit. */
  write(line: string): void {
    this.#log.write(line);
    this.#observer.logged?.(line);
  }

  /** The socket unit has failed, so its sockets are closed: clients are refused, those that wait too. */
  failed(result: Result): void {
    this.#result = result;
    this.write(`Failed with result '${result}'.`);
    this.stopListening();
    this.#sockets.close();
    this.#observer.changed();
  }

  /** Kills the services of connections, and forgets what waits for clients: the caller closes the watches. */
  close(): void {
    this.#triggers = undefined;
    this.#connections.close();
  }
}
