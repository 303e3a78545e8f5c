// The handling of SIGTERM, SIGINT and SIGHUP, from the start of a service to the end of its process.
import { now } from '../base/clock.ts';
import { os } from '../base/lazy-builtins.ts';
import type { CutCause } from '../traffic/traffic.ts';
import { isSignalExit, TakenListeners, warnOfOtherListeners } from './other-listeners.ts';

/** What a service does on a signal. */
export interface SignalActions {
  stop(signal: NodeJS.Signals): void;
  /** Closes the connections that are open. */
  cut(cause: CutCause): void;
  reload(): void;
  isStopping(): boolean;
}

/** The handling of signals as the stop of a service uses it. */
export interface SignalHandling {
  /** Warns of listeners of other code, which may cut the stop. */
  warnOfOthers(): void;
  /**
   * Gives the signal that has stopped the service to the listeners that had to wait.
   *
   * @param reason - the reason of the stop, which may be no signal
   */
  callTaken(reason: string): void;
  /** Handles the signals no longer. */
  release(): void;
}

export interface SignalOptions {
  /** True when listeners of other code have to wait until the service has stopped (`signals: 'take'`). */
  readonly take: boolean;
  /**
   * What SIGHUP does.
   *
   * - `'reload'`: the service reloads.
   * - `'default'`: the process ends, as without a listener.
   * - `'nothing'`: the primary of this worker orders the reload.
   */
  readonly hangup: 'reload' | 'default' | 'nothing';
}

const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/**
 * Milliseconds within which several SIGINTs count as one press of Ctrl-C: the terminal sends SIGINT to all its
 * processes, and npm or a shell forwards it once more.
 */
const ONE_PRESS = 1_000;

/**
 * Milliseconds that SIGHUP waits, in case a stop begins: with SendSIGHUP=yes the manager sends SIGHUP right after
 * SIGTERM, and the kernel delivers SIGHUP first because its number is lower.
 */
const HANGUP_DELAY = 50;

/** SIGINT comes from a person at a terminal: the first press stops, the second cuts, the third is for the process. */
export class InterruptPresses {
  readonly #acts: readonly (() => void)[];
  #count = 0;
  #last = Number.NEGATIVE_INFINITY;

  /** @param acts - what each press does; the last one is also for all further presses */
  constructor(...acts: readonly (() => void)[]) {
    this.#acts = acts;
  }

  press(): void {
    if (now() - this.#last <= ONE_PRESS) return;
    this.#last = now();
    this.#acts[Math.min(this.#count++, this.#acts.length - 1)]?.();
  }
}

/**
 * Keeps the exit code of the service while listeners of other code handle the signal. Many of them end with exit(143),
 * which the manager takes for a failure, or with exit(0), which would hide the failure of a stop hook.
 *
 * @returns a function that ends this
 */
export function keepExitCode(number: number): () => void {
  const exitCode = process.exitCode ?? 0;
  const restore = (code: number) => {
    if (code === 0 || code === 128 + number) process.exitCode = exitCode;
  };
  process.once('exit', restore);
  return () => process.off('exit', restore);
}

/** Ends the process by the default action of the signal, so that its parent sees the signal as the cause. */
function dieBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

export class Signals implements SignalHandling {
  readonly #actions: SignalActions;
  readonly #options: SignalOptions;
  readonly #handlers: ReadonlyMap<NodeJS.Signals, () => void>;
  #taken: TakenListeners | undefined;
  #endKeepingExitCode: () => void = () => {};

  /** Handles the signals from now on, until {@link release}. */
  constructor(actions: SignalActions, options: SignalOptions) {
    this.#actions = actions;
    this.#options = options;
    const presses = new InterruptPresses(
      () => actions.stop('SIGINT'),
      () => actions.cut('interrupt'),
      () => dieBy('SIGINT'),
    );
    this.#handlers = new Map([
      // Another SIGTERM changes nothing: the manager, npm and ExecStop= may all send it. For an impatient
      // administrator there is SIGKILL.
      ['SIGTERM', () => actions.stop('SIGTERM')],
      ['SIGINT', () => presses.press()],
      ['SIGHUP', () => this.#onHangup()],
    ]);
    // Before all other listeners, so that the stop has begun when another listener ends the process.
    for (const [signal, handler] of this.#handlers) process.prependListener(signal, handler);
    if (options.take) this.#taken = new TakenListeners(STOP_SIGNALS, this.#isOwn);
  }

  readonly #isOwn = (listener: unknown): boolean =>
    [...this.#handlers.values()].some((handler) => handler === listener);

  #onHangup(): void {
    const { hangup } = this.#options;
    if (hangup === 'nothing') return;
    const act = () => (hangup === 'reload' ? this.#actions.reload() : this.#dieByHangup());
    // setImmediate: when the event loop was busy, it first reads the signals that came meanwhile.
    setTimeout(() => setImmediate(act), HANGUP_DELAY);
  }

  /**
   * Sends SIGHUP again without this handler, so that the process ends: by default, or by the listener of signal-exit.
   */
  #dieByHangup(): void {
    const others = process.listeners('SIGHUP').filter((listener) => !this.#isOwn(listener));
    if (this.#actions.isStopping() || !others.every(isSignalExit)) return;
    process.off('SIGHUP', this.#handlers.get('SIGHUP') as () => void);
    process.kill(process.pid, 'SIGHUP');
  }

  warnOfOthers(): void {
    if (!this.#options.take) warnOfOtherListeners(STOP_SIGNALS, this.#isOwn);
  }

  /**
   * Calls the listeners that were taken from the signal that has stopped the service.
   *
   * @param reason - the reason of the stop; when it is no signal, nothing is called
   */
  callTaken(reason: string): void {
    const signal = STOP_SIGNALS.find((name) => name === reason);
    if (signal === undefined || this.#taken === undefined) return;
    const number = os().constants.signals[signal];
    this.#endKeepingExitCode = keepExitCode(number);
    this.#taken.call(signal, number);
  }

  /** Handles the signals no longer, and puts the taken listeners back. */
  release(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
    this.#taken?.putBack();
    this.#taken = undefined;
    this.#endKeepingExitCode();
  }
}
