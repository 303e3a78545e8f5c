// The list of inherited descriptors for worker threads. Threads share no object, so the main thread puts the list as
// a text into the add-on, which all threads of the process share.
import { native, nativeIfLoaded } from '../addon/exports.ts';
import { resultOrThrow } from '../base/errors.ts';
import { fromJson, toJson } from '../descriptor/address-json.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';

/** In the main thread: shares the list with worker threads, also with those that run already. */
export function shareListWithThreads(descriptors: readonly InheritedDescriptor[]): void {
  resultOrThrow(native().shared(toJson(descriptors))[0], 'strdup');
}

/** In a worker thread: the main thread's list; undefined when the main thread has shared none. */
export function listOfMainThread(): InheritedDescriptor[] | undefined {
  const [, text] = nativeIfLoaded()?.shared() ?? [];
  return text === undefined ? undefined : (fromJson(text) as InheritedDescriptor[]);
}
