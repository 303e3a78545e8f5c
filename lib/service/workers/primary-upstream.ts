// In a cluster worker: the primary as the upstream of the service. Only the primary notifies the service manager,
// because NotifyAccess= by default accepts the main process alone, and a service has one status.
import { cluster } from '../../base/lazy-builtins.ts';
import type { Address } from '../../descriptor/address.ts';
import type { WatchdogOptions } from '../../notification/watchdog/options.ts';
import type { Watchdog } from '../../notification/watchdog/participant.ts';
import { Pinger } from '../../notification/watchdog/pinger.ts';
import type { Upstream } from '../upstream.ts';
import { sendReport } from './channel.ts';
import { takeWorkerSettings, type WorkerSettings } from './settings.ts';

export class PrimaryUpstream implements Upstream {
  readonly #settings: WorkerSettings | undefined = takeWorkerSettings();
  readonly #pinger = new Pinger(() => sendReport({ alive: true }));
  #connections = 0;

  get isServePrimary(): boolean {
    return this.#settings !== undefined;
  }

  ready(_status: () => string, addresses: readonly Address[]): void {
    sendReport({ serving: addresses });
  }

  startPings(options: WatchdogOptions): Watchdog | undefined {
    const heartbeat = this.#settings?.heartbeat;
    if (heartbeat === undefined) return undefined;
    // The program chose options.interval for the manager's timeout, which is not the heartbeat.
    const { interval, ...others } = options;
    return this.#pinger.add(others, heartbeat);
  }

  reloading(): void {}

  reloaded(_status: string, failure: string | undefined): void {
    sendReport({ reloaded: failure ?? true });
  }

  startFailed(message: string): void {
    sendReport({ failed: message });
  }

  requestReload(): boolean {
    sendReport({ wantsReload: true });
    return this.isServePrimary;
  }

  stopping(): void {
    this.#pinger.pauseChecks();
  }

  drained(): void {
    sendReport({ drained: true });
  }

  extendTimeout(): void {}

  update(_status: () => string, connections: number): void {
    if (connections === this.#connections) return;
    this.#connections = connections;
    sendReport({ connections });
  }

  idle(isIdle: boolean): void {
    sendReport({ idle: isIdle });
  }

  stopped(hasSucceeded: boolean): void {
    if (hasSucceeded) sendReport({ stopped: true });
    cluster().worker?.disconnect();
  }
}
