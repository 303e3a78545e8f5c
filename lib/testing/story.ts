// What is told of a unit, and of the services of its connections, together.
import { monotonicNow } from '../manager/alarm.ts';
import type { Message } from './message.ts';
import type { Problem, ProblemCode } from './problems/codes.ts';
import { Written } from './written.ts';

export class Story {
  /** When the unit was made, in microseconds of CLOCK_MONOTONIC. */
  readonly begun = monotonicNow();
  readonly messages: Message[] = [];
  /** By what they say, so that each is told once. */
  readonly #problems = new Map<string, Problem>();
  readonly #output = new Written();
  readonly #printed = new Written();
  readonly #errors = new Written();

  get problems(): readonly Problem[] {
    return [...this.#problems.values()];
  }

  add(problems: readonly Problem[]): void {
    for (const problem of problems)
      this.#problems.set(`${problem.code} ${problem.message}`, Object.freeze(problem));
  }

  has(code: ProblemCode): boolean {
    return this.problems.some((problem) => problem.code === code);
  }

  /** Takes out the messages, for an owner that lives so long that they would fill the memory. */
  takeMessages(): readonly Message[] {
    return this.messages.splice(0);
  }

  /** Forgets the problems, for the same reason. One that goes on is added again. */
  forgetProblems(): void {
    this.#problems.clear();
  }

  write(text: string, stream: 'stdout' | 'stderr'): void {
    this.#output.add(text);
    (stream === 'stderr' ? this.#errors : this.#printed).add(text);
  }

  get output(): string {
    return this.#output.text;
  }

  /** Of the output, what was written to standard output. */
  get printed(): string {
    return this.#printed.text;
  }

  /** Of the output, what was written to standard error. */
  get errors(): string {
    return this.#errors.text;
  }
}
