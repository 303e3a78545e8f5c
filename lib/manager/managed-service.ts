// A service that runs: the world of the rules, made of real processes, timers, descriptors and a notification socket.
import { path } from '../base/lazy-builtins.ts';
import { closeDescriptor, isSameFile } from '../descriptor/calls.ts';
import { Alarm, monotonicNow } from './alarm.ts';
import { EventOrder } from './event-order.ts';
import { sendSignal } from './members.ts';
import { pidfdId } from './pidfd-id.ts';
import { catchesSignal, isRunning, pidOfPidfd, readProcess } from './proc.ts';
import { Receiver } from './receiver.ts';
import { ServiceRules } from './service.ts';
import type { BeforeMessage, ServiceObserver } from './service-observer.ts';
import type { StartedProcess } from './started-process.ts';
import { StartedProcesses } from './started-processes.ts';
import { startProcess, type UnitParts } from './unit-process.ts';
import { type Watch, Watches } from './watches.ts';
import type { ProcessExit, ProcessRequest, ReceivedMessage, World } from './world.ts';

/** A service that runs. */
export class ManagedService implements World {
  /** A test that runs as root must not lose its own runner because a daemon has sent a wrong MAINPID=. */
  readonly trustsRoot = false;
  readonly rules: ServiceRules;
  readonly #unit: UnitParts;
  readonly #watches: Watches;
  /** The watches of stored descriptors, which may outlast the unit: each ends with its descriptor. */
  readonly #stored = new Watches();
  readonly #observer: ServiceObserver;
  readonly #alarm: Alarm;
  readonly #processes = new StartedProcesses();
  readonly #hangUps = new Map<number, Watch>();
  /** A main process that is no child of this process, because the service has named it by MAINPID=. */
  #foreignMain: number | undefined;
  /** A process of the unit for whose end the rules wait, although they don't know it. */
  #awaited: number | undefined;
  readonly #events = new EventOrder(() => this.#receiver);
  #receiver: Receiver | undefined;
  #isPaused = false;
  #invocation = '';
  /** True: the next process begins an activation. */
  #isNewActivation = true;

  constructor(unit: UnitParts, watches: Watches, observer: ServiceObserver) {
    this.#unit = unit;
    this.#watches = watches;
    this.#observer = observer;
    this.#alarm = new Alarm(
      () => this.rules.expired(),
      () => this.drain(),
    );
    this.rules = new ServiceRules(unit.description, this);
  }

  /** The processes that were started, the oldest first; of those that have ended, the last hundred or so. */
  get processes(): readonly StartedProcess[] {
    return this.#processes.all;
  }

  /** The last main process. */
  get lastMain(): StartedProcess | undefined {
    return this.#processes.lastMain;
  }

  /** Opens the notification socket. */
  open(): void {
    const socket = path().join(this.#unit.folder.path, 'notify');
    this.#receiver ??= new Receiver(socket, (message) => this.#receive(message));
    if (this.#isPaused) this.#receiver.pause();
  }

  /** Closes the notification socket. The caller has killed the processes. */
  end(): void {
    this.rules.abandon();
    this.#awaited = undefined;
    this.#foreignMain = undefined;
    this.#alarm.set(undefined);
    this.#receiver?.close();
    this.#receiver = undefined;
  }

  /** Stops reading messages, as a manager that is stuck, until `resume()`. It need not be open. */
  pause(): void {
    this.#isPaused = true;
    this.#receiver?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#receiver?.resume();
  }

  /** Resolves when the rules have seen every message that was sent, and every other event that the event loop has. */
  drain(): Promise<void> {
    return this.#events.drain();
  }

  /** Resolves when all that the ended processes had written was read. */
  outputRead(): Promise<void> {
    return this.#processes.outputRead();
  }

  #receive(message: ReceivedMessage): void {
    const { state, mainPid, stored } = this.rules;
    const before: BeforeMessage = { state, mainPid, stored: stored.length };
    this.#observer.message(message, this.rules.message(message), before);
  }

  // --- The world of the rules ---

  now(): bigint {
    return monotonicNow();
  }

  spawn(request: ProcessRequest): number {
    if (this.#isNewActivation) this.#invoke();
    const started = startProcess(
      this.#unit,
      request,
      { invocation: this.#invocation, notifySocket: this.#receiver?.path },
      {
        wrote: this.#observer.wrote,
        exit: (pid, exit) => this.#events.tell(() => this.#ended(pid, exit)),
      },
    );
    this.#processes.add(started);
    this.#unit.members.add(started.pid);
    this.#unit.folder.noteGroups();
    // Only a program that can be executed comes here, and it is by now, or will be as soon as its shell has run.
    if (started.failure === undefined) this.#events.tell(() => this.rules.executed(started.pid));
    return started.pid;
  }

  /** Begins an activation, whose processes have an INVOCATION_ID of their own. */
  #invoke(): void {
    this.#isNewActivation = false;
    this.#invocation = this.#unit.members.invoke();
    this.#unit.folder.noteInvocations();
  }

  #ended(pid: number, exit: ProcessExit): void {
    const left = this.#unit.members.all();
    try {
      if (pid === this.rules.mainPid) this.#observer.mainEnded(this.rules.subState, exit, left);
    } finally {
      this.rules.exited(pid, exit);
    }
  }

  /** Tells the rules when no process of the unit is left, of which a cgroup would tell PID 1. */
  #watchForEmptiness(): void {
    if (this.#awaited !== undefined || !this.rules.waitsForOthers) return;
    const [member] = this.#unit.members.all();
    const tell = () =>
      this.#events.tell(() => {
        this.#awaited = undefined;
        if (!this.isPopulated()) this.rules.emptied();
        else this.#watchForEmptiness();
      });
    this.#awaited = member?.pid ?? 0;
    if (member === undefined) tell();
    else this.#watches.onDeath(member.pid, tell);
  }

  kill(pid: number, signal: NodeJS.Signals): boolean {
    const started = this.#processes.find(pid);
    // Node has waited for it, so its pid may be a stranger's. For the rules, who will hear of its end, it is a zombie.
    if (started?.endedAt !== undefined) return true;
    if (started !== undefined && started.stateBefore === undefined)
      Object.assign(started, { stateBefore: readProcess(pid)?.state });
    return sendSignal(pid, signal);
  }

  killOthers(signal: NodeJS.Signals, except: readonly number[]): boolean {
    const others = this.#unit.members.all().filter(({ pid }) => !except.includes(pid));
    for (const { pid } of others) sendSignal(pid, signal);
    return others.length > 0;
  }

  isPopulated(): boolean {
    return this.#unit.members.all().length > 0;
  }

  alarm(at: bigint | undefined): void {
    this.#alarm.set(at);
  }

  /**
   * A process that has ended belongs to the unit, because nobody else knows the unit's socket. PID 1, which has one
   * socket for all, can't know by then whose it was.
   */
  belongs(pid: number): boolean {
    return readProcess(pid) === undefined || this.#unit.members.has(pid);
  }

  isAlive(pid: number): boolean {
    return isRunning(pid);
  }

  catches(pid: number, signal: NodeJS.Signals): boolean {
    return catchesSignal(pid, signal);
  }

  pidOf(pidfd: number): number | undefined {
    return pidOfPidfd(pidfd);
  }

  pidfdId(pid: number): bigint | undefined {
    return pidfdId(pid);
  }

  watch(fd: number): void {
    const watch = this.#stored.onHangUp(fd, () =>
      this.#events.afterMessages(() => {
        // Meanwhile the descriptor may be closed, and another one have its number.
        if (this.#hangUps.get(fd) === watch) this.rules.hungUp(fd);
      }),
    );
    this.#hangUps.set(fd, watch);
  }

  close(fd: number): void {
    this.#hangUps.get(fd)?.close();
    this.#hangUps.delete(fd);
    closeDescriptor(fd);
  }

  isSameFile(one: number, other: number): boolean {
    return isSameFile(one, other);
  }

  changed(): void {
    const { isAtRest, subState } = this.rules;
    if (isAtRest || subState === 'auto-restart') this.#isNewActivation = true;
    this.#followMain();
    this.#watchForEmptiness();
    this.#observer.changed();
  }

  /** A main process that was named by MAINPID= is no child of this process, so its end has to be watched for. */
  #followMain(): void {
    const { mainPid } = this.rules;
    if (
      mainPid === undefined ||
      mainPid === this.#foreignMain ||
      this.#processes.isRunning(mainPid)
    )
      return;
    this.#foreignMain = mainPid;
    const exit = { code: null, signal: null };
    this.#watches.onDeath(mainPid, () => this.#events.tell(() => this.#ended(mainPid, exit)));
  }
}
