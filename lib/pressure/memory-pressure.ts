// onMemoryPressure(): calls the program when memory is short.
import { CoalescedTask } from '../base/coalesced-task.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { throwLater } from '../base/throw-later.ts';
import { invalidType, invalidValue, validateBoolean } from '../base/validate.ts';
import { collectMemory } from './collect.ts';
import { openSource } from './open-source.ts';
import type { Source } from './source.ts';
import { findTarget, type PressureFallback, type Target } from './target.ts';

/** What {@link onMemoryPressure} tells. */
export interface MemoryPressure {
  /**
   * Milliseconds for which the tasks of the unit, or of the whole system, have waited for memory since the last call,
   * or since the start of the watch. undefined where the source does not tell: a FIFO, a socket, a file that can't be
   * read.
   */
  readonly stalled: number | undefined;
}

/** Options of {@link onMemoryPressure}. */
export interface MemoryPressureOptions {
  /** Ends the watch when aborted. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /**
   * True collects garbage once the listener and the promise that it returns have ended, and gives free memory back to
   * the system (malloc_trim(3); musl has no such function). Both block the event loop, together for 0.1 to 0.2 seconds
   * where 100 MB are freed. Default false.
   */
  readonly collect?: boolean | undefined;
  /**
   * What is watched where the service manager names nothing: under a systemd before 254, and in a start by hand.
   *
   * `'cgroup'`: the process's own cgroup; that needs write access to its file memory.pressure, which services have only
   * as root.
   *
   * `'system'`: the whole machine, /proc/pressure/memory.
   *
   * `false`, the default: nothing. Nor is anything watched where the kernel does not offer the file.
   */
  readonly fallback?: 'cgroup' | 'system' | false | undefined;
}

/** A watch that {@link onMemoryPressure} has begun. It does not keep the process alive. */
export interface MemoryPressureWatch extends Disposable {
  /** The path of the watched file or socket. undefined when nothing is watched, or not any more. */
  readonly source: string | undefined;
  /** Ends the watch. A further call does nothing. */
  close(): void;
}

type Listener = (event: MemoryPressure) => unknown;

const OPTIONS: OptionNames<MemoryPressureOptions> = { signal: true, collect: true, fallback: true };

const FALLBACKS: readonly unknown[] = ['cgroup', 'system', false];

function checkOptions(options: MemoryPressureOptions): MemoryPressureOptions {
  const taken = takeOptions(options, OPTIONS, 'onMemoryPressure()');
  const { signal, collect, fallback } = taken;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidType('options.signal', 'an instance of AbortSignal', signal);
  }
  if (collect !== undefined) validateBoolean('options.collect', collect);
  if (fallback !== undefined && !FALLBACKS.includes(fallback)) {
    throw invalidValue('options.fallback', "'cgroup', 'system' or false", fallback);
  }
  return taken;
}

class Watch implements MemoryPressureWatch {
  readonly #listener: Listener;
  readonly #collects: boolean;
  readonly #signal: AbortSignal | undefined;
  #source: Source | undefined;
  #path: string | undefined;
  /** Microseconds of the reports that the listener was not told of yet. */
  #stalled: number | undefined;
  /** One call at a time: reports that come during a call share the next one. */
  readonly #calls = new CoalescedTask(() => this.#call());

  constructor(listener: Listener, { signal, collect = false }: MemoryPressureOptions) {
    this.#listener = listener;
    this.#collects = collect;
    this.#signal = signal;
  }

  open(target: Target): void {
    this.#source = openSource(target, { onPressure: this.#report, onEnd: () => this.close() });
    if (this.#source === undefined) return;
    this.#path = target.path;
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  get source(): string | undefined {
    return this.#path;
  }

  readonly #report = (stalled: number | undefined): void => {
    if (stalled !== undefined) this.#stalled = (this.#stalled ?? 0) + stalled;
    void this.#calls.request();
  };

  async #call(): Promise<void> {
    if (this.#source === undefined) return;
    const stalled = this.#stalled === undefined ? undefined : this.#stalled / 1000;
    this.#stalled = undefined;
    try {
      await this.#listener(Object.freeze({ stalled }));
    } catch (error) {
      throwLater(error);
    }
    if (this.#collects && this.#source !== undefined) collectMemory();
  }

  readonly #abort = (): void => this.close();

  close(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#path = undefined;
    this.#signal?.removeEventListener('abort', this.#abort);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Calls a function when memory is short, so that the program can drop its caches. The service manager names the file to
 * watch: systemd, from 254 on, the stall information of the service's own cgroup. By default the kernel reports there
 * that the tasks of the service have waited 200 ms for memory within 2 s.
 *
 * The listener is called at most once in such a window, one call at a time: while a promise that it has returned is
 * pending, further reports are kept for the next call.
 *
 * Each call of this function, also in a cluster worker or worker thread, has a watch of its own. A thread of the add-on
 * waits for the kernel; the add-on `libsystemd-sockets.node` is loaded when there is something to watch.
 *
 * @param listener - called with {@link MemoryPressure}. An error that it throws, or with which its promise rejects, is
 * an uncaught exception
 * @param options - default {}: no signal, no collection, no fallback
 * @returns the watch. Its `source` is undefined when nothing is watched: the manager is older than 254 or absent, the
 * unit has `MemoryPressureWatch=off`, the signal is aborted already, or a fallback is not available
 * @throws SystemdError ERR_SYSTEMD_MEMORY_PRESSURE when MEMORY_PRESSURE_WATCH or MEMORY_PRESSURE_WRITE is malformed, or
 * names a file that can't be watched
 * @throws SystemdError ENOENT, EACCES, EINVAL and others when the named file can't be opened, or refuses the bytes of
 * MEMORY_PRESSURE_WRITE; EMFILE or ENFILE when no descriptor is left
 * @throws SystemdError ERR_SYSTEMD_ADDON when the add-on can't be loaded
 * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE for a wrong argument
 * @see systemd.resource-control(5), MemoryPressureWatch= of systemd 254; sd_event_add_memory_pressure(3)
 */
export function onMemoryPressure(
  listener: (event: MemoryPressure) => unknown,
  options: MemoryPressureOptions = {},
): MemoryPressureWatch {
  if (typeof listener !== 'function') throw invalidType('listener', 'of type function', listener);
  const checked = checkOptions(options);
  const watch = new Watch(listener, checked);
  const fallback: PressureFallback = checked.fallback ?? false;
  const target = checked.signal?.aborted ? undefined : findTarget(fallback);
  if (target !== undefined) watch.open(target);
  return watch;
}
