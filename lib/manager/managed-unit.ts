// A service with its sockets, as one unit of this process: opens and closes them, and starts the service by a client.
import { monotonicNow } from './alarm.ts';
import { type AcceptingUnit, Connections } from './connections.ts';
import type { UnitDescription } from './description.ts';
import type { Result } from './exit.ts';
import { UnitFolder } from './guard.ts';
import type { Instance } from './instance.ts';
import type { LaunchOptions } from './launch.ts';
import type { OpenSocket } from './listeners.ts';
import { Log } from './log.ts';
import { ManagedService } from './managed-service.ts';
import { Members } from './members.ts';
import { OpenSockets } from './open-sockets.ts';
import { StartLimit } from './restart.ts';
import { actingFirst, type ServiceObserver } from './service-observer.ts';
import { type Watch, Watches } from './watches.ts';
import type { PassedDescriptor } from './world.ts';

/** What happens to a unit, as its owner is told of it. */
export interface UnitObserver extends ServiceObserver {
  /**
   * A connection has come (Accept=yes), and this service is going to be started for it.
   *
   * @returns who is told of what happens to that service. Default: the unit's own observer
   */
  accepted?(instance: Instance): ServiceObserver;
  /** The manager would log this line about the sockets. */
  logged?(line: string): void;
}

/**
 * Makes the description of a unit.
 *
 * @param folder - in which it may have its sockets
 * @param instance - of a service for one connection: what its name has between the `@` and the suffix
 */
export type Describe = (folder: string, instance?: string) => UnitDescription;

/**
 * A unit. `open()` opens its sockets, and `close()` leaves nothing behind but what the fd store preserves. With Accept=yes
 * `service` never runs, and each connection has an instance of its own.
 */
export class ManagedUnit {
  readonly description: UnitDescription;
  readonly members = new Members(() => this.folder.noteGroups());
  readonly folder: UnitFolder;
  readonly service: ManagedService;
  readonly output: LaunchOptions['output'];
  readonly #observer: UnitObserver;
  readonly #describe: Describe;
  readonly #watches = new Watches();
  readonly #triggerLimit: StartLimit;
  readonly #sockets: OpenSockets;
  #isOpen = false;
  /** What waits for the first client; undefined: the service is not to be started by one. */
  #triggers: Watch[] | undefined;
  readonly #connections: Connections;
  #socketResult: Result = 'success';
  readonly #socketLog: Log;

  /**
   * @param output - the descriptors that the programs write to. Default: the observer is told what they write.
   */
  constructor(describe: Describe, observer: UnitObserver, output?: LaunchOptions['output']) {
    this.output = output;
    this.#observer = observer;
    this.#describe = describe;
    this.folder = new UnitFolder(this.members, () => this.#sockets.files.remove());
    try {
      this.description = describe(this.folder.sockets);
    } catch (error) {
      this.folder.remove();
      throw error;
    }
    this.#sockets = new OpenSockets(this.description.sockets);
    this.#socketLog = new Log(`${this.description.name.replace(/@?\.service$/, '')}.socket`);
    this.#triggerLimit = new StartLimit(this.description.triggerLimit);
    const told = actingFirst(() => this.#serviceChanged(), observer);
    this.service = new ManagedService(this, this.#watches, told);
    this.#connections = new Connections(this.#acceptingUnit());
  }

  /** The sockets that are open, in the order of their descriptors. */
  get sockets(): readonly OpenSocket[] {
    return this.#sockets.all;
  }

  /** The descriptors of the sockets, with their names. */
  get passed(): readonly PassedDescriptor[] {
    return this.#sockets.passed;
  }

  /** True while the sockets wait for the client that starts a service. */
  get isListening(): boolean {
    return (this.#triggers?.length ?? 0) > 0 || this.#connections.isListening;
  }

  /** Why the sockets don't wait for clients any more, as the result of a socket unit: 'trigger-limit-hit', 'resources' … */
  get socketResult(): Result {
    return this.#socketResult;
  }

  /** The services of connections (Accept=yes), the oldest first. */
  get instances(): readonly Instance[] {
    return this.#connections.instances;
  }

  /** The service, and those of connections. */
  get services(): readonly ManagedService[] {
    return [this.service, ...this.instances.map(({ service }) => service)];
  }

  /** What the manager would have logged about the service, the sockets, and the services of connections. */
  get log(): readonly string[] {
    const [own, ...others] = this.services.map(({ rules }) => rules.log);
    return [...(own ?? []), ...this.#socketLog.lines, ...others.flat()];
  }

  /**
   * Opens the sockets and the notification socket: those that are not open.
   *
   * @returns false: all were open
   * @throws SystemdError when a socket can't be opened: EADDRINUSE, also where another server listens at a path, EACCES
   * and the like. Then none is open.
   */
  open(): boolean {
    if (this.#isOpen && this.#sockets.areOpen) return false;
    this.#isOpen = true;
    try {
      this.#sockets.refuseLivingServers();
      this.folder.make();
      this.service.open();
      const { files } = this.#sockets;
      this.#sockets.open(() => this.folder.noteFiles(files.notes, files.folders));
    } catch (error) {
      this.close();
      throw error;
    }
    return true;
  }

  /**
   * Waits for a client, and starts the service by it, now and whenever the service has ended. With Accept=yes, starts a
   * service for each connection.
   */
  listen(): void {
    this.#socketResult = 'success';
    if (this.description.accept) {
      if (!this.#connections.isListening) this.#connections.listen(this.sockets);
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

  /** Reads no notifications, of the services of connections neither, until `resume()`. */
  pause(): void {
    this.service.pause();
    this.#connections.pause();
  }

  resume(): void {
    this.service.resume();
    this.#connections.resume();
  }

  #closeTriggers(): void {
    for (const watch of this.#triggers ?? []) watch.close();
  }

  /** What the services of connections have of this unit. */
  #acceptingUnit(): AcceptingUnit {
    const unit = this;
    const observer = this.#observer;
    return {
      description: this.description,
      describe: (instance) => this.#describe(this.folder.sockets, instance),
      output: this.output,
      get passed() {
        return unit.passed;
      },
      watches: this.#watches,
      triggerLimit: this.#triggerLimit,
      observerOf: (instance) => observer.accepted?.(instance) ?? observer,
      write: (line) => this.#write(line),
      failed: (result) => this.#fail(result),
    };
  }

  /** Writes a line as the manager would about the socket unit. */
  #write(line: string): void {
    this.#socketLog.write(line);
    this.#observer.logged?.(line);
  }

  /** The socket unit has failed, so its sockets are closed: clients are refused, those that wait too. */
  #fail(result: Result): void {
    this.#socketResult = result;
    this.#write(`Failed with result '${result}'.`);
    this.stopListening();
    this.#sockets.close();
    this.#observer.changed();
  }

  #serviceChanged(): void {
    const isWaiting = this.#triggers !== undefined && this.#triggers.length === 0;
    if (isWaiting && this.service.rules.isStartLimitHit) this.#fail('service-start-limit-hit');
    else this.#watchForClients();
  }

  /** Watches the sockets while the service does not run. One that has failed is started by the next client, too. */
  #watchForClients(): void {
    if (this.#triggers === undefined || this.#triggers.length > 0) return;
    if (!this.service.rules.isAtRest) return;
    try {
      for (const { fd } of this.sockets)
        this.#triggers.push(this.#watches.onReadable(fd, () => this.#trigger()));
    } catch (error) {
      // No descriptor is left, or the socket is a file that can't be waited for.
      this.#write(`Failed to watch listening fds: ${(error as Error).message}`);
      this.#fail('resources');
    }
  }

  #trigger(): void {
    this.#closeTriggers();
    this.#triggers = [];
    // TriggerLimitBurst=: a service that never takes the connection would be started for ever.
    if (this.#triggerLimit.take(monotonicNow())) this.service.rules.start();
    else {
      this.#write('Trigger limit hit, refusing further activation.');
      this.#fail('trigger-limit-hit');
    }
  }

  /** Kills what runs of the unit, closes its sockets, and removes the files that were made for them. */
  close(): void {
    this.#isOpen = false;
    this.#triggers = undefined;
    this.#connections.close();
    this.members.killAnd(() => {
      this.service.end();
      this.#watches.close();
      this.#sockets.close();
    });
    this.#sockets.files.remove();
    this.folder.remove();
  }
}
