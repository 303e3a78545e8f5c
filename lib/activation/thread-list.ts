// The list of descriptors that worker threads read. Threads share no object, so the main thread leaves it
// in the add-on, which all threads of the process have in common.
import { native, nativeIfLoaded } from '../addon/exports.ts';
import { check } from '../base/errors.ts';
import { fromJson, toJson } from '../descriptor/address-json.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';

/** On the main thread: leaves the list for worker threads, those that run already too. */
export function shareListWithThreads(descriptors: readonly InheritedDescriptor[]): void {
  check(native().shared(toJson(descriptors))[0], 'strdup');
}

/** In a worker thread: the main thread's list; undefined when the main thread has left none. */
export function listOfMainThread(): InheritedDescriptor[] | undefined {
  const [, text] = nativeIfLoaded()?.shared() ?? [];
  return text === undefined ? undefined : (fromJson(text) as InheritedDescriptor[]);
}
