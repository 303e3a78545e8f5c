// A program that runs while a test talks to it, and writes lines of JSON to stdout.
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export type Child = ChildProcessByStdio<Writable | null, Readable, Readable>;

/** The address of a service, as net.connect() takes it. */
export type Reachable =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** Settles as `promise` does, or rejects after this many milliseconds. */
async function withTimeout<T>(
  promise: Promise<T>,
  milliseconds: number,
  describeTimeout: () => string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(describeTimeout())), milliseconds);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** A child process that a test talks to. Its disposal kills the process. */
export class Service implements AsyncDisposable {
  readonly #child: Child;
  readonly #ownGroup: boolean;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  readonly #timeout: number;
  #stderr = '';

  /**
   * @param ownGroup - true if the process leads a process group, which the disposal then kills as a whole
   * @param timeout - the milliseconds that each method waits
   */
  constructor(child: Child, ownGroup = false, timeout = 30_000) {
    this.#child = child;
    this.#ownGroup = ownGroup;
    this.#timeout = timeout;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#closed = once(child, 'close');
    // The methods pass the rejection on. Without a handler it would be an unhandled rejection before they are called.
    this.#closed.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The text that the process has written to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  #withTimeout<T>(promise: Promise<T>, complaint: string): Promise<T> {
    const message = () => `${complaint} within ${this.#timeout} ms: ${this.#stderr}`;
    return withTimeout(promise, this.#timeout, message);
  }

  /** Reads the next line. Rejects when the process ends instead, or after the timeout. */
  async next<T>(): Promise<T> {
    const line = await this.#withTimeout(this.#lines.next(), 'Said nothing');
    if (line.done) {
      const { code, signal } = await this.ended();
      throw new Error(`Ended with ${signal ?? code}, and without a line: ${this.#stderr}`);
    }
    return JSON.parse(line.value) as T;
  }

  /** Waits until the text on stderr matches. */
  async stderrMatches(pattern: RegExp): Promise<void> {
    const matched = new Promise<void>((resolve, reject) => {
      const check = () => {
        if (pattern.test(this.#stderr)) resolve();
      };
      this.#child.stderr.on('data', check);
      this.#closed.then(() => reject(new Error(`Ended: ${this.#stderr}`)), reject);
      check();
    });
    await this.#withTimeout(matched, `Nothing like ${pattern}`);
  }

  /** Waits for the end of the process. */
  async ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    await this.#withTimeout(this.#closed, 'Did not end');
    return { code: this.#child.exitCode, signal: this.#child.signalCode };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(this.#ownGroup ? -pid : pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await this.#closed;
  }
}
