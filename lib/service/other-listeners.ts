// The listeners that other code in this process has for the signals that stop a service.
import { escapeUnprintable } from '../base/printable.ts';
import { warn } from '../base/warn.ts';

// biome-ignore lint/complexity/noBannedTypes: Node's own type of a listener.
type Listener = Function;

/**
 * The condition in the source of signal-exit, versions 3 and 4, a package that many others depend on: its listener
 * ends the process only when the signal has no other listener.
 */
const SIGNAL_EXIT_CONDITION = /\blisteners\.length === (?:emitter\.)?count\b/;

/** True for a listener of signal-exit, which does nothing beside the listener of a service. */
export function isSignalExit(listener: Listener): boolean {
  return SIGNAL_EXIT_CONDITION.test(Function.prototype.toString.call(listener));
}

/** The most characters of a listener's source that a warning shows. */
const LONGEST_EXCERPT = 80;

/** The name of a listener and the first characters of its source. JavaScript does not tell the file of a function. */
function describeListener(listener: Listener): string {
  const text = Function.prototype.toString.call(listener).replace(/\s+/g, ' ');
  const excerpt = text.length > LONGEST_EXCERPT ? `${text.slice(0, LONGEST_EXCERPT)}…` : text;
  const name = typeof listener.name === 'string' ? listener.name : '';
  return escapeUnprintable(name === '' || text.includes(name) ? excerpt : `${name}: ${excerpt}`);
}

/** Emits one warning that names the listeners of other code, if there are any. */
export function warnOfOtherListeners(
  signals: readonly NodeJS.Signals[],
  isOwn: (listener: Listener) => boolean,
): void {
  const found = new Map<Listener, NodeJS.Signals[]>();
  for (const signal of signals) {
    for (const listener of process.listeners(signal) as Listener[]) {
      if (isOwn(listener) || isSignalExit(listener)) continue;
      found.set(listener, [...(found.get(listener) ?? []), signal]);
    }
  }
  if (found.size === 0) return;
  const lines = [...found].map(
    ([listener, names]) => `  ${names.join(', ')}: ${describeListener(listener)}`,
  );
  const message =
    'Other code in this process listens for the signals that stop the service. If it ends the process or closes a server, requests under way are lost';
  const advice =
    "With the option signals: 'take', serve() calls these listeners when the service has stopped:";
  warn(message, { code: 'ERR_SYSTEMD_SIGNALS', detail: [advice, ...lines].join('\n') });
}

/** Listeners of other code that were removed from their signals, and are called when the service has stopped. */
export class TakenListeners {
  readonly #taken = new Map<NodeJS.Signals, Listener[]>();
  readonly #isOwn: (listener: Listener) => boolean;
  // Node emits 'newListener' before it adds the listener. No signal is delivered before the next tick.
  readonly #onNewListener = (event: string | symbol) => {
    if (this.#taken.has(event as NodeJS.Signals)) {
      process.nextTick(() => this.#take(event as NodeJS.Signals));
    }
  };

  /** Takes the listeners of these signals, also those that are added later. */
  constructor(signals: readonly NodeJS.Signals[], isOwn: (listener: Listener) => boolean) {
    this.#isOwn = isOwn;
    for (const signal of signals) {
      this.#taken.set(signal, []);
      this.#take(signal);
    }
    process.on('newListener', this.#onNewListener);
  }

  /**
   * Takes raw listeners, because a listener of process.once() then keeps its wrapper, and is still called only once.
   */
  #take(signal: NodeJS.Signals): void {
    for (const listener of process.rawListeners(signal) as Listener[]) {
      if (this.#isOwn(listener)) continue;
      process.off(signal, listener as NodeJS.SignalsListener);
      this.#taken.get(signal)?.push(listener);
    }
  }

  /** Calls the taken listeners of a signal in their order, with the arguments that Node gives them. */
  call(signal: NodeJS.Signals, number: number): void {
    for (const listener of this.#taken.get(signal) ?? []) {
      // Each in its own tick: an error that one throws is uncaught, as usual, and does not keep back the others.
      process.nextTick(() => Reflect.apply(listener, process, [signal, number]));
    }
  }

  putBack(): void {
    process.off('newListener', this.#onNewListener);
    for (const [signal, listeners] of this.#taken) {
      for (const listener of listeners.splice(0)) {
        process.on(signal, listener as NodeJS.SignalsListener);
      }
    }
  }
}
