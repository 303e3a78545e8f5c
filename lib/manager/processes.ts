// The processes of a service: its main process, its control process, and all others.
import type { Exec, NotifyAccess, UnitDescription } from './description.ts';
import { exitVariables, type Result } from './exit.ts';
import type { FdStore } from './stored.ts';
import type { WatchdogClock } from './watchdog.ts';
import type { ProcessExit, World } from './world.ts';

/** The commands of a unit that are not its main process. */
export type Stage = 'startPre' | 'startPost' | 'reload' | 'stop' | 'stopPost';

/** Why processes are killed, which decides the signal. */
export type KillOperation = 'terminate' | 'restart' | 'watchdog' | 'kill';

/** What the environment of a process tells about the service. */
export interface ServiceFacts {
  readonly access: NotifyAccess;
  readonly watchdog: WatchdogClock;
  readonly store: FdStore;
  readonly result: Result;
}

export class Processes {
  /** 0: there is none. */
  main = 0;
  control = 0;
  /** The end of the main process, since the last start. */
  mainExit: ProcessExit | undefined;
  /** True if the manager did not start the main process, so that nobody may tell it how the process ends. */
  #isMainForeign = false;
  readonly #unit: UnitDescription;
  readonly #world: World;

  constructor(unit: UnitDescription, world: World) {
    this.#unit = unit;
    this.#world = world;
  }

  get hasMain(): boolean {
    return this.main > 0 && (!this.#isMainForeign || this.#world.isAlive(this.main));
  }

  get hasControl(): boolean {
    return this.control > 0;
  }

  /** Forgets the processes of the last start. */
  reset(): void {
    this.main = 0;
    this.control = 0;
    this.mainExit = undefined;
    this.#isMainForeign = false;
  }

  /** Throws if no process can be made. */
  spawnMain(facts: ServiceFacts): void {
    this.main = 0;
    const { timeout } = facts.watchdog;
    this.main = this.#world.spawn({
      role: 'main',
      command: this.#unit.start,
      stored: facts.store.entries,
      mayNotify: facts.access !== 'none',
      variables: {
        ...this.#storeVariable(facts.access !== 'none'),
        ...(timeout === undefined ? {} : { WATCHDOG_USEC: String(timeout) }),
      },
    });
    this.#isMainForeign = false;
  }

  /** Throws if no process can be made. */
  spawnControl(command: Exec, stage: Stage, facts: ServiceFacts): void {
    const mayNotify = facts.access === 'exec' || facts.access === 'all';
    this.control = 0;
    this.control = this.#world.spawn({
      role: 'control',
      command,
      stored: [],
      mayNotify,
      variables: {
        ...this.#storeVariable(mayNotify),
        ...this.#mainVariables(),
        ...(stage === 'stop' || stage === 'stopPost' ? this.#resultVariables(facts.result) : {}),
      },
    });
  }

  #storeVariable(mayNotify: boolean): Record<string, string> {
    const { fdStoreMax, systemd } = this.#unit;
    return mayNotify && fdStoreMax > 0 && systemd >= 254 ? { FDSTORE: String(fdStoreMax) } : {};
  }

  #mainVariables(): Record<string, string> {
    if (this.main === 0) return {};
    const id = this.#unit.systemd >= 257 ? this.#world.pidfdId(this.main) : undefined;
    return {
      MAINPID: String(this.main),
      ...(id === undefined ? {} : { MAINPIDFDID: String(id) }),
    };
  }

  #resultVariables(result: Result): Record<string, string> {
    return { SERVICE_RESULT: result, ...(this.mainExit ? exitVariables(this.mainExit) : {}) };
  }

  /** MAINPID=: another process is the main process from now on. The end of the former one no longer counts. */
  adoptMain(pid: number): void {
    this.main = pid;
    this.mainExit = undefined;
    this.#isMainForeign = true;
  }

  /** Sends a signal, and wakes a process that is stopped, because it could not act on the signal. */
  #signal(pid: number, signal: NodeJS.Signals): boolean {
    const exists = this.#world.kill(pid, signal);
    if (exists && signal !== 'SIGKILL' && signal !== 'SIGCONT') this.#world.kill(pid, 'SIGCONT');
    return exists;
  }

  #signalOthers(signal: NodeJS.Signals): boolean {
    const known = [this.main, this.control].filter((pid) => pid > 0);
    const exist = this.#world.killOthers(signal, known);
    if (exist && signal !== 'SIGKILL' && signal !== 'SIGCONT')
      this.#world.killOthers('SIGCONT', known);
    return exist;
  }

  /** Sends the reload signal. Returns false if there is no main process. */
  signalMain(signal: NodeJS.Signals): boolean {
    return this.main > 0 && this.#signal(this.main, signal);
  }

  /** Kills a control process that takes too long. */
  killControl(): void {
    if (this.control > 0) this.#signal(this.control, 'SIGKILL');
  }

  /**
   * Kills the processes that KillMode= names (systemd.kill(5)). Returns true if there is one whose end the manager has
   * to wait for.
   */
  kill(operation: KillOperation): boolean {
    const { killMode } = this.#unit;
    if (killMode === 'none') return false;
    const signals = this.#signalsOf(operation);
    let waits = false;
    for (const pid of [this.main, this.control]) {
      if (pid === 0) continue;
      for (const signal of signals) this.#signal(pid, signal);
      waits ||= pid !== this.main || !this.#isMainForeign;
    }
    if (killMode === 'control-group' || (killMode === 'mixed' && operation === 'kill'))
      for (const signal of signals) waits = this.#signalOthers(signal) || waits;
    return waits;
  }

  #signalsOf(operation: KillOperation): readonly NodeJS.Signals[] {
    const { killSignal, restartKillSignal, watchdogSignal, finalKillSignal } = this.#unit;
    const signal = {
      terminate: killSignal,
      restart: restartKillSignal,
      watchdog: watchdogSignal,
      kill: finalKillSignal,
    }[operation];
    const isPolite = operation === 'terminate' || operation === 'restart';
    return isPolite && this.#unit.sendSighup && signal !== 'SIGHUP' ? [signal, 'SIGHUP'] : [signal];
  }
}
