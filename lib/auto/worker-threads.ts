// Worker threads of the program that listen: they get no signals, so the main thread tells them when to drain.
import type { BroadcastChannel, Worker } from 'node:worker_threads';
import { type Deferred, deferred } from '../base/deferred.ts';
import { threads } from '../base/lazy-builtins.ts';
import type { Address } from '../descriptor/address.ts';
import type { CutCause } from '../traffic/traffic.ts';
import type { OtherServers } from './automatic-backend.ts';
import { ProgramServers } from './program-servers.ts';

const CHANNEL = 'libsystemd.auto';

interface FromThread {
  readonly thread: number;
  readonly addresses?: readonly Address[];
  readonly drained?: true;
}

interface FromMain {
  readonly stop?: { readonly isActivated: boolean; readonly handlesSignal: boolean };
  readonly cut?: CutCause;
}

/** The channel of all threads of this process. It keeps no thread alive. */
function openChannel<Received>(onMessage: (message: Received) => void): BroadcastChannel {
  const channel = new (threads().BroadcastChannel)(CHANNEL);
  channel.onmessage = ({ data }: { data: unknown }) => onMessage(data as Received);
  channel.unref();
  return channel;
}

interface KnownThread {
  addresses: readonly Address[];
  readonly drained: Deferred<void>;
}

/** In the main thread: the threads that listen. */
export class WorkerThreads implements OtherServers {
  readonly #threads = new Map<number, KnownThread>();
  readonly #onListening: () => void;
  readonly #isActivated: () => boolean;
  #channel: BroadcastChannel | undefined;

  /** @param onListening - called when a thread has begun to listen, or has stopped */
  constructor(onListening: () => void, isActivated: () => boolean) {
    this.#onListening = onListening;
    this.#isActivated = isActivated;
  }

  /** Follows every thread that is started from now on. */
  follow(): void {
    process.on('worker', (worker: Worker) => {
      this.#channel ??= openChannel((message: FromThread) => this.#receive(message));
      const { threadId } = worker;
      worker.once('exit', () => {
        this.#threads.get(threadId)?.drained.resolve();
        this.#threads.delete(threadId);
      });
    });
  }

  #receive({ thread, addresses, drained }: FromThread): void {
    const known = this.#threads.get(thread) ?? { addresses: [], drained: deferred<void>() };
    this.#threads.set(thread, known);
    if (drained) known.drained.resolve();
    if (addresses === undefined) return;
    known.addresses = addresses;
    this.#onListening();
  }

  get addresses(): readonly Address[] {
    return [...this.#threads.values()].flatMap(({ addresses }) => addresses);
  }

  #post(message: FromMain): void {
    this.#channel?.postMessage(message);
  }

  async drain(_reason: string, handlesSignal: boolean): Promise<void> {
    this.#post({ stop: { isActivated: this.#isActivated(), handlesSignal } });
    await Promise.all([...this.#threads.values()].map(({ drained }) => drained.promise));
  }

  cut(cause: CutCause): void {
    this.#post({ cut: cause });
    for (const { drained } of this.#threads.values()) drained.resolve();
  }
}

/** In a worker thread: its servers, which drain at the order of the main thread. */
export function serveInThread(): ProgramServers {
  const thread = threads().threadId;
  const post = (message: Omit<FromThread, 'thread'>) => channel.postMessage({ thread, ...message });
  // A turn later, because a program that looks for a free port closes its servers as soon as they listen.
  const report = () => setImmediate(() => post({ addresses: servers.addresses }));
  const servers = new ProgramServers(() => {}, report);
  const channel = openChannel(({ stop, cut }: FromMain) => {
    if (cut !== undefined) servers.cut(cut);
    if (stop === undefined) return;
    const { isActivated, handlesSignal } = stop;
    servers.drain(isActivated, () => handlesSignal).then(() => post({ drained: true }));
  });
  return servers;
}
