// AutomaticService: the service around a program that knows nothing of systemd.
import type { Server } from 'node:net';
import type { AnyServer, ServerKind } from '../activation/server-kinds/index.ts';
import { SystemdError } from '../base/errors.ts';
import { warn } from '../base/warn.ts';
import type { Address } from '../descriptor/address.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import type { TakenServeOptions } from '../service/check-options.ts';
import { ManagerUpstream } from '../service/manager-upstream.ts';
import { RunningService } from '../service/running-service.ts';
import type { Upstream } from '../service/upstream.ts';
import { adviseUntaken } from './advice.ts';
import { AutomaticBackend, type OtherServers } from './automatic-backend.ts';
import type { Order } from './cluster-messages.ts';
import { type BeforeReplay, HeldSignals } from './held-signals.ts';
import type { Wish } from './matching.ts';
import type { Variables } from './variables.ts';

/** Tells the manager; when READY=1 is the program's own task, leaves that out. */
class AutomaticUpstream extends ManagerUpstream {
  readonly #isManual: boolean;

  constructor(isManual: boolean) {
    super();
    this.#isManual = isManual;
  }

  override ready(status: () => string): void {
    try {
      if (!this.#isManual) super.ready(status);
    } catch (error) {
      warn(error); // the program serves without a manager too
    }
  }
}

/** The variables as options of serve(). The unit's TimeoutStopSec= limits the clean-up of the program by default. */
function serveOptions({ idleTimeout, stopTimeout, exitTimeout }: Variables): TakenServeOptions {
  return {
    idleTimeout: idleTimeout ?? 0,
    exitTimeout: exitTimeout ?? Number.POSITIVE_INFINITY,
    ...(stopTimeout !== undefined && { stopTimeout }),
  };
}

/** In a cluster worker: its primary. */
export interface Primary extends Upstream {
  /** The program of this worker serves by itself, and carries out no orders. */
  standAside(): void;
  /** The program gets the signal that has stopped the service once this has resolved. */
  readonly mayReplay: BeforeReplay;
}

export interface AutomaticServiceOptions {
  readonly variables: Variables;
  /** Set in a cluster worker. Default: the service notifies the manager. */
  readonly primary?: Primary;
  readonly others: readonly OtherServers[];
}

export class AutomaticService {
  readonly #variables: Variables;
  readonly #primary: Primary | undefined;
  readonly #backend: AutomaticBackend;
  #service: RunningService | undefined;
  #signals: HeldSignals | undefined;
  #isAside = false;

  constructor({ variables, primary, others }: AutomaticServiceOptions) {
    this.#variables = variables;
    this.#primary = primary;
    const isWorker = primary !== undefined;
    const onChange = () => this.onChange();
    this.#backend = new AutomaticBackend(others, variables.ready, isWorker, onChange);
  }

  /** True once the program has called serve() or listen() of this package itself, and this service does nothing. */
  get isAside(): boolean {
    return this.#isAside;
  }

  get hasBegun(): boolean {
    return this.#service !== undefined;
  }

  /** To call when a server begins to listen, in this thread or elsewhere. */
  begin(): void {
    if (this.#service !== undefined || this.#isAside) return;
    const backend = this.#backend;
    const primary = this.#primary;
    const upstream = primary ?? new AutomaticUpstream(this.#variables.ready === 'manual');
    const options = serveOptions(this.#variables);
    this.#service = new RunningService([], options, upstream, primary !== undefined, {
      activated: backend.isActivated,
      createBackend: (onActivity) => {
        backend.onActivity = onActivity;
        return backend;
      },
      createSignals: (actions) => {
        const beforeReplay: BeforeReplay = async (signalled) => primary?.mayReplay(signalled);
        this.#signals = new HeldSignals(actions, beforeReplay);
        return this.#signals;
      },
      served: () => backend.listening.served,
      adviseUntaken,
    });
    this.#service.start().catch(warn);
  }

  /** To call before a server listens on these inherited sockets, or as the program wished. */
  add(
    server: AnyServer,
    kind: ServerKind,
    wish: Wish,
    descriptors: readonly InheritedDescriptor[],
  ): void {
    this.begin();
    const { servers, readiness } = this.#backend;
    servers.add(server, kind, wish, descriptors);
    if (descriptors.length > 0 && kind.takesSeveral) readiness.hold(server as Server);
  }

  /** To call when servers have begun to listen, or have stopped. */
  onChange(): void {
    if (this.#isAside) return;
    this.#backend.readiness.onChange();
    if (this.#primary !== undefined) setImmediate(() => this.#report());
  }

  /** In a cluster worker: tells the primary the addresses. */
  #report(): void {
    if (!this.#isAside) this.#primary?.ready(() => '', this.addresses);
  }

  get addresses(): readonly Address[] {
    return this.#backend.addresses;
  }

  /** Stops the service, or closes its connections, by order of the cluster primary. */
  obey({ stop, cut }: Pick<Order, 'stop' | 'cut'>): void {
    if (this.#isAside) return;
    if (stop !== undefined) this.#service?.stop(stop).catch(() => {});
    if (cut !== undefined) this.#signals?.cut(cut);
  }

  /**
   * Does nothing from now on, because the program calls serve() or listen() of this package itself.
   *
   * @throws SystemdError ERR_SYSTEMD_STOPPED during a stop, which the program does not know of yet
   */
  standAside(): void {
    if (this.#signals?.isHoldingBack) {
      const message =
        'This process is told to stop, and drains: it gets the signal once that has ended. Call serve() in a new process';
      throw new SystemdError('ERR_SYSTEMD_STOPPED', message);
    }
    if (this.#isAside) return;
    this.#isAside = true;
    this.#signals?.standAside();
    this.#backend.readiness.cancel();
    this.#service?.abandon();
    this.#primary?.standAside();
  }
}
