// AutomaticBackend: all servers of the program, in this thread and elsewhere, as the backend of its service.
import { candidates } from '../activation/candidates.ts';
import type { Address } from '../descriptor/address.ts';
import { formatAddress } from '../descriptor/format.ts';
import type { InheritedDescriptor, SocketDescriptor } from '../descriptor/inspect.ts';
import { isForServers } from '../descriptor/predicates.ts';
import type { Backend } from '../service/backend.ts';
import type { CutCause, DrainContext } from '../traffic/traffic.ts';
import { HeldSignals } from './held-signals.ts';
import { wishOfAddress } from './matching.ts';
import { ProgramServers } from './program-servers.ts';
import { type Listening, Readiness } from './readiness.ts';
import type { ReadyWhen } from './variables.ts';

/** Servers of the program outside of this thread: in cluster workers, or in worker threads. */
export interface OtherServers {
  /** The addresses that they listen on. */
  readonly addresses: readonly Address[];
  /** Resolves when their last connection has ended. */
  drain(reason: string, handlesSignal: boolean): Promise<void>;
  /** Closes the connections that are open. */
  cut(cause: CutCause): void;
}

/** Returns a function that tells whether a descriptor has this address. */
function isAt(address: Address): (descriptor: InheritedDescriptor) => boolean {
  const text = formatAddress(address);
  return (descriptor) => formatAddress((descriptor as SocketDescriptor).localAddress) === text;
}

export class AutomaticBackend implements Backend {
  readonly runsCheckElsewhere = false;
  readonly isHealthy = true;
  readonly servers: ProgramServers;
  readonly readiness: Readiness;
  /** Called when a connection begins or ends, and for each datagram. */
  onActivity: () => void = () => {};
  readonly #others: readonly OtherServers[];
  readonly #isWorker: boolean;

  /**
   * @param isWorker - true in a cluster worker
   * @param onChange - called when a server of this thread has begun to listen, and when it has stopped
   */
  constructor(
    others: readonly OtherServers[],
    readyWhen: ReadyWhen,
    isWorker: boolean,
    onChange: () => void,
  ) {
    this.#others = others;
    this.#isWorker = isWorker;
    this.servers = new ProgramServers(() => this.onActivity(), onChange);
    this.readiness = new Readiness(() => this.listening, readyWhen);
  }

  /** True when the process has inherited sockets. */
  get isActivated(): boolean {
    return candidates().some(isForServers);
  }

  get listening(): Listening {
    // A cluster worker reports every server at once, and its primary judges.
    const sockets = this.#isWorker ? [] : candidates().filter(isForServers);
    const own = this.servers.listening;
    const elsewhere = this.#addressesElsewhere;
    const isInherited = (address: Address) => sockets.some(isAt(address));
    return {
      sockets,
      served: [
        ...own.flatMap(({ descriptors }) => descriptors),
        ...sockets.filter((descriptor) => elsewhere.some((address) => isAt(address)(descriptor))),
      ],
      ownPlaces: [
        ...own.filter(({ descriptors }) => descriptors.length === 0).map(({ wish }) => wish),
        ...elsewhere.filter((address) => !isInherited(address)).map(wishOfAddress),
      ],
    };
  }

  get #addressesElsewhere(): readonly Address[] {
    return this.#others.flatMap(({ addresses }) => addresses);
  }

  get addresses(): readonly Address[] {
    return [...this.servers.addresses, ...this.#addressesElsewhere];
  }

  get connections(): number {
    return this.servers.connections;
  }

  /** Also when others serve, whose connections this thread does not know. */
  get isBusy(): boolean {
    return this.#addressesElsewhere.length > 0 || this.servers.isBusy;
  }

  get drainContext(): DrainContext {
    return this.servers.drainContext;
  }

  async start(): Promise<readonly Address[]> {
    await this.readiness.ready;
    return this.addresses;
  }

  async reload(): Promise<void> {}

  interrupt(): void {
    this.readiness.end();
  }

  async drain(reason: string): Promise<void> {
    this.readiness.end();
    const handlesSignal = () => HeldSignals.handles(reason);
    await Promise.all([
      this.servers.drain(this.isActivated, handlesSignal),
      ...this.#others.map((others) => others.drain(reason, handlesSignal())),
    ]);
  }

  cut(cause: CutCause): void {
    this.servers.cut(cause);
    for (const others of this.#others) others.cut(cause);
  }
}
