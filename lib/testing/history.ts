// What a unit has done so far, and what of it is wrong.
import { isOutOfDescriptors } from '../base/errors.ts';
import { monotonicNow } from '../manager/alarm.ts';
import type { Instance } from '../manager/instance.ts';
import type { ManagedUnit } from '../manager/managed-unit.ts';
import type { Judgement } from '../manager/notification.ts';
import { isRunning, type ProcessFacts } from '../manager/proc.ts';
import type { BeforeMessage, ServiceObserver } from '../manager/service-observer.ts';
import type { SubState } from '../manager/states.ts';
import type { UnitObserver } from '../manager/unit-observer.ts';
import type { ProcessExit, ReceivedMessage } from '../manager/world.ts';
import { describeMessage, type Message } from './message.ts';
import type { Problem } from './problems/codes.ts';
import { exitProblems } from './problems/in-exits.ts';
import { messageProblems } from './problems/in-messages.ts';
import { leftProblem, notActivatedProblems, processProblems } from './problems/in-processes.ts';
import { deafProblem, signalOfReload } from './problems/in-reloads.ts';
import { asOpened, type OpenedSocket, socketProblems } from './problems/in-sockets.ts';
import { storeProblems } from './problems/in-store.ts';
import { WatchdogPings } from './problems/watchdog-pings.ts';
import { Story } from './story.ts';

/** How long child processes may take to end after the main process, if the same signal was sent to all, in ms. */
const GRACE = 200;

/** When a service that has started is looked at, in milliseconds. */
const LOOK_DELAY = 50;

/** So many services of connections are followed, and more only while they run. */
const MOST_PARTS = 1000;

/** What a history is about: a unit, or the service of one connection. */
type Subject = Pick<ManagedUnit, 'description' | 'service' | 'members' | 'sockets'>;

/** The history of a unit. */
export class History implements UnitObserver {
  readonly #onChange: () => void;
  readonly #story: Story;
  /** The histories of the services of connections, as parts of this one. */
  readonly #parts: History[] = [];
  #managed: Subject | undefined;
  #pings = new WatchdogPings(0);
  #hasSaidStopping = false;
  #reloadBegun: bigint | undefined;
  #opened: readonly OpenedSocket[] = [];

  /** @param onChange - called whenever something was added, or the state may have changed */
  constructor(onChange: () => void, story = new Story()) {
    this.#onChange = onChange;
    this.#story = story;
  }

  /** The unit, once it is made. */
  attach(managed: Subject): void {
    this.#managed = managed;
  }

  get messages(): readonly Message[] {
    return this.#story.messages;
  }

  get problems(): readonly Problem[] {
    const late = [this, ...this.#parts].flatMap((history) => history.#pings.problem ?? []);
    return [...this.#story.problems, ...late];
  }

  /** See {@link Story.takeMessages}. */
  takeMessages(): readonly Message[] {
    return this.#story.takeMessages();
  }

  /** Takes out the problems, see {@link Story.forgetProblems}. */
  takeProblems(): readonly Problem[] {
    const { problems } = this;
    this.#story.forgetProblems();
    return problems;
  }

  get output(): string {
    return this.#story.output;
  }

  get printed(): string {
    return this.#story.printed;
  }

  get errors(): string {
    return this.#story.errors;
  }

  add(problems: readonly Problem[]): void {
    this.#story.add(problems);
  }

  /** What a main process has said, and was told, is nothing to the next one. */
  #forgetProcess(): void {
    this.#hasSaidStopping = false;
    this.#reloadBegun = undefined;
  }

  /** An activation begins. */
  begin(): void {
    this.#forgetProcess();
    this.#countPings((this.#managed as Subject).description.watchdogTimeout);
  }

  /** Somebody asks for a reload. Returns true if the process has no handler for the signal that it will get. */
  beginReload(): boolean {
    this.#reloadBegun = monotonicNow();
    const { description: unit, service } = this.#managed as Subject;
    const { mainPid, state } = service.rules;
    const signal = signalOfReload(unit);
    if (state !== 'active' || mainPid === undefined || signal === undefined) return false;
    const isDeaf = this.#isDeaf(mainPid, signal);
    if (isDeaf && !this.#story.has('sighup-not-handled'))
      this.add([deafProblem(unit, signal, 'at the reload')]);
    return isDeaf;
  }

  /** True for a process that runs, and has no handler for the signal. */
  #isDeaf(pid: number, signal: NodeJS.Signals): boolean {
    return isRunning(pid) && !(this.#managed as Subject).service.catches(pid, signal);
  }

  /** Counts the pings of another activation, or of another timeout. */
  #countPings(timeout: number): void {
    const late = this.#pings.problem;
    if (late !== undefined) this.add([late]);
    this.#pings = new WatchdogPings(timeout);
  }

  readonly message = (
    received: ReceivedMessage,
    judgement: Judgement,
    before: BeforeMessage,
  ): void => {
    const message = describeMessage(received, judgement, this.#story.begun);
    this.#story.messages.push(message);
    const { description: unit, service } = this.#managed as Subject;
    const mainPid = before.mainPid ?? service.rules.mainPid;
    const context = { message, unit, state: before.state, mainPid, reloadBegun: this.#reloadBegun };
    this.add(messageProblems({ ...context, isTooLong: received.lost === 'bytes' }));
    this.#followStore(message, before.stored);
    this.#followWatchdog(message, received.at);
    this.#followReadiness(message, before, received.at);
    this.#onChange();
  };

  #followStore(message: Message, before: number): void {
    if (message.fds === 0) return;
    const { description: unit, service } = this.#managed as Subject;
    this.add(storeProblems({ message, unit, before, stored: service.rules.stored }));
  }

  #followWatchdog({ assignments }: Message, at: bigint): void {
    for (const { key, value, outcome } of assignments) {
      if (outcome !== 'taken') continue;
      if (key === 'WATCHDOG' && value === '1') this.#pings.ping(at);
      // Another timeout has another rhythm.
      if (key === 'WATCHDOG_USEC') this.#countPings(Number(value) / 1000);
    }
  }

  #followReadiness({ assignments }: Message, before: BeforeMessage, at: bigint): void {
    const says = (key: string) =>
      assignments.some((one) => one.key === key && one.value === '1' && one.outcome === 'taken');
    if (says('STOPPING')) this.#hasSaidStopping = true;
    if (!says('READY') || before.state !== 'activating') return;
    const { description: unit, service } = this.#managed as Subject;
    this.#countPings(unit.watchdogTimeout);
    this.#pings.begin(at);
    const { mainPid, result } = service.rules;
    if (unit.type !== 'notify-reload' || mainPid === undefined) return;
    if (this.#isDeaf(mainPid, unit.reloadSignal) || result === 'protocol')
      this.add([deafProblem(unit, unit.reloadSignal, 'at READY=1')]);
  }

  readonly wrote = (text: string, stream: 'stdout' | 'stderr'): void => {
    this.#story.write(text, stream);
    this.#onChange();
  };

  readonly mainEnded = (
    state: SubState,
    exit: ProcessExit,
    left: readonly ProcessFacts[],
  ): void => {
    const { description: unit } = this.#managed as Subject;
    const hasReloaded = this.#reloadBegun !== undefined;
    const hasSaidStopping = this.#hasSaidStopping;
    this.add(exitProblems({ unit, state, exit, hasSaidStopping, hasReloaded }));
    this.#forgetProcess();
    const wasTold = state.startsWith('stop') && unit.killMode === 'control-group';
    const ofMain = left.filter((one) => !this.#isOfCommand(one));
    if (!wasTold) this.add(leftProblem(ofMain));
    else
      this.#later(GRACE, () => this.add(leftProblem(ofMain.filter(({ pid }) => isRunning(pid)))));
  };

  /** True for a process of a command of the unit, such as ExecReload= and ExecStop=: each leads a session. */
  #isOfCommand({ session, group }: ProcessFacts): boolean {
    const { processes } = (this.#managed as Subject).service;
    return processes.some(
      ({ role, pid }) => role === 'control' && (pid === session || pid === group),
    );
  }

  readonly changed = (): void => this.#onChange();

  /** A connection gets a service, whose story is a part of this one. */
  readonly accepted = (instance: Instance): ServiceObserver => {
    const part = new History(this.#onChange, this.#story);
    part.attach(instance);
    part.begin();
    part.lookLater();
    this.#remember(part);
    return part;
  };

  /** Forgets the parts that have ended when they are many. What they have told is in the story already. */
  #remember(part: History): void {
    if (this.#parts.length >= MOST_PARTS) {
      const running = this.#parts.filter((one) => one.#isRunning);
      for (const ended of this.#parts.splice(0, this.#parts.length, ...running))
        if (!running.includes(ended)) ended.#countPings(0);
    }
    this.#parts.push(part);
  }

  get #isRunning(): boolean {
    return this.#managed?.service.rules.mainPid !== undefined;
  }

  /** Looks for problems a moment after a start, because it takes milliseconds, and whoever has started it goes on. */
  lookLater(): void {
    this.#later(LOOK_DELAY, () => this.look());
  }

  /** Looks so many milliseconds later. Without a descriptor nothing can be seen, and nobody would catch an error. */
  #later(delay: number, look: () => void): void {
    const lookIfPossible = () => {
      try {
        look();
      } catch (error) {
        if (!isOutOfDescriptors(error)) throw error;
      }
    };
    setTimeout(lookIfPossible, delay).unref();
  }

  /** Notes what the sockets are like before a program has them. */
  opened(): void {
    const { sockets } = this.#managed as Subject;
    this.#opened = sockets.map(asOpened);
  }

  /** Looks at the processes and sockets of the unit as they are now. */
  look(): void {
    const { service, members, description, sockets } = this.#managed as Subject;
    if (sockets.length > 0) this.add(this.#opened.flatMap(socketProblems));
    const { mainPid } = service.rules;
    if (mainPid !== undefined)
      this.add(processProblems(mainPid, members.all(), description.notifyAccess));
    for (const part of this.#parts) part.look();
  }

  /** Looks at what a program that could not start has written. */
  lookAtErrors(): void {
    const { description } = this.#managed as Subject;
    this.add(notActivatedProblems(description, this.errors));
  }
}
