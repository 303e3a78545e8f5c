// A service with its sockets, as one unit of this process: opens and closes them.
import type { UnitDescription } from './description.ts';
import type { Result } from './exit.ts';
import { UnitFolder } from './guard.ts';
import type { Instance } from './instance.ts';
import type { LaunchOptions } from './launch.ts';
import type { OpenSocket } from './listeners.ts';
import { ManagedService } from './managed-service.ts';
import { Members } from './members.ts';
import { OpenSockets } from './open-sockets.ts';
import { actingFirst } from './service-observer.ts';
import { SocketUnit } from './socket-unit.ts';
import type { UnitObserver } from './unit-observer.ts';
import { Watches } from './watches.ts';
import type { PassedDescriptor } from './world.ts';

/**
 * Makes the description of a unit.
 *
 * @param folder - in which it may have its sockets
 * @param instance - of a service for one connection: what its name has between the `@` and the suffix
 */
export type Describe = (folder: string, instance?: string) => UnitDescription;

/**
 * A unit. `open()` opens its sockets, and `close()` leaves nothing behind but what the fd store preserves. With
 * Accept=yes `service` never runs, and each connection has an instance of its own.
 */
export class ManagedUnit {
  readonly description: UnitDescription;
  readonly members = new Members(() => this.folder.noteGroups());
  readonly folder: UnitFolder;
  readonly service: ManagedService;
  readonly output: LaunchOptions['output'];
  readonly #watches = new Watches();
  readonly #sockets: OpenSockets;
  readonly #socketUnit: SocketUnit;
  #isOpen = false;

  /**
   * @param output - the descriptors that the programs write to. Default: the observer is told what they write.
   */
  constructor(describe: Describe, observer: UnitObserver, output?: LaunchOptions['output']) {
    this.output = output;
    this.folder = new UnitFolder(this.members, () => this.#sockets.files.remove());
    try {
      this.description = describe(this.folder.sockets);
    } catch (error) {
      this.folder.remove();
      throw error;
    }
    this.#sockets = new OpenSockets(this.description.sockets);
    const told = actingFirst(() => this.#socketUnit.serviceChanged(), observer);
    this.service = new ManagedService(this, this.#watches, told);
    this.#socketUnit = new SocketUnit({
      description: this.description,
      describe: (instance) => describe(this.folder.sockets, instance),
      output,
      sockets: this.#sockets,
      service: this.service,
      watches: this.#watches,
      observer,
    });
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
    return this.#socketUnit.isListening;
  }

  /** See {@link SocketUnit.result}. */
  get socketResult(): Result {
    return this.#socketUnit.result;
  }

  /** The services of connections (Accept=yes), the oldest first. */
  get instances(): readonly Instance[] {
    return this.#socketUnit.instances;
  }

  /** The service, and those of connections. */
  get services(): readonly ManagedService[] {
    return [this.service, ...this.instances.map(({ service }) => service)];
  }

  /** What the manager would have logged about the service, the sockets, and the services of connections. */
  get log(): readonly string[] {
    const [own, ...others] = this.services.map(({ rules }) => rules.log);
    return [...(own ?? []), ...this.#socketUnit.log, ...others.flat()];
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
    this.#socketUnit.listen();
  }

  /** Waits for no further client. */
  stopListening(): void {
    this.#socketUnit.stopListening();
  }

  /** Reads no notifications, of the services of connections neither, until `resume()`. */
  pause(): void {
    this.service.pause();
    this.#socketUnit.pause();
  }

  resume(): void {
    this.service.resume();
    this.#socketUnit.resume();
  }

  /** Kills what runs of the unit, closes its sockets, and removes the files that were made for them. */
  close(): void {
    this.#isOpen = false;
    this.#socketUnit.close();
    this.members.killAnd(() => {
      this.service.end();
      this.#watches.close();
      this.#sockets.close();
    });
    this.#sockets.files.remove();
    this.folder.remove();
  }
}
