// What the manager knows of a service at a moment, and the means by which every rule changes it.
import { Deadline, toUsec } from './deadline.ts';
import type { Exec, NotifyAccess, UnitDescription } from './description.ts';
import type { Result } from './exit.ts';
import { Log } from './log.ts';
import { Processes, type Stage } from './processes.ts';
import { ACTIVE_STATES, hasNoProcess, hasTimer, hasWatchdog, type SubState } from './states.ts';
import { FdStore } from './stored.ts';
import { WatchdogClock } from './watchdog.ts';
import type { World } from './world.ts';

/** What READY=1, RELOADING=1 and STOPPING=1 have said last. */
export type NotifiedState = 'ready' | 'reloading' | 'reload-ready' | 'stopping';

/** What somebody has asked for, and has to wait until the service has stopped, or is running. */
export type Job = 'start' | 'restart' | 'reload';

/** A control process that runs, and the commands after it. */
interface RunningCommand {
  readonly stage: Stage;
  readonly exec: Exec;
  readonly rest: readonly Exec[];
}

/** The state of each stage, and the setting that says how long one of its commands may take. */
const STAGES: Readonly<
  Record<Stage, { readonly state: SubState; readonly timeout: 'startTimeout' | 'stopTimeout' }>
> = {
  startPre: { state: 'start-pre', timeout: 'startTimeout' },
  startPost: { state: 'start-post', timeout: 'startTimeout' },
  reload: { state: 'reload', timeout: 'startTimeout' },
  stop: { state: 'stop', timeout: 'stopTimeout' },
  stopPost: { state: 'stop-post', timeout: 'stopTimeout' },
};

export class ServiceState {
  readonly unit: UnitDescription;
  readonly world: World;
  readonly processes: Processes;
  readonly store: FdStore;
  readonly watchdog: WatchdogClock;
  /** When the present state has taken too long. */
  readonly timer = new Deadline();
  readonly log: Log;

  subState: SubState = 'dead';
  result: Result = 'success';
  reloadResult: Result = 'success';
  restarts = 0;
  command: RunningCommand | undefined;

  status: string | undefined;
  errno = 0;
  /** NOTIFYACCESS= of the service, until its next start. */
  accessOverride: NotifyAccess | undefined;
  notified: NotifiedState | undefined;
  /** When the reload began that the manager has asked for. */
  reloadBegin: bigint | undefined;
  /** When the service became active. */
  activeSince = 0n;

  job: Job | undefined;
  /** True: the service has ended, and is to be started at once. */
  startsAgain = false;
  /** True: somebody has asked to stop the service, so that it does not start again by itself. */
  forbidsRestart = false;
  /** True: the last start was refused, because there were too many. */
  isStartLimitHit = false;
  /** True: the next start counts restarts from 0. */
  flushesRestarts = false;

  constructor(unit: UnitDescription, world: World) {
    this.unit = unit;
    this.world = world;
    this.log = new Log(unit.name);
    this.processes = new Processes(unit, world);
    this.store = new FdStore(world, unit.fdStoreMax);
    this.watchdog = new WatchdogClock(unit.watchdogTimeout);
  }

  get access(): NotifyAccess {
    return this.accessOverride ?? this.unit.notifyAccess;
  }

  get isActive(): boolean {
    const state = ACTIVE_STATES[this.subState];
    return state === 'active' || state === 'reloading';
  }

  /** Writes a line as the manager would write it into its log. */
  write(line: string): void {
    this.log.write(line);
  }

  /** The first failure is the result. */
  note(result: Result): void {
    if (this.result === 'success') this.result = result;
  }

  setState(state: SubState): void {
    const wasActive = this.isActive;
    this.subState = state;
    if (!wasActive && this.isActive) this.activeSince = this.world.now();
    if (!hasTimer(state)) this.timer.clear();
    if (!hasWatchdog(state)) this.watchdog.stop();
    if (hasNoProcess(state)) {
      this.processes.main = 0;
      this.endStage();
    }
  }

  /** Gives the state that is entered, or the present one, so many milliseconds from now. */
  allow(milliseconds: number): void {
    this.timer.set(this.world.now(), toUsec(milliseconds));
  }

  /**
   * Runs the first command of a stage, and returns what became of it:
   *
   * - 'running': the service is in the state of the stage.
   * - 'none': the stage has no commands.
   * - 'failed': no process could be made.
   */
  enterStage(stage: Stage): 'running' | 'none' | 'failed' {
    const [exec, ...rest] = this.unit[stage];
    this.endStage();
    if (exec === undefined) return 'none';
    if (!this.#run({ stage, exec, rest })) return 'failed';
    this.setState(STAGES[stage].state);
    return 'running';
  }

  /** The control process, if there is one, no longer counts. */
  endStage(): void {
    this.processes.control = 0;
    this.command = undefined;
  }

  /** Runs the next command of the stage. Returns false if no process could be made. */
  runNextCommand(): boolean {
    const { stage, rest } = this.command as RunningCommand;
    const [exec, ...after] = rest;
    return this.#run({ stage, exec: exec as Exec, rest: after });
  }

  #run(command: RunningCommand): boolean {
    const { state, timeout } = STAGES[command.stage];
    this.allow(this.unit[timeout]);
    try {
      this.processes.spawnControl(command.exec, command.stage, this);
    } catch (error) {
      this.write(`Failed to spawn '${state}' task: ${(error as Error).message}`);
      return false;
    }
    this.command = command;
    return true;
  }
}
