// The activation of this process: the descriptors that the manager, a cluster primary or the main thread has passed to
// it. All copies of this package in the process share one record, because a second copy finds the variables removed.
import { SystemdError } from '../base/errors.ts';
import { isMainThread } from '../base/main-thread.ts';
import { processState } from '../base/process-state.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { shareWithWorkers } from './cluster/forks.ts';
import {
  descriptorsOfPrimary,
  mayHavePrimaryDescriptors,
  type PrimaryDescriptor,
} from './cluster/worker.ts';
import {
  isMeantForThisProcess,
  type Malformed,
  type Passed,
  readEnvironment,
  unsetVariables,
} from './environment.ts';
import { listOfMainThread } from './thread-list.ts';

/** The descriptors that were passed to this process. Frozen. */
export interface Activation extends Passed {
  /** Set in a cluster worker: its descriptors are the primary's, under the same numbers. */
  readonly primary?: readonly PrimaryDescriptor[];
}

const NOTHING: Activation = { descriptors: Object.freeze([]) };

const state = processState<{ found: Activation | Malformed | undefined }>('activation', () => ({
  found: undefined,
}));

/** Freezes a descriptor that was made of JSON, as inspect() freezes its own. */
function freeze(descriptor: InheritedDescriptor): InheritedDescriptor {
  Object.freeze(descriptor.kind === 'socket' && descriptor.localAddress);
  Object.freeze(descriptor.kind === 'socket' && descriptor.peerAddress);
  return Object.freeze(descriptor);
}

/** Reads the variables and removes them. When the reading throws, they stay, because a later call may succeed. */
function takeFromManager(): Activation | Malformed | undefined {
  const passed = readEnvironment();
  if (isMalformed(passed)) {
    unsetVariables();
    return passed;
  }
  const { descriptors, meantFor } = passed;
  if (descriptors.length > 0) shareWithWorkers(descriptors);
  unsetVariables();
  return descriptors.length > 0 || meantFor !== undefined ? passed : undefined;
}

function takeFromPrimary(): Activation | undefined {
  const primary = descriptorsOfPrimary();
  return primary && { descriptors: primary.map(({ descriptor }) => freeze(descriptor)), primary };
}

/** In a worker thread, whose `process.env` is a copy: the thread can't remove the variables from the real one. */
function takeFromMainThread(): Activation | undefined {
  const descriptors = listOfMainThread();
  // `libsystemd/auto` leaves the variables in the environment after it has read them.
  if (descriptors === undefined && isMeantForThisProcess()) {
    throw new SystemdError(
      'ERR_SYSTEMD_THREAD',
      'The main thread has not read LISTEN_FDS, and a worker thread cannot: call listenFds() in the main thread before it starts this one',
    );
  }
  return descriptors && { descriptors };
}

function find(): Activation | Malformed | undefined {
  if (process.platform !== 'linux') return undefined;
  if (!isMainThread()) return takeFromMainThread();
  if (mayHavePrimaryDescriptors()) return takeFromPrimary();
  // To libsystemd an empty LISTEN_PID is an unset one.
  return process.env.LISTEN_PID ? takeFromManager() : undefined;
}

function isMalformed(found: Passed | Malformed): found is Malformed {
  return Object.hasOwn(found, 'error');
}

/**
 * The descriptors that were passed to this process.
 * - nothing was passed: no descriptors, and the next call reads the environment again
 * - the variables were malformed: this call and every later one throw the same error
 * - descriptors were passed: this call and every later one return the same list
 */
export function activation(): Activation {
  if (state.found === undefined) {
    const found = find();
    if (found === undefined) return NOTHING;
    if (!isMalformed(found)) Object.freeze(found.descriptors);
    state.found = found;
  }
  if (isMalformed(state.found)) throw state.found.error;
  return state.found;
}

/** In a cluster worker: what the worker knows about this descriptor of its primary; undefined in other processes. */
export function primaryDescriptorOf(
  descriptor: InheritedDescriptor,
): PrimaryDescriptor | undefined {
  return activation().primary?.find((known) => known.descriptor === descriptor);
}
