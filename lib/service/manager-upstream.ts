// The service manager as the upstream of a service.
import { warn } from '../base/warn.ts';
import { notify } from '../notification/notify.ts';
import type { WatchdogOptions } from '../notification/watchdog/options.ts';
import type { Watchdog } from '../notification/watchdog/participant.ts';
import { pauseChecks, resumeChecks, watchdog } from '../notification/watchdog.ts';
import type { Upstream } from './upstream.ts';

export class ManagerUpstream implements Upstream {
  readonly isServePrimary = false;
  #status = '';
  #lastFailure: string | undefined;

  ready(status: () => string): void {
    this.#status = status();
    notify.ready(this.#status);
  }

  startPings(options: WatchdogOptions): Watchdog {
    resumeChecks();
    return watchdog.start(options);
  }

  reloading(): void {
    this.#tryToSend('Reloading', notify.reloading);
  }

  reloaded(status: string): void {
    this.#tryToSend(status, notify.ready);
  }

  startFailed(message: string): void {
    try {
      notify.status(`Start failed: ${message}`);
    } catch {
      // The caller of serve() gets the error that matters.
    }
  }

  requestReload(): boolean {
    return false;
  }

  stopping(status: string): void {
    pauseChecks();
    this.#tryToSend(status, notify.stopping);
  }

  drained(): void {}

  extendTimeout(milliseconds: number): void {
    this.#tryToSend(this.#status, () => notify.extendTimeout(milliseconds));
  }

  update(status: () => string): void {
    const text = status();
    if (text !== this.#status) this.#tryToSend(text, notify.status);
  }

  idle(): void {}

  stopped(): void {}

  /**
   * Sends to the manager, and only warns when that fails, because connections are served without a manager too. Warns
   * once of the same failure.
   */
  #tryToSend(status: string, send: (status: string) => unknown): void {
    this.#status = status;
    try {
      send(status);
      this.#lastFailure = undefined;
    } catch (error) {
      const failure = String(error);
      if (failure !== this.#lastFailure) warn(error);
      this.#lastFailure = failure;
    }
  }
}
