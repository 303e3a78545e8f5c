// The messages of a Unix datagram socket, and the connections of a seqpacket server, and how they end.
import { now } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import type { UnixConnection, UnixServer, UnixServerParts } from '../descriptor/unix-server.ts';
import { ANSWER_GRACE, type Traffic } from './traffic.ts';

/** Unread messages wait in the kernel for the next start of the service. */
export class UnixDatagramTraffic implements Traffic {
  readonly connections = 0;
  readonly open = [];
  readonly endsLast = true;
  readonly #socket: UnixServer;
  readonly #parts: UnixServerParts;
  readonly #closed = deferred<void>();
  /** When the last message was received, in milliseconds of {@link now}. */
  #lastMessage = Number.NEGATIVE_INFINITY;

  constructor(socket: UnixServer, parts: UnixServerParts, onActivity: () => void) {
    this.#socket = socket;
    this.#parts = parts;
    parts.watch(() => {
      this.#lastMessage = now();
      onActivity();
    });
    socket.once('close', () => this.#closed.resolve());
  }

  async drain(drainHookEnded: Promise<unknown>): Promise<void> {
    this.#parts.stopReceiving();
    await Promise.race([this.#waitUntilSent(drainHookEnded), this.#closed.promise]);
    this.cut();
    await new Promise(setImmediate); // the program gets its 'close' event meanwhile
  }

  /** Resolves when nothing may cause an answer any more, and all answers are sent. */
  async #waitUntilSent(drainHookEnded: Promise<unknown>): Promise<void> {
    await drainHookEnded;
    const rest = this.#lastMessage + ANSWER_GRACE - now();
    if (rest > 0) {
      let timer: NodeJS.Timeout | undefined;
      const passed = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, rest);
      });
      await Promise.race([passed, this.#closed.promise]);
      clearTimeout(timer);
    }
    await this.#parts.flushed();
  }

  cut(): void {
    this.#closed.resolve();
    void this.#socket.close();
  }
}

/** Connections end by themselves, by the drain hook, or by a cut. */
export class UnixSeqpacketTraffic implements Traffic {
  readonly endsLast = false;
  readonly #server: UnixServer;
  readonly #parts: UnixServerParts;

  constructor(server: UnixServer, parts: UnixServerParts, onActivity: () => void) {
    this.#server = server;
    this.#parts = parts;
    parts.watch(onActivity);
    server.on('connection', (connection: UnixConnection) => {
      onActivity();
      connection.once('close', onActivity);
    });
  }

  get connections(): number {
    return this.open.length;
  }

  get open(): readonly UnixConnection[] {
    return this.#parts.connections();
  }

  /** close() waits for the last connection. */
  async drain(): Promise<void> {
    await this.#server.close();
  }

  cut(): void {
    void this.#server.close();
    for (const connection of this.open) void connection.close();
  }
}
