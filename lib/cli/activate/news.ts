// What is new in the history of a service: each message once, each problem once.
import type { History } from '../../testing/history.ts';
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

/** Tells what is new, and keeps no more of it than is needed to tell it once. */
export class News {
  readonly #history: History;
  readonly #told: ToldProblems;
  readonly #tell: Tell;

  constructor(history: History, told: ToldProblems, tell: Tell) {
    this.#history = history;
    this.#told = told;
    this.#tell = tell;
  }

  tellMessages(): void {
    for (const message of this.#history.takeMessages())
      this.#tell({ event: 'message', ...message });
  }

  tellProblems(): void {
    for (const problem of this.#history.takeProblems()) this.#told.tell(problem, this.#tell);
  }
}
