// A unit that runs for a test: what it can be asked, and which module of jobs/ does what it is told.
import type { Socket } from 'node:net';
import { inspectNamed } from '../descriptor/inspect.ts';
import type { ServiceRules } from '../manager/service.ts';
import type { UnitAddress } from './address.ts';
import { checkSignal } from './check-options.ts';
import { describeInstance, type Instance } from './instance.ts';
import { reloadUnit } from './jobs/reload.ts';
import { notCompleted, restartUnit, startUnit } from './jobs/start.ts';
import { stopUnit } from './jobs/stop.ts';
import { keepAlive } from './keep-alive.ts';
import type { Message } from './message.ts';
import { TestedUnit, type TestedUnitParts } from './tested-unit.ts';
import type { Exit, IgnoredSetting, Unit, UnitCondition } from './unit.ts';
import { Origin } from './unit-error.ts';
import { connectTo, streamNamed, urlTo } from './unit-sockets.ts';
import { type UntilOptions, until } from './until.ts';

export class LiveUnit implements Unit {
  readonly #unit: TestedUnit;
  readonly ignored: readonly IgnoredSetting[];
  /** The stop that is under way. */
  #stopping: Promise<Exit> | undefined;

  constructor(parts: TestedUnitParts) {
    this.#unit = new TestedUnit(parts);
    this.ignored = parts.ignored;
  }

  // --- What can be read ---

  get #rules(): ServiceRules {
    return this.#unit.rules;
  }

  get state(): Unit['state'] {
    return this.#unit.state;
  }

  get subState(): Unit['subState'] {
    return this.#rules.subState;
  }

  get result(): Unit['result'] {
    return this.#unit.result;
  }

  get mainPid(): number | undefined {
    return this.#rules.mainPid;
  }

  get status(): string | undefined {
    return this.#rules.status;
  }

  get errno(): number {
    return this.#rules.errno;
  }

  get restarts(): number {
    return this.#rules.restarts;
  }

  get sockets(): readonly UnitAddress[] {
    return this.#unit.sockets;
  }

  get addresses(): Readonly<Record<string, UnitAddress>> {
    return Object.fromEntries(this.sockets.toReversed().map((one) => [one.name, one]));
  }

  get messages(): readonly Message[] {
    return [...this.#unit.history.messages];
  }

  get problems(): Unit['problems'] {
    return this.#unit.history.problems;
  }

  get stored(): Unit['stored'] {
    return this.#rules.stored.map(({ fd, name }) => inspectNamed(fd, name));
  }

  get output(): string {
    return this.#unit.history.output;
  }

  get log(): readonly string[] {
    return [...this.#unit.managed.log];
  }

  get instances(): readonly Instance[] {
    return this.#unit.managed.instances.map(describeInstance);
  }

  // --- Its sockets and its process ---

  url(name: string, path = '/'): string {
    return new Origin(this.url).check(() => urlTo(this.sockets, name, path));
  }

  async connect(name: string): Promise<Socket> {
    const origin = new Origin(this.connect);
    return connectTo(origin.check(() => streamNamed(this.sockets, name)));
  }

  kill(signal: NodeJS.Signals): void {
    const origin = new Origin(this.kill);
    origin.check(() => checkSignal('signal', signal));
    const { mainPid } = this.#rules;
    if (mainPid === undefined) {
      const what = `did not get ${signal}: it is ${this.state}, and has no main process`;
      throw this.#unit.error(origin, { job: 'kill', what });
    }
    this.#unit.managed.service.kill(mainPid, signal);
  }

  // --- Waiting, and its messages ---

  until(
    what: UnitCondition | ((unit: Unit) => boolean),
    options: UntilOptions = {},
  ): Promise<void> {
    return until(this.#unit, this, what, options, new Origin(this.until));
  }

  async *notifications(): AsyncIterableIterator<Message> {
    const { messages } = this.#unit.history;
    for (let i = 0; ; i++) {
      await this.#unit.wait(() => messages.length > i);
      const message = messages[i];
      if (message === undefined) return;
      yield message;
    }
  }

  pause(): void {
    this.#unit.managed.pause();
  }

  resume(): void {
    this.#unit.managed.resume();
  }

  drain(): Promise<void> {
    return keepAlive(this.#unit.drain());
  }

  // --- Jobs ---

  async start(): Promise<void> {
    const origin = new Origin(this.start);
    if (this.#stopping !== undefined) await this.#stopped(this.#stopping, origin, 'start');
    return this.startFrom(origin);
  }

  /** Starts the unit. The first start has its origin in the function `start()`. */
  startFrom(origin: Origin): Promise<void> {
    return startUnit(this.#unit, origin);
  }

  async restart(): Promise<void> {
    const origin = new Origin(this.restart);
    if (this.#stopping !== undefined) await this.#stopped(this.#stopping, origin, 'restart');
    return restartUnit(this.#unit, origin);
  }

  reload(): Promise<void> {
    return reloadUnit(this.#unit, new Origin(this.reload));
  }

  /** Waits for the stop that is under way, so that a start follows it. Another stop takes the place of that start. */
  async #stopped(stopping: Promise<Exit>, origin: Origin, job: 'start' | 'restart'): Promise<void> {
    const { stops } = this.#unit;
    await stopping.catch(() => {}); // its caller is told
    if (this.#unit.stops > stops) throw notCompleted(this.#unit, origin, job);
  }

  stop(): Promise<Exit> {
    this.#unit.noteStop();
    this.#stopping ??= this.#stop(new Origin(this.stop));
    return this.#stopping;
  }

  async #stop(origin: Origin): Promise<Exit> {
    try {
      return await keepAlive(stopUnit(this.#unit, origin));
    } finally {
      this.#stopping = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
