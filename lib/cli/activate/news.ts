// What is new in the history of a service: each message once, each problem once.
import type { History } from '../../testing/history.ts';
import type { Message } from '../../testing/message.ts';
import type { Problem } from '../../testing/problems/codes.ts';
import type { Tell } from './events.ts';

/** So many problems of one code are told. Their texts differ by pids and values, and a program may run for days. */
const MOST_OF_A_CODE = 10;

/** A hint for this command: it has `--type`, and other options of start() only as lines of a unit file. */
const inWordsOfCommand = (hint: string): string =>
  hint.replace(/ \(\{ type: '([\w-]+)' \}\)/, ' (--type $1)').replace(/ \(\{ .*? \}\)/, '');

/** The problems that were told. */
export class ToldProblems {
  /** Their texts by their codes. */
  readonly #told = new Map<string, Set<string>>();

  get count(): number {
    return [...this.#told.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Tells a problem, unless it was told. The last one that is told of a code says that there are more. */
  tell(problem: Problem, tell: Tell): void {
    const { code, message } = problem;
    const told = this.#told.get(code) ?? new Set();
    this.#told.set(code, told);
    // The message about late pings has another time at each one.
    const text = code === 'watchdog-late' ? code : message;
    if (told.has(text) || told.size > MOST_OF_A_CODE) return;
    told.add(text);
    const isLast = told.size > MOST_OF_A_CODE;
    tell({
      event: 'problem',
      ...problem,
      hint: inWordsOfCommand(problem.hint),
      ...(isLast && { message: `${message}; others like it are not shown` }),
    });
  }
}

/** The value of an assignment of a message that the manager took; undefined when there is none. */
const taken = ({ assignments }: Message, key: string): string | undefined =>
  assignments.findLast((one) => one.key === key && one.outcome === 'taken')?.value;

/** Tells what is new, and keeps no more of it than is needed to tell it once. */
export class News {
  readonly #history: History;
  readonly #told: ToldProblems;
  readonly #tell: Tell;
  /** The message by which the reload under way has begun. */
  #reload: Message | undefined;

  constructor(history: History, told: ToldProblems, tell: Tell) {
    this.#history = history;
    this.#told = told;
    this.#tell = tell;
  }

  tellMessages(): void {
    for (const message of this.#history.takeMessages()) {
      this.#tell({ event: 'message', ...message });
      this.#lookForReload(message);
    }
  }

  #lookForReload(message: Message): void {
    const { pid, at } = message;
    if (taken(message, 'RELOADING') === '1') this.#reload = message;
    if (taken(message, 'READY') !== '1' || this.#reload === undefined) return;
    const status = taken(message, 'STATUS');
    // Otherwise the process has ended meanwhile, and another one has started.
    if (this.#reload.pid === pid) {
      const after = at - this.#reload.at;
      this.#tell({ event: 'reloaded', pid, after, ...(status !== undefined && { status }) });
    }
    this.#reload = undefined;
  }

  tellProblems(): void {
    for (const problem of this.#history.takeProblems()) this.#told.tell(problem, this.#tell);
  }
}
