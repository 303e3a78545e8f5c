// Listeners that other code has for the signals that stop a service.
import { visible } from '../base/printable.ts';
import { warn } from '../base/warn.ts';

// biome-ignore lint/complexity/noBannedTypes: Node's own type of a listener.
type Listener = Function;

/**
 * signal-exit, which many packages bring along, ends the process only where no other listener is
 * there. That is how it finds out, in its versions 3 and 4.
 */
const ENDS_ONLY_ALONE = /\blisteners\.length === (?:emitter\.)?count\b/;

const MOST_SOURCE = 80;

/** Where a function comes from, JavaScript does not tell: so its name, and how its source begins. */
function sourceOf(listener: Listener): string {
  const text = Function.prototype.toString.call(listener).replace(/\s+/g, ' ');
  const source = text.length > MOST_SOURCE ? `${text.slice(0, MOST_SOURCE)}…` : text;
  const name = typeof listener.name === 'string' ? listener.name : '';
  return visible(name === '' || text.includes(name) ? source : `${name}: ${source}`);
}

/** Whether a listener is signal-exit's, and so none that handles the signal. */
export function endsOnlyAlone(listener: Listener): boolean {
  return ENDS_ONLY_ALONE.test(Function.prototype.toString.call(listener));
}

/** Warns, once, of listeners that may end the process, or close its servers, beside the service. */
export function warnOfOthers(
  signals: readonly NodeJS.Signals[],
  isOwn: (listener: Listener) => boolean,
): void {
  const found = new Map<Listener, NodeJS.Signals[]>();
  for (const signal of signals) {
    for (const listener of process.listeners(signal) as Listener[]) {
      if (isOwn(listener) || endsOnlyAlone(listener)) continue;
      found.set(listener, [...(found.get(listener) ?? []), signal]);
    }
  }
  if (found.size === 0) return;
  const lines = [...found].map(
    ([listener, names]) => `  ${names.join(', ')}: ${sourceOf(listener)}`,
  );
  const message =
    'Other code of this process listens to the signals that stop the service. When it ends the process, or closes a server, requests that are under way are lost';
  const advice =
    "With signals: 'take' serve() calls these listeners itself, when the service has stopped:";
  warn(message, { code: 'ERR_SYSTEMD_SIGNALS', detail: [advice, ...lines].join('\n') });
}

/** Listeners of other code that are off their signals, in their order, until they are put back. */
export class TakenListeners {
  readonly #taken = new Map<NodeJS.Signals, Listener[]>();
  readonly #isOwn: (listener: Listener) => boolean;
  // Node tells of a listener before it adds it. No signal comes until the next tick.
  readonly #onNewListener = (event: string | symbol) => {
    if (this.#taken.has(event as NodeJS.Signals)) {
      process.nextTick(() => this.#take(event as NodeJS.Signals));
    }
  };

  /** Takes those that are there, and those that are added later on. */
  constructor(signals: readonly NodeJS.Signals[], isOwn: (listener: Listener) => boolean) {
    this.#isOwn = isOwn;
    for (const signal of signals) {
      this.#taken.set(signal, []);
      this.#take(signal);
    }
    process.on('newListener', this.#onNewListener);
  }

  /** With what `once` has around a listener, so that it stays one that is called once. */
  #take(signal: NodeJS.Signals): void {
    for (const listener of process.rawListeners(signal) as Listener[]) {
      if (this.#isOwn(listener)) continue;
      process.off(signal, listener as NodeJS.SignalsListener);
      this.#taken.get(signal)?.push(listener);
    }
  }

  /** Calls those of a signal as Node would have. */
  call(signal: NodeJS.Signals, number: number): void {
    for (const listener of this.#taken.get(signal) ?? []) {
      // What one throws is uncaught, as ever, and keeps no other from being called.
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
