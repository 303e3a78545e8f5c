// The rules by which the manager (PID 1) treats one service. They start no process and no timer: the world does.
import { earliest } from './deadline.ts';
import type { UnitDescription } from './description.ts';
import type { Result } from './exit.ts';
import { allEnded, controlEnded, mainEnded } from './exits.ts';
import { type Judgement, takeMessage } from './notification.ts';
import { StartLimit } from './restart.ts';
import { canReload, reload } from './running.ts';
import { ServiceState } from './service-state.ts';
import { enterStartPost, start } from './starting.ts';
import { ACTIVE_STATES, type ActiveState, type SubState } from './states.ts';
import { abandon, stop } from './stopping.ts';
import type { StoredDescriptor } from './stored.ts';
import { timedOut, watchdogExpired } from './timeouts.ts';
import type { ProcessExit, ReceivedMessage, World } from './world.ts';

/**
 * The rules for one service. They are those of the release `unit.systemd`.
 *
 * @see systemd.service(5), systemd.kill(5), sd_notify(3)
 */
export class ServiceRules {
  readonly #service: ServiceState;
  readonly #world: World;
  readonly #startLimit: StartLimit;

  constructor(unit: UnitDescription, world: World) {
    this.#service = new ServiceState(unit, world);
    this.#world = world;
    this.#startLimit = new StartLimit(unit.startLimit);
  }

  get state(): ActiveState {
    return ACTIVE_STATES[this.#service.subState];
  }

  /** True: nothing of it runs, and nothing starts it again by itself. */
  get isAtRest(): boolean {
    return this.state === 'inactive' || this.state === 'failed';
  }

  get subState(): SubState {
    return this.#service.subState;
  }

  get result(): Result {
    return this.#service.result;
  }

  /** How the last reload has ended. */
  get reloadResult(): Result {
    return this.#service.reloadResult;
  }

  /** undefined: there is none. */
  get mainPid(): number | undefined {
    return this.#service.processes.main || undefined;
  }

  /** True: the last start was refused, because there were too many. */
  get isStartLimitHit(): boolean {
    return this.#service.isStartLimitHit;
  }

  get status(): string | undefined {
    return this.#service.status;
  }

  /** ERRNO= of the service. 0: none. */
  get errno(): number {
    return this.#service.errno;
  }

  /** How often the service was started again by itself. */
  get restarts(): number {
    return this.#service.restarts;
  }

  /** The fd store, the newest descriptor first. */
  get stored(): readonly StoredDescriptor[] {
    return this.#service.store.entries;
  }

  /** What the manager would have logged. */
  get log(): readonly string[] {
    return this.#service.log.lines;
  }

  /** True: the manager waits for processes that it knows only as members of the unit, so for {@link emptied}. */
  get waitsForOthers(): boolean {
    const { processes, subState } = this.#service;
    const isWaiting = subState === 'start' || this.state === 'deactivating';
    return isWaiting && !processes.hasMain && !processes.hasControl;
  }

  /** Starts the service. While it stops, the start follows the stop; while it runs, nothing happens. */
  start(): void {
    this.#change((service) => {
      if (this.isAtRest) start(service, this.#startLimit);
      else if (this.state === 'deactivating') service.job = 'start';
      // Since 257 it is not made to wait for RestartSec=.
      else if (service.subState === 'auto-restart' && service.unit.systemd >= 257)
        this.#startAgain(service, ' immediately on client request');
    });
  }

  /** Stops the service. No automatic restart follows. */
  stop(): void {
    this.#change((service) => {
      service.job = undefined;
      stop(service);
    });
  }

  /** Stops the service if it runs, and starts it. */
  restart(): void {
    this.#change((service) => {
      if (this.isAtRest) start(service, this.#startLimit);
      else {
        service.job = 'restart';
        stop(service);
      }
    });
  }

  /**
   * Reloads the service. While it starts or reloads, the reload follows. {@link reloadResult} tells how it ends.
   *
   * @returns false if the service can't reload, because it has no ExecReload= and is not of Type=notify-reload, or does
   * not run.
   */
  reload(): boolean {
    if (!canReload(this.#service)) return false;
    return this.#change((service) => {
      if (this.state === 'active') reload(service);
      else if (this.state === 'activating' || this.state === 'reloading') service.job = 'reload';
      else return false;
      return true;
    });
  }

  /** A message has come to the notification socket. Its descriptors belong to the rules from now on. */
  message(message: ReceivedMessage): Judgement {
    return this.#change((service) => takeMessage(service, message));
  }

  /** A process has ended. Any but the main and the control process is of no interest. */
  exited(pid: number, exit: ProcessExit): void {
    this.#change((service) => {
      if (pid === service.processes.main) mainEnded(service, exit);
      else if (pid === service.processes.control) controlEnded(service, exit);
    });
  }

  /** Type=exec: the main process executes its program. */
  executed(pid: number): void {
    this.#change((service) => {
      const isAwaited = service.unit.type === 'exec' && service.subState === 'start';
      if (isAwaited && pid === service.processes.main) enterStartPost(service);
    });
  }

  /** No process of the unit is left. */
  emptied(): void {
    this.#change(allEnded);
  }

  /** The alarm goes off. Messages and exits that have come by now should be handed over before. */
  expired(): void {
    this.#change((service) => {
      if (service.timer.isOver(this.#world.now())) {
        service.timer.clear();
        if (service.subState === 'auto-restart') this.#startAgain(service, '');
        else timedOut(service);
      }
      // The watchdog is the last to be asked, because everything else may be a sign of life.
      if (service.watchdog.deadline.isOver(this.#world.now())) watchdogExpired(service);
    });
  }

  /** A stored descriptor reports EPOLLHUP or EPOLLERR. */
  hungUp(fd: number): void {
    this.#change(({ store }) => store.hungUp(fd));
  }

  /** Closes the descriptors in the fd store, for example because nobody will start the service again. */
  releaseStore(): void {
    this.#change((service) => {
      service.store.release();
      if (service.subState === 'dead-resources-pinned') service.setState('dead');
    });
  }

  /**
   * The processes were killed by force: a service that was not at rest is inactive, and keeps its store as after any
   * stop.
   */
  abandon(): void {
    if (this.isAtRest) return;
    this.#change(abandon);
  }

  #startAgain(service: ServiceState, why: string): void {
    service.restarts++;
    service.write(`Scheduled restart job${why}, restart counter is at ${service.restarts}.`);
    start(service, this.#startLimit);
  }

  /** Makes a change, then what follows from it at once, and tells the world. */
  #change<T>(change: (service: ServiceState) => T): T {
    const service = this.#service;
    const result = change(service);
    while (service.startsAgain) {
      service.startsAgain = false;
      start(service, this.#startLimit);
    }
    this.#world.alarm(earliest(service.timer, service.watchdog.deadline));
    this.#world.changed();
    return result;
  }
}
