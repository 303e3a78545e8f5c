// The listeners of a socket of the program. An emitter is an `object` here, because its events are those of any class.
import type { EventEmitter } from 'node:events';

/** Calls `goOn` soon after each new listener of the event, because messages wait in a socket for their first one. */
export function whenListenedTo(emitter: object, event: string, goOn: () => void): void {
  (emitter as EventEmitter).on('newListener', (name) => {
    if (name === event) process.nextTick(goOn);
  });
}

/** Emits 'close' soon. The promise resolves when all listeners have been called. */
export function emitClose(emitter: object): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(() => {
      resolve();
      (emitter as EventEmitter).emit('close');
    });
  });
}
