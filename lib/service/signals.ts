// The signals of a service, from when it starts to the end of its process.

import { now } from '../base/clock.ts';
import { os } from '../base/lazy-builtins.ts';
import { endsOnlyAlone, TakenListeners, warnOfOthers } from './other-listeners.ts';

/** What the signals have the service do. */
export interface SignalActions {
  stop(signal: NodeJS.Signals): void;
  /** A person is impatient. */
  cut(): void;
  reload(): void;
  isStopping(): boolean;
}

export interface SignalOptions {
  /** Whether listeners of other code wait until the service has stopped. */
  readonly take: boolean;
  /** What SIGHUP does: reload; what it does by default; or nothing, because the primary says when. */
  readonly hangup: 'reload' | 'default' | 'nothing';
}

const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/**
 * Ctrl-C sends SIGINT to all processes of a terminal, and npm or a shell hand it on besides. So what
 * comes within this time, in milliseconds, is one and the same.
 */
const ONE_PRESS = 1_000;

/**
 * With SendSIGHUP=yes the manager sends SIGHUP right behind SIGTERM, and the kernel hands out the lower
 * number first. So what SIGHUP does waits for this long, in milliseconds, whether a stop begins.
 */
const HANGUP_DELAY = 50;

/** Ends the process as the signal does by default. */
function endBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

export class Signals {
  readonly #actions: SignalActions;
  readonly #options: SignalOptions;
  readonly #handlers: ReadonlyMap<NodeJS.Signals, () => void>;
  #taken: TakenListeners | undefined;
  /** What keeps the exit code from the listeners of other code. */
  #keepCode: ((code: number) => void) | undefined;
  #presses = 0;
  #pressed = Number.NEGATIVE_INFINITY;

  /** Handles them, until {@link release}. */
  constructor(actions: SignalActions, options: SignalOptions) {
    this.#actions = actions;
    this.#options = options;
    this.#handlers = new Map([
      // Another one changes nothing: the manager, npm and ExecStop= may all send it, and who has no
      // patience left has SIGKILL.
      ['SIGTERM', () => actions.stop('SIGTERM')],
      ['SIGINT', () => this.#onInterrupt()],
      ['SIGHUP', () => this.#onHangup()],
    ]);
    // First, so that it is known of the stop when another listener ends the process.
    for (const [signal, handler] of this.#handlers) process.prependListener(signal, handler);
    if (options.take) this.#taken = new TakenListeners(STOP_SIGNALS, this.#isOwn);
  }

  readonly #isOwn = (listener: unknown): boolean =>
    [...this.#handlers.values()].some((handler) => handler === listener);

  /** A person, at a terminal: the first one stops, the second one cuts, the third one ends. */
  #onInterrupt(): void {
    if (now() - this.#pressed <= ONE_PRESS) return;
    this.#pressed = now();
    this.#presses++;
    if (this.#presses === 1) this.#actions.stop('SIGINT');
    else if (this.#presses === 2) this.#actions.cut();
    else endBy('SIGINT');
  }

  #onHangup(): void {
    const { hangup } = this.#options;
    if (hangup === 'nothing') return;
    const act = () => (hangup === 'reload' ? this.#actions.reload() : this.#hangUp());
    // After the event loop has read what came, for it may have had no time to.
    setTimeout(() => setImmediate(act), HANGUP_DELAY);
  }

  /** As if nothing of this service listened. That of signal-exit then does its work, and ends the process. */
  #hangUp(): void {
    const others = process.listeners('SIGHUP').filter((listener) => !this.#isOwn(listener));
    if (this.#actions.isStopping() || !others.every(endsOnlyAlone)) return;
    process.off('SIGHUP', this.#handlers.get('SIGHUP') as () => void);
    process.kill(process.pid, 'SIGHUP');
  }

  /** Once it serves. */
  warnOfOthers(): void {
    if (!this.#options.take) warnOfOthers(STOP_SIGNALS, this.#isOwn);
  }

  /** Once the service has stopped: calls the listeners of other code that wait for this signal. */
  callTaken(reason: string | undefined): void {
    const signal = STOP_SIGNALS.find((name) => name === reason);
    if (signal === undefined || this.#taken === undefined) return;
    const number = os().constants.signals[signal];
    const exitCode = process.exitCode ?? 0;
    // The usual exit(143) is a failure to the manager, and exit(0) would hide that of the stop hook.
    this.#keepCode = (code) => {
      if (code === 0 || code === 128 + number) process.exitCode = exitCode;
    };
    process.once('exit', this.#keepCode);
    this.#taken.call(signal, number);
  }

  /** From now on they do again what they do without this. */
  release(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
    this.#taken?.putBack();
    this.#taken = undefined;
    if (this.#keepCode) process.off('exit', this.#keepCode);
  }
}
