// Scripts: what a service and those who manage it do, in one line, and what is seen of the service meanwhile.
//
// A script has steps, with ` ; ` between them. A step of a process begins with its role and a dot, except for the main
// process: `send READY=1`, `child.exit 3`, `pre.exit 1`. {@link Side} does all other steps, or {@link STEPS}.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Puppet, Puppets } from './puppets.ts';

export type Job = 'start' | 'stop' | 'restart' | 'reload';

/** What can be seen of a service, as `systemctl show` prints it. */
export interface Facts {
  readonly ActiveState: string;
  readonly SubState: string;
  readonly Result: string;
  readonly ReloadResult: string;
  readonly StatusText: string;
  readonly StatusErrno: number;
  readonly MainPID: number;
  readonly NRestarts: number;
  readonly NFileDescriptorStore: number;
}

/** A manager: the real one, or the rules with real processes. */
export interface Side {
  readonly puppets: Puppets;
  job(unit: string, job: Job): Promise<void>;
  show(unit: string): Promise<Facts>;
  /** The script has ended, and so may the service. */
  done(unit: string): Promise<void>;
}

/** The variables that are the manager's, and the same in every run. */
const VARIABLES = [
  ...['LISTEN_FDS', 'LISTEN_FDNAMES', 'FDSTORE', 'WATCHDOG_USEC'],
  ...['SERVICE_RESULT', 'EXIT_CODE', 'EXIT_STATUS'],
];
/** The variables whose values differ, so that only their presence counts. */
const PRESENCE = ['NOTIFY_SOCKET', 'LISTEN_PID', 'WATCHDOG_PID', 'MAINPID', 'INVOCATION_ID'];

/** The roles of processes. */
const ROLES = ['main', 'child', 'pre', 'post', 'reload', 'stop', 'stoppost'];

/** The states in which nothing follows by itself. */
const AT_REST = ['dead', 'failed', 'exited', 'dead-resources-pinned', 'auto-restart'];

/** The milliseconds until a service has to be in a state. */
const PATIENCE = 20_000;

/** One run of a script. */
export class Run {
  readonly #side: Side;
  readonly #unit: string;
  /** How many main processes have been waited for. */
  #starts = 0;
  readonly seen: string[] = [];

  constructor(side: Side, unit: string) {
    this.#side = side;
    this.#unit = unit;
  }

  /** Runs the steps, and returns what was seen. */
  async run(script: string): Promise<readonly string[]> {
    for (const step of script.split(' ; ')) {
      const [, role = 'main', verb = '', rest = ''] =
        /^(?:(\w+)\.)?([\w-]+) ?(.*)$/s.exec(step) ?? [];
      try {
        await this.#step(role, verb, rest);
      } catch (error) {
        this.seen.push(`${step}: ${(error as Error).message}`);
        break;
      }
    }
    await this.#side.done(this.#unit);
    return this.seen;
  }

  async #step(role: string, verb: string, rest: string): Promise<void> {
    const words = rest === '' ? [] : rest.split(' ');
    switch (verb) {
      case 'start':
      case 'stop':
      case 'restart':
      case 'reload':
        return await this.#side.job(this.#unit, verb);
      case 'again':
        return void (await this.#side.puppets.wait(this.#unit, 'main', this.#starts++));
      case 'show':
        return await this.#show(await this.#facts());
      case 'rest':
        return await this.#show(await this.#until((facts) => AT_REST.includes(facts.SubState)));
      case 'until':
        return await this.#show(await this.#until(({ SubState }) => words.includes(SubState)));
      case 'sleep':
        return void (await sleep(Number(rest) * 1000));
      case 'env':
        return void this.seen.push(await this.#environment(role));
      case 'fds':
        return void this.seen.push(await this.#descriptors());
      default:
        await this.#puppetStep(role, verb, rest);
    }
  }

  async #puppetStep(role: string, verb: string, rest: string): Promise<void> {
    const puppet = await this.#puppet(role);
    if (verb === 'send') {
      const [text = '', kinds = ''] = rest.split(' + ');
      const escaped = await this.#fill(puppet, text);
      await puppet.command('send', escaped, ...kinds.split(' ').filter(Boolean));
    } else if (verb === 'fork') {
      await puppet.command('fork', 'child');
      await this.#side.puppets.wait(this.#unit, 'child', 0);
    } else await puppet.command(verb, ...rest.split(' '));
    if (verb === 'exit') await puppet.gone;
  }

  /** Fills in pids and times, and the escapes that a line of a script has instead of control characters. */
  async #fill(puppet: Puppet, text: string): Promise<string> {
    let filled = text;
    for (const role of ROLES)
      if (filled.includes(`{${role}}`))
        filled = filled.replaceAll(`{${role}}`, String((await this.#puppet(role)).hello.pid));
    if (filled.includes('{now}'))
      filled = filled.replaceAll('{now}', String(await puppet.command('monotonic')));
    return filled
      .replace(/<(\w+)\*(\d+)>/g, (_, word: string, count: string) => word.repeat(Number(count)))
      .replace(/\\(n|r|t|0|e|\\|x[\da-f]{2})/g, (_, code: string) => unescapeCode(code));
  }

  async #puppet(role: string): Promise<Puppet> {
    const { puppets } = this.#side;
    if (role !== 'main')
      return await puppets
        .wait(this.#unit, role, 0)
        .then(() => puppets.of(this.#unit, role).at(-1)!);
    this.#starts ||= 1;
    return await puppets.wait(this.#unit, 'main', this.#starts - 1);
  }

  /** Reads the facts once the manager has read all messages. */
  async #facts(): Promise<Facts> {
    const { puppets } = this.#side;
    const living = ROLES.flatMap((role) => puppets.of(this.#unit, role)).filter(
      ({ isGone }) => !isGone,
    );
    await living[0]?.command('barrier');
    return await this.#side.show(this.#unit);
  }

  async #until(condition: (facts: Facts) => boolean): Promise<Facts> {
    for (const deadline = Date.now() + PATIENCE; ; await sleep(100)) {
      const facts = await this.#side.show(this.#unit);
      if (condition(facts) || Date.now() > deadline) return facts;
    }
  }

  async #show(facts: Facts): Promise<void> {
    this.seen.push([this.#states(facts), ...this.#rest(facts)].join(' '));
  }

  #states({ ActiveState, SubState }: Facts): string {
    return `${ActiveState}/${SubState}`;
  }

  *#rest(facts: Facts): Iterable<string> {
    // The machine decides whether a core can be dumped.
    if (facts.Result !== 'success') yield facts.Result.replace('core-dump', 'signal');
    if (facts.ReloadResult !== 'success') yield `reload=${facts.ReloadResult}`;
    if (facts.StatusText !== '') yield JSON.stringify(facts.StatusText);
    if (facts.StatusErrno > 0) yield `errno=${facts.StatusErrno}`;
    if (facts.NRestarts > 0) yield `restarts=${facts.NRestarts}`;
    if (facts.NFileDescriptorStore > 0) yield `stored=${facts.NFileDescriptorStore}`;
    const main = this.#roleOf(facts.MainPID);
    if (main !== 'main') yield `main=${main}`;
  }

  /** Who the main process is: also 'main' if there is none, or it has not yet said who it is. */
  #roleOf(pid: number): string {
    const isOf = (role: string) =>
      this.#side.puppets.of(this.#unit, role).at(-1)?.hello.pid === pid;
    return ROLES.find(isOf) ?? 'main';
  }

  async #environment(role: string): Promise<string> {
    const { env } = (await this.#puppet(role)).hello;
    const values = VARIABLES.filter((name) => name in env).map((name) => `${name}=${env[name]}`);
    const present = PRESENCE.filter((name) => name in env);
    return `${role}: ${[...values, ...present].join(' ')}`;
  }

  async #descriptors(): Promise<string> {
    const { names, kinds } = (await this.#puppet('main')).hello;
    return `fds: ${names.map((name, index) => `${JSON.stringify(name)} ${kinds[index]}`).join(', ')}`;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  0: '\0',
  e: '\x1b',
  '\\': '\\',
};

function unescapeCode(code: string): string {
  return ESCAPES[code] ?? String.fromCharCode(Number.parseInt(code.slice(1), 16));
}
