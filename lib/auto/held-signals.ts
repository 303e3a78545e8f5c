// HeldSignals: holds the signals that stop a service back from the program until the service has drained.
//
// Node calls the `process.emit` that it finds when the first listener of a signal is added. So process.emit is replaced
// before the program runs. process.on(), process.off() and process.listeners() stay as they are.
import { deferred } from '../base/deferred.ts';
import { os } from '../base/lazy-builtins.ts';
import { replaceMethod } from '../base/replace-method.ts';
import {
  InterruptPresses,
  keepExitCode,
  type SignalActions,
  type SignalHandling,
} from '../service/signals.ts';
import type { CutCause } from '../traffic/traffic.ts';

const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

const isStopSignal = (event: unknown): event is NodeJS.Signals =>
  STOP_SIGNALS.includes(event as NodeJS.Signals);

/** Gets the signals; undefined before the program listens, and again once it gets them itself. */
let holder: HeldSignals | undefined;

/** Adds the listeners that were there before again, because Node has bound the old process.emit for them. */
function addListenersAgain(): void {
  for (const signal of STOP_SIGNALS) {
    const listeners = process.rawListeners(signal) as NodeJS.SignalsListener[];
    process.removeAllListeners(signal);
    for (const listener of listeners) process.on(signal, listener);
  }
}

/** To be called before the program runs. */
export function interceptSignals(): void {
  const own = Object.hasOwn(process, 'emit') ? process.emit : undefined;
  const prototype = Object.getPrototypeOf(process) as NodeJS.EventEmitter;
  const emit = function (this: unknown, event: string | symbol, ...args: unknown[]): boolean {
    // A program may emit the event itself, without a number, to run its own listeners.
    if (holder !== undefined && isStopSignal(event) && typeof args[1] === 'number') {
      holder.hold(event);
      return true;
    }
    // On the next tick, because a program may take off listeners until there is none.
    if (event === 'removeListener') process.nextTick(() => holder?.keepWatching());
    return Reflect.apply(own ?? prototype.emit, this, [event, ...args]);
  };
  replaceMethod(process, 'emit', emit);
  addListenersAgain();
}

/**
 * The program gets the signal once the promise of this function has resolved.
 *
 * @param signalled - resolves once this process was sent a signal that stops it
 */
export type BeforeReplay = (signalled: Promise<void>) => Promise<void>;

/** Does nothing, but keeps the signal from ending the process. */
const ignore = () => {};

export class HeldSignals implements SignalHandling {
  readonly #actions: SignalActions;
  readonly #presses: InterruptPresses;
  readonly #beforeReplay: BeforeReplay;
  readonly #signalled = deferred<void>();

  constructor(actions: SignalActions, beforeReplay: BeforeReplay) {
    this.#actions = actions;
    this.#beforeReplay = beforeReplay;
    this.#presses = new InterruptPresses(
      () => actions.stop('SIGINT'),
      () => actions.cut('interrupt'),
      () => this.#replay('SIGINT'),
    );
    this.keepWatching();
    holder = this;
  }

  /** Node lets a signal end the process when its last listener is taken off: a program may take off this one too. */
  keepWatching(): void {
    for (const signal of STOP_SIGNALS) {
      if (!process.listeners(signal).includes(ignore)) process.on(signal, ignore);
    }
  }

  /** True during a stop, until the program has got the signal. */
  get isHoldingBack(): boolean {
    return holder === this && this.#actions.isStopping();
  }

  hold(signal: NodeJS.Signals): void {
    this.#signalled.resolve();
    if (signal === 'SIGINT') this.#presses.press();
    else this.#actions.stop(signal);
  }

  /** Closes the connections that are open. */
  cut(cause: CutCause): void {
    this.#actions.cut(cause);
  }

  /** True when the program has a listener of its own for the signal that a stop for this reason replays. */
  static handles(reason: string): boolean {
    const signal = isStopSignal(reason) ? reason : 'SIGTERM';
    return process.listeners(signal).some((listener) => listener !== ignore);
  }

  /** Nothing to warn of: the listeners of the program get the signal after the drain. */
  warnOfOthers(): void {}

  /** Gives the signal to the program. A service that was idle ends by SIGTERM. */
  callTaken(reason: string): void {
    const signal = isStopSignal(reason) ? reason : 'SIGTERM';
    this.#beforeReplay(this.#signalled.promise).then(() => this.#replay(signal));
  }

  #replay(signal: NodeJS.Signals): void {
    if (holder !== this) return;
    const number = os().constants.signals[signal];
    this.standAside();
    keepExitCode(number);
    // Without a listener the signal ends the process, which the manager does not take for a failure.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    else Reflect.apply(process.emit, process, [signal, signal, number]);
  }

  /** From now on the program gets the signals itself. */
  standAside(): void {
    // Before the replay, because the listener of signal-exit ends the process only if it is the only one.
    for (const signal of STOP_SIGNALS) process.off(signal, ignore);
    if (holder === this) holder = undefined;
  }

  /** Nothing to do: the replay has given the signals back, or is about to. */
  release(): void {}
}
