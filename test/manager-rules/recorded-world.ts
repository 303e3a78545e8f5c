// A world that starts no process: it records what the rules ask for, and its clock stands until a test moves it.
import { describe } from '../../lib/manager/defaults.ts';
import type { UnitDescription } from '../../lib/manager/description.ts';
import { ServiceRules } from '../../lib/manager/service.ts';
import type { ProcessExit, ProcessRequest, World } from '../../lib/manager/world.ts';

const START = 1_000_000_000n;

export class RecordedWorld implements World {
  time = START;
  readonly requests: ProcessRequest[] = [];
  /** Signals, such as `SIGTERM 101`. */
  readonly signals: string[] = [];
  readonly closed: number[] = [];
  readonly watched: number[] = [];
  readonly living = new Set<number>();
  /** Processes of the unit that are neither main nor control. */
  readonly others = new Set<number>();
  handled: readonly NodeJS.Signals[] = ['SIGHUP'];
  alarmAt: bigint | undefined;
  #pid = 100;

  now = () => this.time;

  spawn(request: ProcessRequest): number {
    this.requests.push(request);
    this.living.add(++this.#pid);
    return this.#pid;
  }

  kill(pid: number, signal: NodeJS.Signals): boolean {
    if (signal !== 'SIGCONT') this.signals.push(`${signal} ${pid}`);
    return this.living.has(pid);
  }

  killOthers(signal: NodeJS.Signals, except: readonly number[]): boolean {
    const others = [...this.others].filter((pid) => !except.includes(pid));
    for (const pid of others) this.kill(pid, signal);
    return others.length > 0;
  }

  isPopulated = () => this.living.size + this.others.size > 0;
  alarm = (at: bigint | undefined) => {
    this.alarmAt = at;
  };
  belongs = (pid: number) => this.living.has(pid) || this.others.has(pid);
  readonly trustsRoot = true;
  isAlive = (pid: number) => this.belongs(pid) || pid === process.pid;
  catches = (_pid: number, signal: NodeJS.Signals) => this.handled.includes(signal);
  pidOf = (fd: number) => (fd === 99 ? 99 : undefined);
  pidfdId = (pid: number) => BigInt(pid) * 1000n;
  watch = (fd: number) => this.watched.push(fd);
  close = (fd: number) => this.closed.push(fd);
  isSameFile = (one: number, other: number) => one % 100 === other % 100;
  changed() {}
}

/** A service in a recorded world. */
export class RecordedService {
  readonly world = new RecordedWorld();
  readonly rules: ServiceRules;

  constructor(settings: Partial<UnitDescription> = {}) {
    const unit = describe({ start: { argv: ['/bin/daemon'] }, type: 'notify', ...settings });
    this.rules = new ServiceRules(unit, this.world);
  }

  get main(): number {
    return this.rules.mainPid as number;
  }

  /** Moves the clock, and lets alarms go off on the way. */
  pass(milliseconds: number): void {
    const end = this.world.time + BigInt(milliseconds) * 1000n;
    for (;;) {
      const { alarmAt } = this.world;
      if (alarmAt === undefined || alarmAt > end) break;
      if (alarmAt > this.world.time) this.world.time = alarmAt;
      this.rules.expired();
    }
    this.world.time = end;
  }

  send(text: string, { pid = this.main, uid = 0, fds = [] as readonly number[] } = {}) {
    const bytes = Buffer.from(text, 'latin1');
    const facts = { bytes, pid, uid, gid: 0, fds, at: this.world.time };
    return this.rules.message(facts);
  }

  /** What became of each line of a message, such as `taken`, or why it was ignored. */
  fates(text: string, facts?: Parameters<RecordedService['send']>[1]): readonly string[] {
    const { assignments } = this.send(text, facts);
    return assignments.map(({ outcome, why }) =>
      why === undefined ? outcome : `${outcome}: ${why}`,
    );
  }

  end(pid: number, exit: Partial<ProcessExit> = { code: 0 }): void {
    this.world.living.delete(pid);
    this.rules.exited(pid, { code: null, signal: null, ...exit });
    if (!this.world.isPopulated() && this.rules.waitsForOthers) this.rules.emptied();
  }
}
