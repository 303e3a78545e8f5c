// The states of a service, and which event leads from one state to the next. docs/service.md has the table.

export type State =
  /** The servers, or the workers, begin to listen. */
  | 'starting'
  /** The service was told to stop before it served. */
  | 'interrupted'
  | 'serving'
  | 'reloading'
  /** The service takes no more connections, and waits for the open ones to end. */
  | 'draining'
  /** The stop hook runs. */
  | 'stopping'
  | 'stopped'
  /** The service could not start. */
  | 'failed';

export type Event =
  /** The service listens on everything that it was given. */
  | 'listening'
  /** A server could not listen, or the manager could not be told READY=1. */
  | 'failed'
  | 'reload'
  /** The reload has ended, with success or failure. */
  | 'reloaded'
  /** A signal, service.stop(), or the idle timeout. */
  | 'stop'
  /** The last connection has ended, or the remaining ones have been cut. */
  | 'drained'
  /** The stop hook has ended, with success or failure. */
  | 'ended';

const TRANSITIONS: { readonly [from in State]: { readonly [event in Event]?: State } } = {
  starting: { listening: 'serving', failed: 'failed', stop: 'interrupted' },
  interrupted: { listening: 'draining', failed: 'draining' },
  serving: { reload: 'reloading', stop: 'draining' },
  reloading: { reloaded: 'serving', stop: 'draining' },
  draining: { drained: 'stopping' },
  stopping: { ended: 'stopped' },
  stopped: {},
  failed: {},
};

/** The states of a service that was told to stop. */
const STOPPING: ReadonlySet<State> = new Set(['interrupted', 'draining', 'stopping', 'stopped']);

/** The state that follows; undefined when the event changes nothing. */
export function transition(from: State, event: Event): State | undefined {
  return TRANSITIONS[from][event];
}

/** The state of one service. */
export class Lifecycle {
  #state: State = 'starting';

  get state(): State {
    return this.#state;
  }

  /** True once the service was told to stop, also when it has stopped. */
  get isStopping(): boolean {
    return STOPPING.has(this.#state);
  }

  /**
   * Moves to the state that the event leads to.
   *
   * - (true) the service is in another state now
   * - (false) the event changes nothing in this state, and the caller has nothing to do
   */
  apply(event: Event): boolean {
    const next = transition(this.#state, event);
    if (next === undefined) return false;
    this.#state = next;
    return true;
  }
}
