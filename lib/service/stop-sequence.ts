// StopSequence: the drain, the stop hook, and the preparations for the end of the process.
import { messageOf, warn } from '../base/warn.ts';
import type { CutCause } from '../traffic/traffic.ts';
import { Drain } from './drain.ts';
import { watchForEarlyExit } from './early-exit.ts';
import { setExitDeadline } from './exit-deadline.ts';
import type { ServiceParts } from './parts.ts';
import type { Reloads } from './reloads.ts';
import { sharedState } from './shared-state.ts';
import type { SignalHandling } from './signals.ts';

export class StopSequence {
  readonly #parts: ServiceParts;
  readonly #reloads: Reloads;
  readonly #drain: Drain;
  #endExitWatch: () => void = () => {};

  constructor(parts: ServiceParts, reloads: Reloads) {
    this.#parts = parts;
    this.#reloads = reloads;
    this.#drain = new Drain(parts, reloads);
  }

  /**
   * To be called at once when the service is told to stop, because another listener of the signal may end the process.
   */
  begin(reason: string): void {
    const { lifecycle, backend } = this.#parts;
    this.#endExitWatch = watchForEarlyExit(this.#parts, this.#drain, reason);
    if (lifecycle.state === 'interrupted') backend.interrupt(reason);
  }

  /**
   * Closes the connections that are open: after options.stopTimeout, at a second Ctrl-C, or by order of the primary.
   */
  cut(cause: CutCause): void {
    this.#drain.cut(cause);
  }

  /** Resolves when the service has stopped; rejects with the first failure, once the sequence has ended. */
  async run(reason: string, signals: SignalHandling | undefined): Promise<void> {
    const { lifecycle, upstream } = this.#parts;
    const failures: unknown[] = [];
    await this.#drain.run(reason).catch((error) => {
      warn(error);
      failures.push(error);
    });
    lifecycle.apply('drained');
    upstream.drained();
    await this.#callStopHook(reason).catch((error) => failures.push(error));
    this.#endExitWatch();
    lifecycle.apply('ended');
    this.#reportOutcome(failures);
    signals?.callTaken(reason);
    this.#leaveProcess(signals);
    if (failures.length > 0) throw failures[0];
  }

  async #callStopHook(reason: string): Promise<void> {
    const { options, hooks } = this.#parts;
    const { stop } = options;
    if (stop) await hooks.call('stop', () => stop(reason));
  }

  #reportOutcome(failures: readonly unknown[]): void {
    const { upstream } = this.#parts;
    this.#reloads.handleOutcome('The service has stopped before it has reloaded');
    for (const failure of failures) {
      process.exitCode ||= 1; // unless the stop hook has set another one
      upstream.update(() => `Stop failed: ${messageOf(failure)}`, 0);
    }
    upstream.stopped(Number(process.exitCode ?? 0) === 0);
  }

  /** The pings go on until the process ends or serves again. So do the signal handlers, unless the process lives on. */
  #leaveProcess(signals: SignalHandling | undefined): void {
    const { options, isWorker } = this.#parts;
    const cancelDeadline = setExitDeadline(options.exitTimeout);
    const release = () => signals?.release();
    // Otherwise the signals stay handled, because another SIGTERM must not kill a process that is about to end.
    if (options.exitTimeout === Number.POSITIVE_INFINITY && !isWorker) release();
    sharedState.cancelExitDeadline = () => {
      cancelDeadline();
      release();
    };
  }
}
