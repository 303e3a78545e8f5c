// SocketSource: a Unix socket whose other end writes when memory is short.
import type { Socket } from 'node:net';
import { systemError } from '../base/errors.ts';
import { net } from '../base/lazy-builtins.ts';
import { warn } from '../base/warn.ts';
import type { Source, SourceEvents } from './source.ts';
import type { Target } from './target.ts';

export class SocketSource implements Source {
  readonly #socket: Socket;
  #isClosed = false;

  constructor({ path, trigger }: Target, { onPressure, onEnd }: SourceEvents) {
    this.#socket = net().connect({ path });
    this.#socket.unref();
    if (trigger.length > 0) this.#socket.write(trigger);
    this.#socket.on('data', () => {
      if (!this.#isClosed) onPressure(undefined);
    });
    // Once there is a connection, an error is its end.
    this.#socket.on('error', ({ errno = 0, syscall }: NodeJS.ErrnoException) => {
      if (this.#isClosed || syscall !== 'connect') return;
      warn(systemError(errno, syscall, { path }, 'the socket of MEMORY_PRESSURE_WATCH'));
    });
    this.#socket.on('close', () => {
      if (!this.#isClosed) onEnd();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }
}
