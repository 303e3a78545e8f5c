// The listeners of a socket of the program.
import type { EventEmitter } from 'node:events';

/** Calls `goOn` soon after each new listener of the event, because messages wait in a socket for their first one. */
export function whenListenedTo(emitter: EventEmitter, event: string, goOn: () => void): void {
  emitter.on('newListener', (name) => {
    if (name === event) process.nextTick(goOn);
  });
}

/** Emits 'close' soon. The promise resolves when all listeners have been called. */
export function emitClose(emitter: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(() => {
      resolve();
      emitter.emit('close');
    });
  });
}
