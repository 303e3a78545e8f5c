// Whom a service tells how it is: the service manager, or in a cluster worker its primary.

import { cluster } from '../base/lazy-builtins.ts';
import { warn } from '../base/warn.ts';
import type { Address } from '../descriptor/address.ts';
import { notify } from '../notification/notify.ts';
import type { WatchdogOptions } from '../notification/watchdog/options.ts';
import type { Watchdog } from '../notification/watchdog/participant.ts';
import { Pinger } from '../notification/watchdog/pinger.ts';
import { pauseChecks, resumeChecks, watchdog } from '../notification/watchdog.ts';
import { report, type WorkerSettings, workerSettings } from './workers/channel.ts';

export interface Upstream {
  /** Whether it is a primary by serve(), which runs the same program. */
  readonly isPrimary: boolean;
  /** It serves. Throws when that can't be told. */
  ready(status: string, addresses: readonly Address[]): void;
  /** Begins to tell that the event loop turns, until that is stopped, or the process ends. */
  watch(options: WatchdogOptions): Watchdog | undefined;
  reloading(): void;
  /** The reload has ended, with the message of what failed. */
  reloaded(status: string, failure: string | undefined): void;
  /** It could not start, because of this. */
  failed(message: string): void;
  /** Asks the primary to reload the whole service; false: there is none that would. */
  askReload(): boolean;
  /** It stops. From now on that the event loop turns is health enough. */
  stopping(status: string): void;
  /** The last connection has ended. */
  drained(): void;
  extendTimeout(ms: number): void;
  /** What may have changed since a second ago. */
  refresh(status: () => string, connections: number): void;
  idle(idle: boolean): void;
  /** It has stopped, well or not. Nothing more will be told; nothing of it keeps the process alive. */
  end(well: boolean): void;
}

class ManagerUpstream implements Upstream {
  readonly isPrimary = false;
  #status = '';
  #failure: string | undefined;

  ready(status: string): void {
    this.#status = status;
    notify.ready(status);
  }

  watch(options: WatchdogOptions): Watchdog {
    resumeChecks();
    return watchdog.start(options);
  }

  /** A manager that can't be told is no reason to drop connections. One warning for each way to fail. */
  #tell(status: string, send: (status: string) => unknown): void {
    this.#status = status;
    try {
      send(status);
      this.#failure = undefined;
    } catch (error) {
      const failure = String(error);
      if (failure !== this.#failure) warn(error);
      this.#failure = failure;
    }
  }

  reloading(): void {
    this.#tell('Reloading', notify.reloading);
  }

  reloaded(status: string): void {
    this.#tell(status, notify.ready);
  }

  failed(message: string): void {
    try {
      notify.status(`Start failed: ${message}`);
    } catch {
      // Whoever has called serve() gets the error itself.
    }
  }

  askReload(): boolean {
    return false;
  }

  stopping(status: string): void {
    pauseChecks();
    this.#tell(status, notify.stopping);
  }

  drained(): void {}

  extendTimeout(ms: number): void {
    this.#tell(this.#status, () => notify.extendTimeout(ms));
  }

  refresh(status: () => string): void {
    const text = status();
    if (text !== this.#status) this.#tell(text, notify.status);
  }

  idle(): void {}

  end(): void {}
}

/** NotifyAccess= is by default for the main process alone, and a service has one status. */
class PrimaryUpstream implements Upstream {
  readonly #settings: WorkerSettings | undefined;
  readonly #pinger = new Pinger(() => report({ alive: true }));
  #connections = 0;

  constructor(settings: WorkerSettings | undefined) {
    this.#settings = settings;
  }

  get isPrimary(): boolean {
    return this.#settings !== undefined;
  }

  ready(_status: string, serving: readonly Address[]): void {
    report({ serving });
  }

  watch(options: WatchdogOptions): Watchdog | undefined {
    const heartbeat = this.#settings?.heartbeat;
    if (heartbeat === undefined) return undefined;
    // Its interval is measured by the manager's timeout, which is not this one.
    const { interval, ...others } = options;
    return this.#pinger.add(others, heartbeat);
  }

  reloading(): void {}

  reloaded(_status: string, failure: string | undefined): void {
    report({ reloaded: failure ?? true });
  }

  failed(message: string): void {
    report({ failed: message });
  }

  askReload(): boolean {
    report({ wantsReload: true });
    return this.isPrimary;
  }

  stopping(): void {
    this.#pinger.pauseChecks();
  }

  drained(): void {
    report({ drained: true });
  }

  extendTimeout(): void {}

  refresh(_status: () => string, connections: number): void {
    if (connections === this.#connections) return;
    this.#connections = connections;
    report({ connections });
  }

  idle(idle: boolean): void {
    report({ idle });
  }

  end(well: boolean): void {
    if (well) report({ stopped: true });
    cluster().worker?.disconnect();
  }
}

export function findUpstream(isWorker: boolean): Upstream {
  return isWorker ? new PrimaryUpstream(workerSettings()) : new ManagerUpstream();
}
