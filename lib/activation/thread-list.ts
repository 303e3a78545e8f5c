// The list of inherited descriptors for worker threads. Threads share no object, so the main thread puts the list as
// a text into the add-on, which all threads of the process share.
//
// The text has the records that the list is made of, because JSON of the list takes as long to make as the list. The
// main thread can't make the text later, when a thread asks: the main thread may be busy then.
import { native, nativeIfLoaded } from '../addon/exports.ts';
import { resultOrThrow } from '../base/errors.ts';
import { descriptorsIn, type InheritedDescriptor } from '../descriptor/inspect.ts';
import { type Records, recordsIn } from '../descriptor/records.ts';

/** In the main thread: shares the list with worker threads, also with those that run already. */
export function shareListWithThreads(names: readonly string[], { bytes }: Records): void {
  resultOrThrow(native().share_list(JSON.stringify(names), bytes), 'malloc');
}

/** In a worker thread: the main thread's list; undefined when the main thread has shared none. */
export function listOfMainThread(): InheritedDescriptor[] | undefined {
  const [, text] = nativeIfLoaded()?.shared() ?? [];
  if (text === undefined) return undefined;
  const [names = '', digits = ''] = text.split('\n');
  // A copy, because Buffer puts small ones into one memory, where the words may not begin at a multiple of 4.
  const { buffer } = Uint8Array.from(Buffer.from(digits, 'hex'));
  return descriptorsIn(recordsIn(buffer), JSON.parse(names) as string[]);
}
