// The states of a service, and which event leads from one to the next. docs/service.md has the table.

export type State =
  /** Its servers, or workers, begin to listen. */
  | 'starting'
  /** It was told to stop before it served. */
  | 'interrupted'
  | 'serving'
  | 'reloading'
  /** It takes no more connections, and those that are open come to their end. */
  | 'draining'
  /** The stop hook runs. */
  | 'stopping'
  | 'stopped'
  /** It could not start. */
  | 'failed';

export type Event =
  /** It listens on everything that it was given. */
  | 'listening'
  /** Something could not listen, or the manager could not be told. */
  | 'failed'
  | 'reload'
  /** The reload has ended, well or not. */
  | 'reloaded'
  /** A signal, service.stop(), or the idle time. */
  | 'stop'
  /** The last connection has ended, or what was left has been cut. */
  | 'drained'
  /** The stop hook has ended, well or not. */
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

/** The state that follows; undefined when the event changes nothing. */
export function transition(from: State, event: Event): State | undefined {
  return TRANSITIONS[from][event];
}
