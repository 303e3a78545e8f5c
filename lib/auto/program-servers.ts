// ProgramServers: the servers that the program makes listen, as the backend of the service.
import type { Server } from 'node:net';
import type { AnyServer, ServerKind } from '../activation/server-kinds/index.ts';
import { now } from '../base/clock.ts';
import type { Address } from '../descriptor/address.ts';
import type { InheritedDescriptor, SocketDescriptor } from '../descriptor/inspect.ts';
import { whenHandleCloses } from '../descriptor/node-handles.ts';
import { mayHaveWaitingConnections } from '../service/servers.ts';
import { IDLE_GRACE } from '../traffic/idle-connections.ts';
import {
  type CutCause,
  cutAll,
  type DrainContext,
  drainAll,
  drainContext,
  type Traffic,
} from '../traffic/traffic.ts';
import { letCloseSucceed } from './close-calls.ts';
import { isLongLived, isRaw } from './long-lived.ts';
import type { Wish } from './matching.ts';

/** The milliseconds between two questions whether only long-lived connections are left. */
const CHECK_INTERVAL = 50;

export interface ProgramServer {
  readonly server: AnyServer;
  readonly kind: ServerKind;
  readonly wish: Wish;
  /** The inherited sockets that the server listens on; none when it listens as the program wished. */
  readonly descriptors: readonly InheritedDescriptor[];
  readonly traffic: Traffic;
}

export class ProgramServers {
  readonly #servers = new Map<AnyServer, ProgramServer>();
  /** A server may listen several times, and is watched once. */
  readonly #traffic = new WeakMap<AnyServer, Traffic>();
  readonly #onActivity: () => void;
  readonly #onChange: () => void;

  /**
   * @param onActivity - called when a connection begins or ends, and for each datagram
   * @param onChange - called when a server has begun to listen, and when it has stopped
   */
  constructor(onActivity: () => void, onChange: () => void) {
    this.#onActivity = onActivity;
    this.#onChange = onChange;
  }

  /** Watches a server from before it listens. */
  add(
    server: AnyServer,
    kind: ServerKind,
    wish: Wish,
    descriptors: readonly InheritedDescriptor[],
  ): void {
    const traffic = this.#traffic.get(server) ?? this.#watch(server, kind);
    this.#servers.set(server, { server, kind, wish, descriptors, traffic });
  }

  #watch(server: AnyServer, kind: ServerKind): Traffic {
    const traffic = kind.watch(server, this.#onActivity);
    this.#traffic.set(server, traffic);
    const emitter: NodeJS.EventEmitter = server;
    emitter.on('listening', () => {
      whenHandleCloses(server, this.#onChange);
      this.#onChange();
    });
    emitter.on('close', () => {
      if (!kind.isListening(server)) this.#servers.delete(server);
    });
    return traffic;
  }

  /** The servers that listen now. */
  get listening(): readonly ProgramServer[] {
    return [...this.#servers.values()].filter(({ kind, server }) => kind.isListening(server));
  }

  get addresses(): readonly Address[] {
    return this.listening.flatMap(({ kind, server, descriptors }) =>
      descriptors.length > 0
        ? descriptors.map((descriptor) => (descriptor as SocketDescriptor).localAddress)
        : [kind.address(server)],
    );
  }

  /**
   * The servers that a stop closes and waits for. Beside inherited sockets, a server of the program's own protocol is
   * left alone: most often it connects the processes of the program.
   */
  #drained(isActivated: boolean): readonly ProgramServer[] {
    return [...this.#servers.values()].filter(
      ({ server, descriptors }) => !isActivated || descriptors.length > 0 || !isRaw(server),
    );
  }

  get connections(): number {
    return [...this.#servers.values()].reduce((sum, { traffic }) => sum + traffic.connections, 0);
  }

  get isBusy(): boolean {
    const isWaiting = ({ kind, server }: ProgramServer) =>
      kind.fds(server).some(mayHaveWaitingConnections);
    return this.connections > 0 || this.listening.some(isWaiting);
  }

  get drainContext(): DrainContext {
    return drainContext([...this.#servers.values()].map(({ traffic }) => traffic));
  }

  /**
   * Closes the servers. Resolves when no connection is left but {@link isLongLived} ones, or after {@link cut}.
   *
   * @param isActivated - true when the process has inherited sockets
   * @param handlesSignal - returns true when the program has a listener for the signal that stops it
   */
  async drain(isActivated: boolean, handlesSignal: () => boolean): Promise<void> {
    const drained = this.#drained(isActivated);
    for (const { server } of drained) {
      if ('getConnections' in server) letCloseSucceed(server as Server);
    }
    const all = drained.map(({ traffic }) => traffic);
    const ended = drainAll(all, Promise.resolve());
    const begun = now();
    const isOver = () =>
      now() - begun >= IDLE_GRACE &&
      drained.every(({ server, traffic }) =>
        traffic.open.every((connection) => isLongLived(server, connection, handlesSignal())),
      ) &&
      all.every(({ open, connections }) => connections <= open.length);
    await Promise.race([ended, this.#until(isOver, ended)]);
  }

  /** Resolves once the condition is met, or `end` has settled. */
  #until(condition: () => boolean, end: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        if (!condition()) return;
        clearInterval(timer);
        resolve();
      }, CHECK_INTERVAL);
      const finish = () => {
        clearInterval(timer);
        resolve();
      };
      end.then(finish, finish);
    });
  }

  cut(cause: CutCause): void {
    const all = [...this.#servers.values()].map(({ traffic }) => traffic);
    cutAll(all, cause, 'Raise LIBSYSTEMD_AUTO_STOP_TIMEOUT');
  }
}
